"""How the context encoders are trained: what is special to them; the rest is outpaint_cli.training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from outpaint_cli.plugin import UsageError
from outpaint_cli.training import masks, validation
from outpaint_cli.training.features import load_features, numpy_features
from outpaint_cli.training.losses import (
    hinge_discriminator,
    hinge_generator,
    layout,
    lsgan_discriminator,
    lsgan_generator,
    perceptual,
    style,
)
from outpaint_cli.training.material import Material, gather
from outpaint_cli.training.options import TrainOptions
from outpaint_cli.training.photos import Progress, vary_light
from outpaint_cli.training.reading import load_checkpoint
from outpaint_cli.training.task import Batch, Player, Task, constant, warm_cosine
from outpaint_context_encoder.checkpoint import read_onnx, read_paper, read_unet, unfold
from outpaint_context_encoder.critic import Critic
from outpaint_context_encoder.export import export_critic, export_paper, export_unet
from outpaint_context_encoder.losses import EPOCHS, adversarial_share, mixed
from outpaint_context_encoder.network import ContextUNet, UNetConfig
from outpaint_context_encoder.paper import PaperConfig, PaperDiscriminator, PaperGenerator

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOSSES = ("rec", "rec+adv", "full")
SIDES = (96, 108, 128, 160)  # pixels: a crop sees a whole photo or most of it
SHAPES = ((96, 128), (96, 128), (96, 128), (128, 96), (128, 128), (96, 96))
PAPER_SIDES = {192: (192, 224), 96: SIDES}  # by working size
CALIBRATION_BATCHES = 8


def make_task(options: TrainOptions, device: torch.device, progress: Progress) -> Task:
    """The task that ``outpaint train context-encoder`` trains, as the options say. Raises UsageError."""
    loss = options.loss or "rec"
    if loss not in LOSSES:
        raise UsageError(f"--loss '{loss}': the context encoder knows {', '.join(LOSSES)}")
    kind = options.choose("network", "unet")
    if kind == "unet":
        return UNetTask(options, loss, device, progress)
    if kind != "paper":
        raise UsageError(f"-O context-encoder.network={kind}: use unet or paper")
    if loss == "full":
        raise UsageError("--loss full: the paper's network is trained with rec or rec+adv")
    return PaperTask(options, loss, device, progress)


class UNetTask:
    """Our network. ``rec``: layout loss; ``rec+adv``: with the paper's share of a whole-image LSGAN;
    ``full``: layout, perceptual and style losses and a hinge adversary for patches and the whole."""

    def __init__(self, options: TrainOptions, loss: str, device: torch.device, progress: Progress) -> None:
        self.name, self.loss, self.device = "network", loss, device
        self.batch_size = options.batch or 32
        self.caps = options.caps
        self.weights = {
            name: options.number(name, value)
            for name, value in (("perceptual", 0.15), ("style", 0.05), ("adversarial", 0.01))
        }
        self.features: nn.Module | None = None
        if loss == "full" or options.perceptual:
            self.features = load_features(options.perceptual, options.offline).to(device)
            self.features.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.material: Material = gather(options, SIDES, progress)
        self.samples = validation.samples(self.material.held_out, 128, 32)
        self.network = ContextUNet(_config(options))
        if options.init is not None:
            self._start_from(options.init, options.seed)
        lr = options.lr or (6e-4 if options.init is None else 2e-4)
        adam = torch.optim.AdamW(self.network.parameters(), lr, betas=(0.9, 0.98), weight_decay=0.02)
        self.players: Sequence[Player] = [
            Player("network", self.network, adam, self.network_loss, warm_cosine, clip=1.0)
        ]
        self.critic: nn.Module | None = None
        if loss != "rec":
            self.critic = Critic() if loss == "full" else PaperDiscriminator()
            adam_critic = torch.optim.Adam(self.critic.parameters(), 2e-4, betas=(0.5, 0.99))
            critic = Player("critic", self.critic, adam_critic, self.critic_loss, constant)
            self.players = [*self.players, critic]

    def settings(self) -> Mapping[str, Any]:
        """Sizes, weights, photos."""
        return {
            "kind": "context-unet",
            "config": self.network.config.as_dict(),
            "loss": self.loss,
            "weights": self.weights if self.loss == "full" else {},
            "features": type(self.features).__name__ if self.features is not None else None,
            "batch": self.batch_size,
            "shapes": SHAPES,
            "photos": {"count": len(self.material.photos.names), "sha256": self.material.digest},
            "lr": self.players[0].optimizer.param_groups[0]["lr"],
        }

    def batch(self, rng: np.random.Generator, progress: float) -> Batch:
        """Crops of one random shape, each with its own border mask."""
        height, width = SHAPES[int(rng.integers(len(SHAPES)))]
        shares = self.material.photos.shares(self.caps, progress)
        crops = self.material.photos.crops(rng, self.batch_size, height, width, shares)
        known = np.stack([masks.random_border(rng, height, width) for _ in crops])
        return Batch.of(vary_light(rng, crops), known)

    def network_loss(self, batch: Batch, progress: float) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The generator's turn."""
        truth, known = batch.picture, batch.known
        picture = self.network(truth, known)
        reconstruction = layout(picture, truth, known)
        terms = {"rec": reconstruction}
        if self.loss == "rec":
            return reconstruction, terms
        mended = known * truth + (1 - known) * picture
        batch.shared["mended"] = mended.detach()
        terms["adversarial"] = self._adversarial(mended, known)
        if self.loss == "rec+adv":
            return mixed(reconstruction, terms["adversarial"], adversarial_share(progress * EPOCHS)), terms
        assert self.features is not None
        with torch.no_grad():
            wanted = self.features(truth)
        found = self.features(mended)
        hole = 1 - known
        terms |= {"perceptual": perceptual(found, wanted, hole), "style": style(found, wanted, hole)}
        return reconstruction + sum(weight * terms[name] for name, weight in self.weights.items()), terms

    def critic_loss(self, batch: Batch, progress: float) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The discriminator's turn, on the same pictures."""
        assert self.critic is not None
        self.critic.requires_grad_(True)
        mended = batch.shared["mended"]
        if isinstance(self.critic, Critic):
            real, fake = self.critic(batch.picture, batch.known), self.critic(mended, batch.known)
            pairs = [hinge_discriminator(r, f) for r, f in zip(real, fake, strict=True)]
            return torch.stack(pairs).mean(), {}
        return lsgan_discriminator(self.critic(batch.picture), self.critic(mended)), {}

    def _adversarial(self, mended: Tensor, known: Tensor) -> Tensor:
        assert self.critic is not None
        self.critic.eval().requires_grad_(False)
        if isinstance(self.critic, Critic):
            return torch.stack([hinge_generator(f) for f in self.critic(mended, known)]).mean()
        return lsgan_generator(self.critic(mended))

    def validate(self, network: nn.Module) -> Mapping[str, float]:
        """Scores at the working size."""
        features = numpy_features(self.features) if self.features is not None else None
        return validation.score(self.samples, network, self.device, features)

    def sheet(self, network: nn.Module) -> NDArray[np.uint8]:
        """Truth, input and output of the first photos held out."""
        return validation.show(self.samples, network, self.device)

    def export(self, network: nn.Module, path: Path, training: Mapping[str, Any]) -> float:
        """fp16 ONNX."""
        assert isinstance(network, ContextUNet)
        return export_unet(network, path, fp16=True, training=training)

    def _start_from(self, path: Path, seed: int) -> None:
        if path.suffix == ".onnx":
            if not path.is_file():
                raise UsageError(f"--init {path}: there is no such file")
            config, folded = read_onnx(path)
            self.network = ContextUNet(config)
            batches = (self.batch(np.random.default_rng((seed, n)), 0) for n in range(CALIBRATION_BATCHES))
            unfold(self.network, folded, ((b.picture, b.known) for b in batches))
            return
        network = read_unet(load_checkpoint(path))
        if network is None:
            raise UsageError(f"--init {path}: holds no context-unet")
        self.network = network


class PaperTask:
    """The paper's network at its 192 pixels with the middle 128 known, or at half: ``rec`` or ``rec+adv``."""

    def __init__(self, options: TrainOptions, loss: str, device: torch.device, progress: Progress) -> None:
        self.name, self.loss, self.device = "network", loss, device
        self.batch_size = options.batch or 4
        self.caps = options.caps
        self.size, config = _paper_size(options), _paper_config(options)
        self.material: Material = gather(options, PAPER_SIDES[self.size], progress)
        self.samples = validation.samples(self.material.held_out, self.size, 32, square=True)
        self.network = PaperGenerator(config)
        if options.init is not None:
            network = read_paper(load_checkpoint(options.init))
            if network is None:
                raise UsageError(f"--init {options.init}: holds no generator in the published layout")
            self.network = network
        lr = options.lr or 3e-4
        adam = torch.optim.Adam(self.network.parameters(), lr, betas=(0.5, 0.999))
        self.players: Sequence[Player] = [Player("network", self.network, adam, self.network_loss, constant)]
        self.critic: PaperDiscriminator | None = None
        if loss != "rec":
            self.critic = PaperDiscriminator()
            adam_critic = torch.optim.Adam(self.critic.parameters(), lr, betas=(0.5, 0.999))
            critic = Player("critic", self.critic, adam_critic, self.critic_loss, constant)
            self.players = [*self.players, critic]

    def settings(self) -> Mapping[str, Any]:
        """Sizes, photos."""
        return {
            "kind": "van-hoorick-2019",
            "config": self.network.config.as_dict(),
            "size": self.size,
            "loss": self.loss,
            "batch": self.batch_size,
            "photos": {"count": len(self.material.photos.names), "sha256": self.material.digest},
            "lr": self.players[0].optimizer.param_groups[0]["lr"],
        }

    def batch(self, rng: np.random.Generator, progress: float) -> Batch:
        """Squares with the middle known."""
        shares = self.material.photos.shares(self.caps, progress)
        crops = self.material.photos.crops(rng, self.batch_size, self.size, self.size, shares)
        known = np.broadcast_to(masks.centre(self.size, self.size), (len(crops), self.size, self.size))
        return Batch.of(crops.astype(np.float32) / np.float32(255), known)

    def network_loss(self, batch: Batch, progress: float) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The generator's turn: (1 - a) L1 + a LSGAN over the whole picture (arXiv 1912.10960, 3.3)."""
        picture = self.network(_white(batch.picture, batch.known)).float()
        reconstruction = (picture - batch.picture).abs().mean()
        if self.critic is None:
            return reconstruction, {}
        batch.shared["picture"] = picture.detach()
        self.critic.eval().requires_grad_(False)
        adversarial = lsgan_generator(self.critic(picture).float())
        share = adversarial_share(progress * EPOCHS)
        return mixed(reconstruction, adversarial, share), {"rec": reconstruction, "adversarial": adversarial}

    def critic_loss(self, batch: Batch, progress: float) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The discriminator's turn, on the same pictures."""
        assert self.critic is not None
        self.critic.requires_grad_(True)
        real, fake = self.critic(batch.picture), self.critic(batch.shared["picture"])
        return lsgan_discriminator(real.float(), fake.float()), {}

    def validate(self, network: nn.Module) -> Mapping[str, float]:
        """Scores in the paper's set-up."""
        return validation.score(self.samples, _whiten(network), self.device)

    def sheet(self, network: nn.Module) -> NDArray[np.uint8]:
        """Truth, input and output of the first photos held out."""
        return validation.show(self.samples, _whiten(network), self.device)

    def export(self, network: nn.Module, path: Path, training: Mapping[str, Any]) -> float:
        """fp16 ONNX, and the discriminator beside it."""
        if self.critic is not None:
            export_critic(self.critic, path.with_name("discriminator.onnx"), fp16=True)
        return export_paper(network, path, fp16=True, training=training, size=self.size)


# ------------------------------------------------------------------------------------------ small parts


def _config(options: TrainOptions) -> UNetConfig:
    usual = UNetConfig()
    try:
        widths, blocks = (
            tuple(int(number) for number in text.split(","))
            for text in (
                options.choose("widths", ",".join(map(str, usual.widths))),
                options.choose("blocks", ",".join(map(str, usual.blocks))),
            )
        )
    except ValueError:
        widths = blocks = ()
    if not 2 <= len(widths) == len(blocks) <= 5 or min(widths) < 1 or min(blocks) < 1:
        raise UsageError(
            "-O context-encoder.widths and .blocks are as many whole numbers, two to five, with commas"
        )
    return UNetConfig(widths, blocks)


def _paper_size(options: TrainOptions) -> int:
    text = options.choose("size", "192")
    if text not in map(str, PAPER_SIDES):
        raise UsageError(
            f"-O context-encoder.size={text}: the paper's network is trained at 192 or 96 pixels"
        )
    return int(text)


def _paper_config(options: TrainOptions) -> PaperConfig:
    share, usual = options.number("width", 1), PaperConfig()
    if not 0 < share <= 1:
        raise UsageError(
            f"-O context-encoder.width={share:g} is a share of the paper's channels, above 0 up to 1"
        )

    def thin(widths: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(max(1, round(width * share)) for width in widths)

    return PaperConfig(thin(usual.down), thin((usual.bottleneck,))[0], thin(usual.up))


def _white(picture: Tensor, known: Tensor) -> Tensor:
    return picture * known + (1 - known)


def _whiten(network: nn.Module) -> validation.Predict:
    def predict(picture: Tensor, known: Tensor) -> Tensor:
        found: Tensor = network(_white(picture, known))
        return found

    return predict
