"""How the networks that say what to expect are trained: on photos of which a part is hidden behind a guess."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from outpaint_cli.described import DescribedFiller
from outpaint_cli.plugin import Context, ModelRef, Multiple, UsageError
from outpaint_cli.training import masks
from outpaint_cli.training.holes import random_irregular
from outpaint_cli.training.material import Material, gather
from outpaint_cli.training.options import TrainOptions
from outpaint_cli.training.photos import Progress, read_photo
from outpaint_cli.training.reading import load_checkpoint
from outpaint_cli.training.states import fits, read
from outpaint_cli.training.task import Batch, Player, warm_cosine

from .export import export
from .network import AffinityNet, TextureNet
from .smooth import smooth_guess
from .texture import CHANNELS, FINE, energies, texture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outpaint_cli.plugin import Bools, Floats, Samples

SIDES = (192, 256, 288, 320)  # pixels: photos' shorter sides
SHAPES = (
    (96, 128), (96, 128), (80, 128), (80, 128), (64, 128), (128, 96), (128, 80), (96, 96), (96, 64),
)  # cells  # fmt: skip
HOLES = 0.2  # of the masks are irregular holes, the others hide outer borders
DEEP = 0.2  # of the masks hide two opposite sides, up to three quarters, as frames of the other shape do
SMOOTH = 0.2  # of the guesses are smooth fills: where no network is wanted, there is no other
GUESS = slice(0, 3)
MUSH = slice(3, 3 + CHANNELS)
TRUTH = slice(3 + CHANNELS, 3 + 2 * CHANNELS)
VALIDATED = 48


class TextureTask:
    """The mean distance to the hidden part's texture, as told in texture.py, is made small."""

    kind = "texture"

    def __init__(self, options: TrainOptions, device: torch.device, progress: Progress) -> None:
        self.name, self.device, self.caps = "network", device, options.caps
        if options.loss not in ("", "rec"):
            raise UsageError(f"--loss '{options.loss}': patch knows rec")
        guess = options.choose("guess", "")
        self.guess = Path(guess).name
        self.filler = _filler(Path(guess)) if guess else None
        self.batch_size = options.batch or 24
        self.material: Material = gather(options, SIDES, progress)
        self.network = self.make()
        if options.init is not None:
            network = read(load_checkpoint(options.init), self._weights)
            if network is None:
                raise UsageError(f"--init {options.init}: holds no {self.kind} network")
            self.network = network
        lr = options.lr or 2e-3
        adam = torch.optim.AdamW(self.network.parameters(), lr, weight_decay=1e-2)
        self.players: Sequence[Player] = [
            Player("network", self.network, adam, self.network_loss, warm_cosine, clip=1.0)
        ]
        rng = np.random.default_rng(1804)
        self.samples = [self._sample(rng, path) for path in self.material.held_out[:VALIDATED]]

    def make(self) -> TextureNet | AffinityNet:
        """A network that has learnt nothing yet."""
        return TextureNet()

    def _weights(
        self, state: Mapping[str, Tensor]
    ) -> tuple[TextureNet | AffinityNet, Mapping[str, Tensor]] | None:
        return (self.make(), state) if fits(self.make, state) else None

    def settings(self) -> Mapping[str, Any]:
        """Sizes, photos, and the network that guesses."""
        return {
            "kind": f"{self.kind}-unet",
            "guess": self.guess,
            "batch": self.batch_size,
            "shapes": SHAPES,
            "photos": {"count": len(self.material.photos.names), "sha256": self.material.digest},
            "lr": self.players[0].optimizer.param_groups[0]["lr"],
        }

    def batch(self, rng: np.random.Generator, progress: float) -> Batch:
        """Crops of one shape. The channels of ``picture`` are guess, its texture and the truth's, in cells."""
        height, width = SHAPES[int(rng.integers(len(SHAPES)))]
        shares = self.material.photos.shares(self.caps, progress)
        crops = self.material.photos.crops(rng, self.batch_size, FINE * height, FINE * width, shares)
        known = np.stack([_mask(rng, height, width) for _ in crops])
        return Batch.of(self._stack(crops, known, rng.random(len(crops)) < SMOOTH), known)

    def _stack(self, crops: Samples, known: Bools, smooth: Bools) -> Floats:
        """Guess, its texture and the truth (N, h, w, c) for uint8 ``crops`` (N, FINE h, FINE w, 3)."""
        shown = known.repeat(FINE, 1).repeat(FINE, 2)
        height, width = known.shape[1:]
        guesses = self._fill(crops, known)
        rows = []
        for crop, guess, mask, plain in zip(crops, guesses, shown, smooth, strict=True):
            mended = np.where(mask[..., None], crop, smooth_guess(crop, mask) if plain else guess)
            mended = mended.astype(np.float32) / np.float32(255)
            small = cv2.resize(mended, (width, height), interpolation=cv2.INTER_AREA)
            truth = self.truth(crop.astype(np.float32) / np.float32(255))
            rows.append(np.concatenate((small, texture(energies(mended)), truth), -1))
        return np.stack(rows)

    def truth(self, crop: Floats) -> Floats:
        """What is to be told of ``crop`` float32 (FINE h, FINE w, 3): (h, w, CHANNELS)."""
        return texture(energies(crop))

    def _fill(self, crops: Samples, known: Bools) -> Samples:
        """What the guessing network makes of ``crops``, at their size; smooth fills where there is none."""
        if self.filler is None:
            shown = known.repeat(FINE, 1).repeat(FINE, 2)
            return np.stack([smooth_guess(crop, mask) for crop, mask in zip(crops, shown, strict=True)])
        size = self.filler.spec.size
        assert isinstance(size, Multiple)
        height, width = (
            min(size.max // size.k, max(-(-size.min // size.k), round(side / size.k))) * size.k
            for side in known.shape[1:]
        )
        small = np.stack([cv2.resize(c, (width, height), interpolation=cv2.INTER_AREA) for c in crops])
        mask = np.stack(
            [cv2.resize(k.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST) for k in known]
        )
        images = small.astype(np.float32) / np.float32(255)
        step, found = self.filler.spec.max_batch, []
        for start in range(0, len(images), step):
            piece = slice(start, start + step)
            found += list(self.filler.fill(images[piece], mask[piece] > 0, Context(threads=1)))
        full = crops.shape[2], crops.shape[1]
        return np.stack([_bytes(cv2.resize(f, full, interpolation=cv2.INTER_LINEAR)) for f in found])

    def _sample(self, rng: np.random.Generator, path: Path) -> Batch:
        """A photo with a sixth of each side hidden."""
        photo = read_photo(path)
        across = photo.shape[1] >= photo.shape[0]
        height, width = (80, 128) if across else (128, 80)
        crop = cv2.resize(photo, (FINE * width, FINE * height), interpolation=cv2.INTER_AREA)
        known = masks.centre(height, width)[None]
        smooth = np.array([self.filler is None])
        return Batch.of(self._stack(crop[None], known, smooth), known)

    def network_loss(self, batch: Batch, progress: float) -> tuple[Tensor, Mapping[str, Tensor]]:
        """Mean absolute difference of half the decimal logarithms, where nothing is known."""
        return self._distance(self.network, batch), {}

    def _distance(self, network: nn.Module, batch: Batch) -> Tensor:
        found = network(batch.picture[:, GUESS], batch.known, batch.picture[:, MUSH])
        unknown = (F.avg_pool2d(batch.known, 2) < 0.01).float()
        apart = (found - F.avg_pool2d(batch.picture[:, TRUTH], 2)).abs().mean(1, keepdim=True)
        distance: Tensor = (apart * unknown).sum() / unknown.sum().clamp(min=1)
        return distance

    def validate(self, network: nn.Module) -> Mapping[str, float]:
        """The same on photos that are not trained on; and for the guess's own texture."""
        network.eval()
        own, found = [], []
        with torch.inference_mode():
            for sample in self.samples:
                batch = sample.to(self.device)
                found.append(float(self._distance(network, batch)))
                unknown = (batch.known == 0).float()
                apart = (batch.picture[:, MUSH] - batch.picture[:, TRUTH]).abs().mean(1, keepdim=True)
                own.append(float((apart * unknown).sum() / unknown.sum()))
        return {"texture": float(np.mean(found)), "texture_of_guess": float(np.mean(own))}

    def sheet(self, network: nn.Module) -> NDArray[np.uint8]:
        """A row a photo: the guess, then what the network makes of it."""
        network.eval()
        rows = []
        for sample in self.samples[:6]:
            batch = sample.to(self.device)
            with torch.inference_mode():
                found = network(batch.picture[:, GUESS], batch.known, batch.picture[:, MUSH])
            planes = [
                batch.picture[0, GUESS].permute(1, 2, 0).cpu().numpy(),
                *self.shown(batch, found.float()),
            ]
            rows.append(np.concatenate([_bytes(cv2.resize(plane, (128, 96))) for plane in planes], 1))
        return np.concatenate(rows)

    def shown(self, batch: Batch, found: Tensor) -> list[Floats]:
        """Pictures (h, w, 3) in 0..1 of what is ``found``: the finest band's texture of truth and as expected."""
        planes = batch.picture[0, TRUTH][:1], F.interpolate(found, scale_factor=2)[0, :1]
        grey = [(plane[0].cpu().numpy() + np.float32(2.5)) / np.float32(2.5) for plane in planes]
        return [plane[..., None].repeat(3, -1) for plane in grey]

    def export(self, network: nn.Module, path: Path, training: Mapping[str, Any]) -> float:
        """fp16 ONNX."""
        assert isinstance(network, TextureNet | AffinityNet)
        return export(network, path, fp16=True, training=training)


# ------------------------------------------------------------------------------------------ small parts


def _filler(path: Path) -> DescribedFiller:
    """The self-describing network in ``path``. Raises UsageError where it is none or of one size only."""
    if not path.is_file():
        raise UsageError(f"-O patch.guess={path}: there is no such file")
    filler = DescribedFiller(ModelRef("guess", "", path, ""), Context(device="cpu", threads=1))
    if not isinstance(filler.spec.size, Multiple):
        raise UsageError(f"-O patch.guess={path}: a network of free size is needed, as context-encoder.onnx")
    return filler


def _mask(rng: np.random.Generator, height: int, width: int) -> Bools:
    kind = rng.random()
    if kind < HOLES:
        return random_irregular(rng, height, width)
    if kind < HOLES + DEEP:
        first, second = (float(share) for share in rng.uniform(0.2, 0.37, 2))
        if rng.random() < 0.6:
            return masks.border(height, width, 0, first, 0, second)
        return masks.border(height, width, first, 0, second, 0)
    return masks.random_border(rng, height, width)


def _bytes(picture: Floats) -> Samples:
    return (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)
