"""How the partial convolution networks are trained; what all networks share is outpaint_cli.training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from outpaint_cli.plugin import UsageError
from outpaint_cli.training import masks, validation
from outpaint_cli.training.features import load_features, numpy_features
from outpaint_cli.training.holes import random_irregular
from outpaint_cli.training.losses import dilate, layout, total_variation
from outpaint_cli.training.material import Material, gather
from outpaint_cli.training.options import TrainOptions
from outpaint_cli.training.photos import Progress, vary_light
from outpaint_cli.training.reading import load_checkpoint
from outpaint_cli.training.task import Batch, Player, Task, constant, warm_cosine
from outpaint_pconv.checkpoint import read_lean, read_paper
from outpaint_pconv.export import SIZE, export
from outpaint_pconv.losses import WEIGHTS, terms, total
from outpaint_pconv.network import LeanConfig, LeanPConv
from outpaint_pconv.paper import PaperPConv

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

LOSSES = ("rec", "full")
SIDES = (144, 192, 256)  # pixels: photos' shorter sides
STAGES = ((0.0, 128), (0.55, 192), (0.8, 256))  # from a share of the run on: the crops' side
TV_SHARE = 0.02  # of total variation beside the layout loss
BORDERS = 0.35  # of the masks hide outer borders, the others irregular holes
HELD_OUT_BORDERS = 24
FINE_TUNING = 5e-5  # learning rate, section 3.4


def make_task(options: TrainOptions, device: torch.device, progress: Progress) -> Task:
    """The task that ``outpaint train pconv`` trains, as the options say. Raises UsageError."""
    return PConvTask(options, device, progress)


class PConvTask:
    """``rec``: layout loss and a little total variation; ``full``: the six terms of the paper."""

    def __init__(self, options: TrainOptions, device: torch.device, progress: Progress) -> None:
        self.name, self.device = "network", device
        self.loss = options.loss or "rec"
        if self.loss not in LOSSES:
            raise UsageError(f"--loss '{self.loss}': pconv knows {', '.join(LOSSES)}")
        kind, stage = options.choose("network", "lean"), options.choose("stage", "1")
        if kind not in ("lean", "paper") or stage not in ("1", "2"):
            raise UsageError("-O pconv.network is lean or paper, -O pconv.stage is 1 or 2")
        if stage == "2" and options.init is None:
            raise UsageError("-O pconv.stage=2 goes on from weights: give them with --init")
        self.stage, self.caps = stage, options.caps
        self.weights = {name: options.number(name, value) for name, value in WEIGHTS.items()}
        self.features: nn.Module | None = None
        if self.loss == "full" or options.perceptual:
            self.features = load_features(options.perceptual, options.offline).to(device)
            self.features.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.network: LeanPConv | PaperPConv = LeanPConv(_config(options)) if kind == "lean" else PaperPConv()
        if options.init is not None:
            self.network = _read(options.init, kind)
        self.batch_size = options.batch or (32 if kind == "lean" else 6)
        self.sides = STAGES if kind == "lean" and stage == "1" else ((0.0, SIZE),)
        self.material: Material = gather(options, SIDES, progress)
        multiple = self.network.config.multiple
        self.holes = validation.hole_samples(self.material.held_out, SIZE)
        self.borders = validation.samples(self.material.held_out[:HELD_OUT_BORDERS], SIZE, multiple)
        self.telea = validation.score_holes(self.holes, validation.telea, torch.device("cpu"))
        lr = options.lr or (FINE_TUNING if stage == "2" else 6e-4 if kind == "lean" else 2e-4)
        if stage == "2":
            self.network.freeze()
        moving = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        if kind == "lean":
            adam: torch.optim.Optimizer = torch.optim.AdamW(moving, lr, betas=(0.9, 0.98), weight_decay=0.02)
            player = Player("network", self.network, adam, self.network_loss, warm_cosine, clip=1.0)
        else:
            adam = torch.optim.Adam(moving, lr)
            player = Player("network", self.network, adam, self.network_loss, constant)
        self.players: Sequence[Player] = [player]

    def settings(self) -> Mapping[str, Any]:
        """Sizes, weights, photos."""
        return {
            "kind": "pconv-lean" if isinstance(self.network, LeanPConv) else "liu-2018",
            "config": self.network.config.as_dict(),
            "loss": self.loss,
            "stage": self.stage,
            "weights": self.weights if self.loss == "full" else {},
            "features": type(self.features).__name__ if self.features is not None else None,
            "batch": self.batch_size,
            "sides": self.sides,
            "photos": {"count": len(self.material.photos.names), "sha256": self.material.digest},
            "lr": self.players[0].optimizer.param_groups[0]["lr"],
        }

    def batch(self, rng: np.random.Generator, progress: float) -> Batch:
        """Square crops, each with its own irregular hole or border; as many pixels a batch at every side."""
        side = max((start, side) for start, side in self.sides if start <= progress)[1]
        count = max(2, self.batch_size * self.sides[0][1] ** 2 // side**2)
        shares = self.material.photos.shares(self.caps, progress)
        crops = self.material.photos.crops(rng, count, side, side, shares)
        known = np.stack([_mask(rng, side) for _ in crops])
        return Batch.of(vary_light(rng, crops), known)

    def network_loss(self, batch: Batch, progress: float) -> tuple[Tensor, Mapping[str, Tensor]]:
        """The loss and its terms."""
        truth, known = batch.picture, batch.known
        picture = self.network(truth, known)
        if self.loss == "full":
            found = terms(picture, truth, known, self.features)
            return total(found, self.weights), found
        hole = 1 - known
        smooth = total_variation(known * truth + hole * picture, dilate(hole)) / hole.mean()
        found = {"layout": layout(picture, truth, known), "tv": smooth}
        return found["layout"] + TV_SHARE * smooth, found

    def validate(self, network: nn.Module) -> Mapping[str, float]:
        """PSNR over irregular holes by class, and how far it is above Telea's; scores over hidden borders."""
        found = validation.score_holes(self.holes, network, self.device)
        above = {f"above_{name[5:]}": found[name] - self.telea[name] for name in found if name != "psnr"}
        features = numpy_features(self.features) if self.features is not None else None
        return found | above | validation.score(self.borders, network, self.device, features)

    def sheet(self, network: nn.Module) -> NDArray[np.uint8]:
        """Truth, input and output of photos held out: irregular holes and borders."""
        shown = [*self.holes[-6:], *self.borders[:6]]
        return validation.show(shown, network, self.device)

    def export(self, network: nn.Module, path: Path, training: Mapping[str, Any]) -> float:
        """fp16 ONNX."""
        assert isinstance(network, (LeanPConv, PaperPConv))
        return export(network, path, fp16=True, training={**training, "telea": self.telea})


# ------------------------------------------------------------------------------------------ small parts


def _mask(rng: np.random.Generator, side: int) -> NDArray[np.bool_]:
    if rng.random() < BORDERS:
        return masks.random_border(rng, side, side)
    return random_irregular(rng, side, side)


def _read(path: Path, kind: str) -> LeanPConv | PaperPConv:
    loaded = load_checkpoint(path)
    network = read_lean(loaded) if kind == "lean" else read_paper(loaded)
    if network is None:
        raise UsageError(f"--init {path}: holds no {kind} partial convolution network")
    return network.train()


def _config(options: TrainOptions) -> LeanConfig:
    usual = LeanConfig()
    try:
        widths, blocks = (
            tuple(int(number) for number in options.choose(name, ",".join(map(str, default))).split(","))
            for name, default in (("widths", usual.widths), ("blocks", usual.blocks))
        )
    except ValueError:
        widths = blocks = ()
    if not 2 <= len(widths) == len(blocks) <= 7 or min(widths) < 1 or min(blocks) < 0:
        raise UsageError("-O pconv.widths and .blocks are as many whole numbers, two to seven, with commas")
    return LeanConfig(widths, blocks)
