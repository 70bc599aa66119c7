"""The photos of a run: what is trained on, what is held out, and how a run of any network is started."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import torch

from outpaint_cli.places import cache_root
from outpaint_cli.training.loop import train
from outpaint_cli.training.options import TrainOptions
from outpaint_cli.training.photos import Photos, Progress, list_hash, list_photos
from outpaint_cli.training.task import Task
from outpaint_cli.training.workers import Workers

MOST_HELD_OUT = 64
MOST_VALIDATED = 100

MakeTask: TypeAlias = Callable[[TrainOptions, torch.device, Progress], Task]
"""What a plugin's trainer is: from the options and a device to a task. ``Progress`` hears of slow work."""


@dataclass(frozen=True)
class Material:
    """``photos`` to train on, files ``held_out`` to validate on, and the sha256 of the list of all files."""

    photos: Photos
    held_out: Sequence[Path]
    digest: str


def gather(options: TrainOptions, sides: Sequence[int], progress: Progress) -> Material:
    """Find, hold out and shrink the photos of a run.

    ``sides`` are the shorter sides in pixels that the network is trained at. Without --validate the photos
    whose names hash lowest are held out (2 %, at most 64); a lone photo serves for both.
    """
    names = list_photos(options.photos)
    digest = list_hash(options.photos, names)
    if options.validate is not None:
        held_out = [options.validate / name for name in list_photos(options.validate)[:MOST_VALIDATED]]
    else:
        count = min(MOST_HELD_OUT, max(1, len(names) // 50))
        chosen = sorted(names, key=lambda name: hashlib.sha256(name.encode()).digest())[:count]
        held_out = [options.photos / name for name in sorted(chosen)]
        if len(names) > count:
            names = [name for name in names if name not in set(chosen)]
    cache = options.cache or default_cache()
    return Material(Photos.cached(options.photos, names, sides, cache, progress), held_out, digest)


def default_cache() -> Path:
    """Where shrunken photos are kept between runs."""
    return cache_root() / "photos"


def run(options: TrainOptions, make_task: MakeTask, progress: Progress) -> Path:
    """Start a run, or go on with the one in ``options.out``, until it is done: the path of its ONNX file."""
    if options.threads:
        torch.set_num_threads(options.threads)
    workers = Workers(options.device)
    torch.manual_seed(options.seed)  # the initial weights
    task = make_task(options, workers.device, progress)
    return train(task, options, config(task, options, workers), workers)


def config(task: Task, options: TrainOptions, workers: Workers) -> dict[str, Any]:
    """All that is needed to repeat a run, as JSON values, without a path of this machine."""
    import numpy as np

    import outpaint_cli

    return {
        "network": task.name,
        "options": options.told(),
        "task": dict(task.settings()),
        "processes": workers.count,
        "threads": torch.get_num_threads(),  # sums may be split, and so rounded, by thread
        "versions": {
            "outpaint": getattr(outpaint_cli, "__version__", ""),
            "torch": torch.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    }
