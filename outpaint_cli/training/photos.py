"""A folder of photos as a pyramid of small uint8 copies, decoded once and mapped into memory."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from outpaint_cli.plugin import UsageError
from outpaint_cli.training.options import Cap

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bytes: TypeAlias = NDArray[np.uint8]

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp", ".avif"}
LARGEST_ENLARGEMENT = 1.3


def list_photos(folder: Path) -> list[str]:
    """Paths of all photos below ``folder``, relative to it with "/", sorted. Raises UsageError if none."""
    if not folder.is_dir():
        raise UsageError(f"{folder}: there is no such folder of photos")
    found = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    names = sorted(path.relative_to(folder).as_posix() for path in found)
    if not names:
        raise UsageError(f"{folder}: there are no photos in it")
    return names


def list_hash(folder: Path, names: Sequence[str]) -> str:
    """sha256 of the photos' relative paths and sizes in bytes: which photos a run has seen."""
    lines = (f"{name}\t{(folder / name).stat().st_size}\n" for name in names)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def read_photo(path: Path) -> Bytes:
    """One photo, upright, uint8 (H, W, 3) sRGB. Raises OSError or ValueError when it can't be read."""
    from PIL import Image, ImageOps

    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def shrink(picture: Bytes, short: int) -> Bytes:
    """``picture`` with its shorter side at ``short`` pixels, by area (or cubic where it grows)."""
    import cv2

    height, width = picture.shape[:2]
    factor = short / min(height, width)
    size = (max(short, round(width * factor)), max(short, round(height * factor)))
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.ascontiguousarray(cv2.resize(picture, size, interpolation=how), np.uint8)


@dataclass(frozen=True)
class Photos:
    """Small copies of many photos: ``copies[i]`` are those of ``names[i]``, the smallest first."""

    names: Sequence[str]
    copies: Sequence[Sequence[Bytes]]
    _shares: dict[object, list[tuple[list[int], float]]] = field(default_factory=dict)

    @classmethod
    def cached(
        cls, folder: Path, names: Sequence[str], sides: Sequence[int], cache: Path, progress: Progress
    ) -> Photos:
        """The photos of ``folder``, shrunk to shorter sides of ``sides`` pixels, kept in ``cache``.

        A photo is left out at sides that would enlarge it by more than 1.3, and wholly when it can't be read.
        Raises UsageError when none can be.
        """
        key = hashlib.sha256(json.dumps([list(sides), _stamps(folder, names)]).encode()).hexdigest()[:24]
        pixels, index = cache / f"photos-{key}.bin", cache / f"photos-{key}.json"
        if not (index.is_file() and pixels.is_file()):
            cache.mkdir(parents=True, exist_ok=True)
            _build(folder, names, sides, pixels, index, progress)
        rows = json.loads(index.read_text())
        if not rows:
            raise UsageError(f"{folder}: none of its {len(names)} photos can be read at a useful size")
        memory = np.memmap(pixels, np.uint8, "r")
        found: dict[str, list[Bytes]] = {}
        for name, start, height, width in rows:
            copy = memory[start : start + height * width * 3].reshape(height, width, 3)
            found.setdefault(name, []).append(copy)
        return cls(list(found), list(found.values()))

    def shares(self, caps: Sequence[Cap], progress: float) -> list[tuple[list[int], float]]:
        """Groups of photos and the share of all draws that each group gets at ``progress`` (0..1).

        Every photo is equally likely until a cap forbids it; what a capped group gives up goes to the others
        in proportion to their size. Raises UsageError when caps leave nothing to draw from.
        """
        active: dict[str, float] = {}
        for cap in sorted(caps, key=lambda cap: cap.start):
            if cap.start <= progress:
                active[cap.prefix] = cap.share
        key = tuple(sorted(active.items()))
        if key not in self._shares:
            self._shares[key] = self._split(active)
        return self._shares[key]

    def _split(self, active: Mapping[str, float]) -> list[tuple[list[int], float]]:
        groups: dict[str, list[int]] = {}
        for number, name in enumerate(self.names):
            prefix = max((p for p in active if name.startswith(p)), key=len, default="")
            groups.setdefault(prefix, []).append(number)
        shares: dict[str, float] = {}
        while True:
            free = {prefix: len(group) for prefix, group in groups.items() if prefix not in shares}
            left, count = 1 - sum(shares.values()), sum(free.values())
            over = [p for p, size in free.items() if p in active and left * size / count > active[p]]
            if not over:
                shares |= {prefix: left * size / count for prefix, size in free.items()}
                break
            shares |= {prefix: active[prefix] for prefix in over}
        total = sum(shares.values())
        if total <= 0:
            raise UsageError("--cap: the caps leave no photos to train on")
        return [(groups[prefix], share / total) for prefix, share in shares.items() if share > 0]

    def crops(
        self,
        rng: np.random.Generator,
        count: int,
        height: int,
        width: int,
        shares: Sequence[tuple[list[int], float]],
    ) -> Bytes:
        """``count`` random crops, half of them mirrored: uint8 (count, height, width, 3).

        A photo's smallest copy that holds the crop is the likeliest, so that most crops see most of it.
        """
        chances = [share for _, share in shares]
        crops = np.empty((count, height, width, 3), np.uint8)
        done = missed = 0
        while done < count:
            group = shares[int(rng.choice(len(shares), p=chances))][0]
            copies = self.copies[group[int(rng.integers(len(group)))]]
            fitting = [c for c in copies if c.shape[0] >= height and c.shape[1] >= width]
            if not fitting:
                missed += 1
                if missed > 1000 * (done + 1):
                    raise UsageError(f"the photos are too small for crops of {width}x{height} pixels")
                continue
            copy = fitting[min(int(rng.exponential(0.8)), len(fitting) - 1)]
            y = int(rng.integers(copy.shape[0] - height + 1))
            x = int(rng.integers(copy.shape[1] - width + 1))
            crop = copy[y : y + height, x : x + width]
            crops[done] = crop[:, ::-1] if rng.random() < 0.5 else crop
            done += 1
        return crops


Progress: TypeAlias = Callable[[float, str], None]


def vary_light(rng: np.random.Generator, crops: Bytes) -> NDArray[np.float32]:
    """The crops as float32 in 0..1, half of them a little darker, brighter or hazier."""
    count = len(crops)
    pictures = crops.astype(np.float32) / np.float32(255)
    gain = np.exp(rng.normal(0, 0.12, count) * (rng.random(count) < 0.5)).astype(np.float32)
    gain = gain[:, None, None, None]
    varied = 1 - (1 - pictures) * gain if rng.random() < 0.5 else pictures * gain
    clipped: NDArray[np.float32] = np.clip(varied, 0, 1, dtype=np.float32)
    return clipped


def _stamps(folder: Path, names: Iterable[str]) -> list[tuple[str, int, int]]:
    stats = ((name, (folder / name).stat()) for name in names)
    return [(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats]


def _build(
    folder: Path, names: Sequence[str], sides: Sequence[int], pixels: Path, index: Path, progress: Progress
) -> None:
    def load(name: str) -> tuple[str, list[Bytes]]:
        try:
            photo = read_photo(folder / name)
        except (OSError, ValueError, SyntaxError):  # what Pillow raises for broken files
            return name, []
        largest = min(photo.shape[:2]) * LARGEST_ENLARGEMENT
        return name, [shrink(photo, side) for side in sorted(sides) if side <= largest]

    rows: list[tuple[str, int, int, int]] = []
    position = 0
    unfinished = pixels.with_suffix(f".{os.getpid()}")
    try:
        with unfinished.open("wb") as file, ThreadPoolExecutor() as pool:
            for number, (name, copies) in enumerate(pool.map(load, names)):
                for copy in copies:
                    rows.append((name, position, copy.shape[0], copy.shape[1]))
                    file.write(copy.tobytes())
                    position += copy.size
                progress((number + 1) / len(names), "reading photos")
        unfinished.replace(pixels)
        unfinished.write_text(json.dumps(rows))
        unfinished.replace(index)  # last: an index without its pixels never exists
    finally:
        unfinished.unlink(missing_ok=True)
