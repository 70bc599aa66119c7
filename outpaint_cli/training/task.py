"""What a network's trainer hands the loop: everything that is special to one network, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Batch:
    """``picture`` (N, 3, H, W) in 0..1 and ``known`` (N, 1, H, W), 1 where the network may look.

    ``shared`` lets one player's loss hand tensors to the next one's within a step.
    """

    picture: Tensor
    known: Tensor
    shared: dict[str, Tensor] = field(default_factory=dict)

    @classmethod
    def of(cls, pictures: NDArray[np.float32], known: NDArray[np.bool_]) -> Batch:
        """From arrays (N, H, W, 3) in 0..1 and (N, H, W), True = known."""
        mask = torch.from_numpy(known.astype("float32"))[:, None]
        return cls(torch.from_numpy(pictures).permute(0, 3, 1, 2), mask)

    def to(self, device: torch.device) -> Batch:
        """The same on ``device``, channels last, which convolutions like best."""
        picture = self.picture.to(device, memory_format=torch.channels_last, non_blocking=True)
        return Batch(picture, self.known.to(device, non_blocking=True))


Loss: TypeAlias = Callable[[Batch, float], tuple[Tensor, Mapping[str, Tensor]]]
"""From a batch and the run's progress (0..1) to the loss and its named terms (for the log)."""


@dataclass(frozen=True)
class Player:
    """One network with its optimizer and loss. Players move in turn within a step.

    ``schedule`` gives the factor on the optimizer's learning rate for (step, progress 0..1); gradients are
    clipped to the length ``clip``.
    """

    name: str
    module: nn.Module
    optimizer: torch.optim.Optimizer
    loss: Loss
    schedule: Callable[[int, float], float]
    clip: float | None = None


class Task(Protocol):
    """A network to be trained. The first player's module is the product; its averaged weights are kept."""

    name: str
    players: Sequence[Player]

    def settings(self) -> Mapping[str, Any]:
        """What else decides the result, as JSON values; it goes into config.json."""
        ...

    def batch(self, rng: np.random.Generator, progress: float) -> Batch:
        """A batch that depends on nothing but ``rng`` and ``progress``; called in a thread."""
        ...

    def validate(self, network: nn.Module) -> Mapping[str, float]:
        """Scores of ``network`` on photos that are not trained on."""
        ...

    def sheet(self, network: nn.Module) -> NDArray[np.uint8]:
        """A picture (H, W, 3) that shows what ``network`` does."""
        ...

    def export(self, network: nn.Module, path: Path, training: Mapping[str, Any]) -> float:
        """Write ``network`` as ONNX; returns the largest difference to PyTorch."""
        ...


def constant(step: int, progress: float) -> float:
    """A learning rate that stays."""
    return 1.0


def warm_cosine(step: int, progress: float) -> float:
    """Up over the first 300 steps, then down to almost nothing along a cosine."""
    import math

    return min(1.0, (step + 1) / 300) * (0.5 + 0.5 * math.cos(math.pi * progress)) + 1e-3
