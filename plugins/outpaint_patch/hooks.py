"""What this plugin offers to train. PyTorch is imported when it is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outpaint_cli.plugin import PluginOption, UsageError

if TYPE_CHECKING:
    import torch

    from outpaint_cli.training.options import TrainOptions
    from outpaint_cli.training.photos import Progress
    from outpaint_cli.training.task import Task


def make_task(options: TrainOptions, device: torch.device, progress: Progress) -> Task:
    """The task that ``outpaint train patch`` trains, as the options say. Raises UsageError."""
    from .train import TextureTask
    from .train_affinity import AffinityTask

    tasks: dict[str, type[TextureTask]] = {"texture": TextureTask, "affinity": AffinityTask}
    name = options.choose("network", "texture")
    if name not in tasks:
        raise UsageError(f"-O patch.network={name}: use {' or '.join(tasks)}")
    return tasks[name](options, device, progress)


TRAINERS = {"patch": make_task}

OPTIONS = (
    PluginOption("network", "for train patch: which of its networks, texture or affinity", "texture"),
    PluginOption("guess", "for train patch: an ONNX network of free size that makes the guesses", ""),
)
