"""Which part of a scale's picture an iteration looks at."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from outpaint_singan.network import FIELD, REACH, seen
from outpaint_singan.noise import Noise
from outpaint_singan.replay import Tensors


@dataclass(frozen=True)
class Box:
    """A crop of a scale's picture: what the generator makes of it is ``height`` x ``width`` at (y, x)."""

    y: int
    x: int
    height: int
    width: int

    def cut(self, picture: Tensor) -> Tensor:
        """The crop."""
        return picture[..., self.y : self.y + self.height, self.x : self.x + self.width]

    def cut_padded(self, padded: Tensor) -> Tensor:
        """The crop with :data:`REACH` pixels around it, of a picture padded by as much."""
        return padded[
            ..., self.y : self.y + self.height + 2 * REACH, self.x : self.x + self.width + 2 * REACH
        ]

    def indices(self, name: str, device: torch.device) -> Tensors:
        """The crop's rows and columns as numbers, ``rows`` and ``columns`` + ``name``."""
        return {
            f"rows{name}": torch.arange(self.y, self.y + self.height, device=device),
            f"columns{name}": torch.arange(self.x, self.x + self.width, device=device),
        }


@dataclass(frozen=True)
class Part:
    """A crop: where ``box`` says, or, in a recording, where the inputs' rows and columns say."""

    box: Box
    inputs: Tensors
    name: str

    def cut(self, picture: Tensor) -> Tensor:
        """The crop."""
        rows = self.inputs.get(f"rows{self.name}")
        if rows is None:
            return self.box.cut(picture)
        return picture.index_select(2, rows).index_select(3, self.inputs[f"columns{self.name}"])


def pad(picture: Tensor) -> Tensor:
    """Zeros around it, as the original trains."""
    return F.pad(picture, (REACH,) * 4)


def place(height: int, width: int, high: int, wide: int, noise: Noise, known: Tensor | None) -> Box:
    """A crop somewhere in a picture; among a few tries, the first with enough known patches."""
    if (high, wide) == (height, width):
        return Box(0, 0, height, width)
    best, most = Box(0, 0, high, wide), -1.0
    for _ in range(16 if known is not None else 1):
        box = Box(noise.below(height - high + 1), noise.below(width - wide + 1), high, wide)
        if known is None:
            return box
        here = _whole_patches(box.cut(known))
        if here > most:
            best, most = box, here
        if most > 0.25 * high * wide:
            break
    if most < FIELD:
        return Box(0, 0, height, width)
    return best


def _whole_patches(known: Tensor) -> float:
    return float(seen(known).sum())
