"""Kept pyramids: a folder for each, of safetensors files and a pyramid.json that says what it is.

Every file appears whole or not at all, so that a kill at any moment leaves something to go on from. What is
damaged is trained again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from outpaint_cli.plugin import ModelError
from outpaint_cli.training.checkpoints import load_state, save_state
from outpaint_singan.settings import Settings

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Samples

SCHEMA = 2  # a change of networks or training that makes other weights raises it
KEEP_BYTES = 2 << 30


@dataclass
class Kept:
    """What a store holds: finished scales, and the state of the scale ``at`` after ``done`` iterations."""

    scales: list[tuple[dict[str, Tensor], float]] = field(default_factory=list)
    state: dict[str, Tensor] = field(default_factory=dict)
    at: int = 0
    done: int = 0
    seconds: float = 0.0


def content_key(samples: Samples, known: Bools, settings: Settings, device: str) -> str:
    """Names a pyramid: the known pixels of (H, W, 3), where they are, and how it is trained."""
    digest = hashlib.sha256()
    about = [SCHEMA, samples.shape, str(samples.dtype), settings.as_dict(), device]
    digest.update(json.dumps(about, sort_keys=True).encode())
    digest.update(np.packbits(known).tobytes())
    for row, mask in zip(samples, known, strict=True):
        digest.update(np.ascontiguousarray(row[mask]).tobytes())
    return digest.hexdigest()[:32]


class Store:
    """One pyramid's folder; ``Store(None)`` keeps nothing."""

    def __init__(self, folder: Path | None, about: Mapping[str, Any] | None = None) -> None:
        self.folder = folder
        self.about = dict(about or {})

    # -------------------------------------------------------------------------------------- reading

    def load(self, count: int) -> Kept:
        """What there is of ``count`` scales."""
        kept = Kept()
        if self.folder is None or not self.folder.is_dir():
            return kept
        with contextlib.suppress(OSError):
            os.utime(self.folder)
        for number in range(count):
            found = _read(self._scale_file(number))
            if found is None:
                break
            kept.scales.append((found[0], float(found[1]["amplitude"])))
        if len(kept.scales) == count:
            kept.seconds = float(self.read_json().get("seconds", 0.0))
            return kept
        state = _read(self.folder / "training.safetensors")
        if state is None:
            return Kept()
        tensors, header = state
        if header["scale"] not in (len(kept.scales), len(kept.scales) - 1):
            return Kept()
        kept.state, kept.at, kept.done = tensors, header["scale"], header["done"]
        kept.seconds = header["seconds"]
        return kept

    def read_json(self) -> dict[str, Any]:
        """pyramid.json, or nothing."""
        if self.folder is None:
            return {}
        try:
            found = json.loads((self.folder / "pyramid.json").read_text())
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    # -------------------------------------------------------------------------------------- writing

    def save_state(self, tensors: Mapping[str, Tensor], scale: int, done: int, seconds: float) -> None:
        """A scale in training."""
        if self.folder is not None:
            self._make_folder()
            header = {"scale": scale, "done": done, "seconds": round(seconds, 1)}
            save_state(self.folder / "training.safetensors", tensors, header)

    def save_scale(self, number: int, weights: Mapping[str, Tensor], amplitude: float) -> None:
        """A finished scale."""
        if self.folder is not None:
            self._make_folder()
            save_state(self._scale_file(number), weights, {"scale": number, "amplitude": amplitude})

    def finish(self, sizes: Sequence[tuple[int, int]], seconds: float) -> None:
        """All scales are there: the training state goes, and so do pyramids long unused."""
        if self.folder is not None:
            self.write_json({"sizes": [list(size) for size in sizes], "seconds": round(seconds, 1)})
            (self.folder / "training.safetensors").unlink(missing_ok=True)
            _prune(self.folder.parent, self.folder)

    def write_json(self, more: Mapping[str, Any]) -> None:
        """Add to pyramid.json."""
        if self.folder is None:
            return
        self._make_folder()
        content = {"schema": SCHEMA, **self.about, **self.read_json(), **more}
        beside = self.folder / f".pyramid.json.{os.getpid()}"
        beside.write_text(json.dumps(content, indent=1) + "\n")
        beside.replace(self.folder / "pyramid.json")

    def _make_folder(self) -> None:
        assert self.folder is not None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ModelError(
                f"{self.folder}: trained pyramids can't be kept there ({error.strerror}); make it writable, or "
                "set XDG_CACHE_HOME"
            ) from error

    def _scale_file(self, number: int) -> Path:
        assert self.folder is not None
        return self.folder / f"scale-{number:02}.safetensors"


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    try:
        return load_state(path)
    except ModelError:
        return None


def _prune(root: Path, but: Path) -> None:
    """Remove the pyramids longest unused while all together are larger than :data:`KEEP_BYTES`."""
    folders = [folder for folder in root.iterdir() if folder.is_dir()]
    sizes = {f: sum(file.stat().st_size for file in f.iterdir()) for f in folders}
    total = sum(sizes.values())
    for folder in sorted(folders, key=lambda f: f.stat().st_mtime):
        if total <= KEEP_BYTES or folder == but:
            break
        shutil.rmtree(folder, ignore_errors=True)
        total -= sizes[folder]
