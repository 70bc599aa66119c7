"""One process or several: several GPUs come in through ``accelerate launch``.

Gradients are averaged by hand after each player's backward pass, so that a task's networks stay plain
modules, may be frozen in turn, and may share a forward pass.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from outpaint_cli.plugin import DeviceError, ModelError


class Workers:
    """The processes of this run: ``rank`` of ``count``, each on its ``device``."""

    def __init__(self, device: str = "auto") -> None:
        self.accelerator: Any = None
        self.rank, self.count = 0, int(os.environ.get("WORLD_SIZE", "1"))
        if self.count > 1:
            try:
                from accelerate import Accelerator
            except ImportError as error:
                raise ModelError(
                    "training on several GPUs needs accelerate: install the extra 'torch'"
                ) from error
            self.accelerator = Accelerator(cpu=device == "cpu")
            self.rank, self.count = self.accelerator.process_index, self.accelerator.num_processes
            self.device = torch.device(self.accelerator.device)
        else:
            self.device = pick_device(device)

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes."""
        return self.rank == 0

    def average(self, module: nn.Module) -> None:
        """Replace the gradients of ``module`` by their mean over all processes."""
        if self.accelerator is None:
            return
        gradients = [p.grad for p in module.parameters() if p.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        flat = self.accelerator.reduce(flat, "mean")
        for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(mean.view_as(gradient))

    def agree(self, value: float) -> float:
        """The mean of ``value`` over all processes: what all of them then act on."""
        if self.accelerator is None:
            return value
        here = torch.tensor([value], dtype=torch.float64 if self.device.type != "mps" else torch.float32)
        return float(self.accelerator.reduce(here.to(self.device), "mean").item())

    def wait(self) -> None:
        """Until all processes are here."""
        if self.accelerator is not None:
            self.accelerator.wait_for_everyone()


def pick_device(device: str) -> torch.device:
    """The device to train on. Raises DeviceError when one that was asked for is not there."""
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        chosen = torch.device(device)
        torch.empty(1, device=chosen)
    except (RuntimeError, AssertionError) as error:
        first = str(error).splitlines()[0][:120]
        raise DeviceError(f"--device {device}: PyTorch can't use it ({first}); use auto or cpu") from error
    return chosen


def to_device(modules: Iterable[nn.Module], device: torch.device) -> None:
    """Move modules to ``device``, channels last."""
    for module in modules:
        module.to(device)
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
