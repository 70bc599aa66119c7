"""A training run of a tiny network, as a script that can kill itself: ``tiny_run.py OUT STEPS [KILL_AT]``.

It has all that a resumed run could lose: BatchNorm, momentum, an adversary with spectral normalisation, noise
inside the loss, random batches, averaged weights.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from outpaint_cli.training.loop import train
from outpaint_cli.training.options import TrainOptions
from outpaint_cli.training.task import Batch, Player, warm_cosine
from outpaint_cli.training.workers import Workers


class TinyTask:
    """Learns to undo a blur, badly."""

    name = "tiny"

    def __init__(self, kill_at: int | None = None, in_turn_of: str = "critic") -> None:
        torch.manual_seed(7)
        self.kill_at, self.in_turn_of, self.done = kill_at, in_turn_of, 0
        self.network = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 3, 3, padding=1)
        )
        self.critic = nn.Sequential(spectral_norm(nn.Conv2d(3, 4, 3, 2, 1)), nn.ReLU(), nn.Conv2d(4, 1, 3))
        adam = torch.optim.AdamW(self.network.parameters(), 3e-3, betas=(0.9, 0.98))
        momentum = torch.optim.SGD(self.critic.parameters(), 1e-2, momentum=0.9)
        self.players: Sequence[Player] = (
            Player("network", self.network, adam, self.network_loss, warm_cosine, clip=1.0),
            Player("critic", self.critic, momentum, self.critic_loss, warm_cosine),
        )

    def settings(self) -> Mapping[str, Any]:
        return {"kind": "tiny"}

    def batch(self, rng: np.random.Generator, progress: float) -> Batch:
        size = int(rng.choice((12, 16)))
        picture = torch.from_numpy(rng.random((4, 3, size, size), np.float32))
        return Batch(picture, torch.ones(4, 1, size, size))

    def network_loss(self, batch: Batch, progress: float) -> tuple[Tensor, Mapping[str, Tensor]]:
        self._maybe_die("network")
        picture = self.network(F.avg_pool2d(batch.picture, 3, 1, 1) + 0.1 * torch.randn_like(batch.picture))
        batch.shared["picture"] = picture.detach()
        self.critic.eval().requires_grad_(False)
        rec = (picture - batch.picture).abs().mean()
        return rec - 0.01 * self.critic(picture).mean(), {"rec": rec}

    def critic_loss(self, batch: Batch, progress: float) -> tuple[Tensor, Mapping[str, Tensor]]:
        self._maybe_die("critic")
        self.critic.requires_grad_(True)
        self.done += 1
        return self.critic(batch.shared["picture"]).mean() - self.critic(batch.picture).mean(), {}

    def _maybe_die(self, turn: str) -> None:
        if self.kill_at == self.done and self.in_turn_of == turn:
            os.kill(os.getpid(), signal.SIGKILL)

    def validate(self, network: nn.Module) -> Mapping[str, float]:
        torch.rand(3)  # a validation that uses randomness must not change the run
        return {"sum": float(sum(p.sum() for p in network.parameters()))}

    def sheet(self, network: nn.Module) -> Any:
        return np.zeros((4, 4, 3), np.uint8)

    def export(self, network: nn.Module, path: Path, training: Mapping[str, Any]) -> float:
        path.write_bytes(b"onnx")
        return 0.0


def run(out: Path, steps: int, task: TinyTask | None = None, save_every: int = 3, seed: int = 5) -> Path:
    torch.set_num_threads(1)
    options = TrainOptions(
        "tiny", Path("photos"), out, steps=steps, precision="fp32", save_every=save_every, seed=seed
    )
    config = {"options": options.told(), "versions": {}}
    return train(task or TinyTask(), options, config, Workers("cpu"))


if __name__ == "__main__":
    kill_at = int(sys.argv[3]) if len(sys.argv) > 3 else None
    run(Path(sys.argv[1]), int(sys.argv[2]), TinyTask(kill_at))
