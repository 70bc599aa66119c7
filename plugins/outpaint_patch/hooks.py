"""What this plugin offers to train. PyTorch is imported when it is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outpaint_cli.plugin import PluginOption

if TYPE_CHECKING:
    import torch

    from outpaint_cli.training.options import TrainOptions
    from outpaint_cli.training.photos import Progress
    from outpaint_cli.training.task import Task


def make_task(options: TrainOptions, device: torch.device, progress: Progress) -> Task:
    """What ``outpaint train patch`` trains."""
    from . import train

    return train.make_task(options, device, progress)


TRAINERS = {"patch": make_task}

OPTIONS = (PluginOption("guess", "for train patch: an ONNX network of free size that makes the guesses", ""),)
