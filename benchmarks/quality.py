"""The section "Extending" of docs/benchmarks.md: python benchmarks/quality.py FOLDER... [--perceptual FILE].

Of every photo the middle two thirds of width and height are shown, at its own size; the ring around them is filled
by the baselines, the networks alone, the networks finished by ``patch``, and ``patch`` without a network, and scored
as ``outpaint evaluate`` does. ``--every 1 2`` takes every photo of the first folder and every second of the second.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context, parent_process
from pathlib import Path
from statistics import mean, median
from threading import Thread
from typing import Any

import cv2

from outpaint_cli import evaluation, metrics, registry
from outpaint_cli.commands.evaluate import find_photos, load_features, read_rgb
from outpaint_cli.compose import known_mask
from outpaint_cli.plugin import Context

sys.path.insert(0, str(Path(__file__).parent))

import page

NETWORKS = ("context-encoder", "pconv")
HARMONIZER = "patch"
COLUMNS = {"mse": 4, "mse16": 4, "sharp": 2, "seam": 2, "patch": 4, "perceptual": 3}

Scores = dict[str, float]  # of one method on one photo; with "seconds"


class Bench:
    """What fills and what scores, loaded once a process."""

    def __init__(self, perceptual: Path | None, seed: int) -> None:
        cv2.setNumThreads(1)
        self.ctx = Context(device="cpu", seed=seed, threads=1)
        self.features = load_features(perceptual)
        networks = [name for name in NETWORKS if name in registry.model_cards()]
        self.methods = evaluation.load_methods(networks, self.ctx, HARMONIZER)
        self.methods += evaluation.load_named((), [HARMONIZER], self.ctx, "none")

    def photo(self, path: Path) -> dict[str, Scores]:
        """By method: the scores of one photo and the seconds it took to fill."""
        truth = read_rgb(path)
        frame = evaluation.hidden(truth.shape[1], truth.shape[0], "four sides")
        known = known_mask(frame, frame.photo)
        found = {}
        for method in self.methods:
            begun = time.perf_counter()
            picture = evaluation.extend(truth[frame.photo.slices()], frame, method, self.ctx)
            seconds = time.perf_counter() - begun
            scores = metrics.scores(picture, truth, known, self.features, self.ctx.seed)
            found[method.name] = {**scores, "seconds": seconds}
        return found


_bench: Bench | None = None


def _load(perceptual: Path | None, seed: int) -> None:
    global _bench
    Thread(target=_end_with_parent, daemon=True).start()
    _bench = Bench(perceptual, seed)


def _end_with_parent() -> None:
    """Were workers to outlive a benchmark that is stopped, whatever is measured next would be too slow."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _photo(path: Path) -> dict[str, Scores]:
    assert _bench is not None
    return _bench.photo(path)


def run(paths: Sequence[Path], perceptual: Path | None, seed: int, jobs: int) -> Iterator[dict[str, Scores]]:
    """The scores of every photo, in order, ``jobs`` of them at a time."""
    spawn = get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=spawn, initializer=_load, initargs=(perceptual, seed)) as pool:
        yield from pool.map(_photo, paths)


# ---------------------------------------------------------------------------------------------- the page


def part(name: str, photos: Sequence[Mapping[str, Scores]], every: int) -> list[str]:
    """Lines for one folder: a table and what it says."""
    methods = list(photos[0])
    columns = [c for c in COLUMNS if c in photos[0][methods[0]]]

    def values(method: str, column: str) -> list[float]:
        return [photo[method][column] for photo in photos]

    def cell(method: str, column: str) -> str:
        v, digits = values(method, column), COLUMNS[column]
        return f"{mean(v):.{digits}f} ({median(v):.{digits}f})"

    rows = [[m, *(cell(m, c) for c in columns), f"{median(values(m, 'seconds')):.2f}"] for m in methods]
    which = {1: "all", 2: "every second", 3: "every third"}.get(every, f"one in {every}") + " of its photos"
    lines = [f"**{name}**, {which}: {len(photos)}", ""]
    lines += page.table(["", *columns, "seconds"], rows)
    averages = {m: {c: mean(values(m, c)) for c in columns} for m in methods}
    return [*lines, "", *findings(averages)]


def findings(averages: Mapping[str, Scores]) -> list[str]:
    """Of every network + harmonizer and the harmonizer alone: a line that compares it with the baselines."""
    baselines = [name for name in evaluation.BASELINES if name in averages]
    lines = []
    for method in (name for name in averages if HARMONIZER in name):
        own, said = averages[method], []
        if "perceptual" in own:
            best = min(baselines, key=lambda name: averages[name]["perceptual"])
            change = against(own["perceptual"], averages[best]["perceptual"])
            said.append(f"perceptual {change} the best baseline's ({best})")
        if "telea" in baselines:
            said.append(f"mse16 {against(own['mse16'], averages['telea']['mse16'])} Telea's")
        others = ", ".join(f"{name} {averages[name]['patch']:.4f}" for name in baselines)
        said.append(f"patch {own['patch']:.4f} ({others}); sharp {own['sharp']:.2f}; seam {own['seam']:.2f}")
        lines.append(f"- {method}: {', '.join(said)}")
    return lines


def against(value: float, reference: float) -> str:
    """How far below or above: "7.1 % below"."""
    change = 100 * (value / reference - 1)
    return f"{abs(change):.1f} % {'below' if change < 0 else 'above'}"


def section(command: str, parts: Sequence[Sequence[str]], jobs: int) -> list[str]:
    """All lines of the section."""
    at_once = "one photo at a time" if jobs == 1 else f"{jobs} photos at a time"
    lines = [
        "## Extending",
        "",
        f"`{command}`",
        "",
        "Of each photo, at its own size, the middle two thirds of width and height are shown; all four sides are",
        "filled, and scored over the filled ring alone. Mean over the photos, median in brackets; seconds are the",
        f"median time to fill one photo, one thread a photo, {at_once}, without reading or scoring.",
        "",
        "- mse: squared difference of sRGB 0..1; mse16: the same after shrinking by 16, so of layout and colour",
        "- sharp: mean gradient over the truth's; seam: step across the photo's edge over the truth's (1 is right;",
        "  near 0 where the first filled pixel repeats the photo's last)",
        "- patch: sliced Wasserstein distance of high-passed 7x7 patches, so of detail, wherever it lies",
        "- perceptual: squared distance of unit-normalised MobileNetV2 features, not LPIPS",
    ]
    for each in parts:
        lines += ["", *each]
    return lines


def main() -> None:
    """Parse the command line, score, and write the section after every folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--perceptual", type=Path, help="feature network (safetensors); else no such column")
    parser.add_argument(
        "--every", type=int, nargs="+", default=[1], help="one number, or one for each folder"
    )
    parser.add_argument("--jobs", type=int, default=1, help="photos at a time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=page.PAGE, help="the page")
    asked: Any = parser.parse_args()
    if len(asked.every) not in (1, len(asked.folders)) or min(asked.every) < 1:
        parser.error("--every: give one number of at least 1, or one for each folder")
    steps = asked.every * len(asked.folders) if len(asked.every) == 1 else asked.every
    told = "python benchmarks/quality.py " + " ".join(folder.name for folder in asked.folders)
    told += f" --every {' '.join(map(str, asked.every))}" if asked.every != [1] else ""
    told += f" --perceptual {asked.perceptual.name}" if asked.perceptual else ""
    parts = []
    for folder, step in zip(asked.folders, steps, strict=True):
        paths = find_photos(folder, 0)[::step]
        photos = []
        for scores in run(paths, asked.perceptual, asked.seed, asked.jobs):
            photos.append(scores)
            print(f"{folder.name}: {len(photos)}/{len(paths)}", file=sys.stderr, flush=True)
        parts.append(part(folder.name, photos, step))
        page.put(asked.out, "extending", "benchmarks/quality.py", section(told, parts, asked.jobs))


if __name__ == "__main__":
    main()
