"""Scores on photos that are not trained on: whole photos with a ring of 1/6 on each side hidden."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch
from torch import Tensor

from outpaint_cli import metrics
from outpaint_cli.training.holes import RATIOS, irregular
from outpaint_cli.training.masks import centre
from outpaint_cli.training.photos import read_photo
from outpaint_cli.training.sheets import sheet

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float32]

Predict: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""From pictures (1, 3, H, W) in 0..1, holes 0, and known (1, 1, H, W) to pictures of the same shape."""

SHOWN = 12
HOLE_SEED = 1804


@dataclass(frozen=True)
class Sample:
    """A photo on a canvas whose sides suit the network; ``inside`` are the rows and columns it covers."""

    truth: Floats
    known: NDArray[np.bool_]
    inside: tuple[slice, slice]


def samples(paths: Sequence[Path], long: int, multiple: int, square: bool = False) -> list[Sample]:
    """Photos shrunk to a long side of ``long`` pixels on canvases of the next multiple; the rest is unknown.

    With ``square`` the middle square of each photo, exactly ``long`` pixels wide.
    """
    import cv2

    found = []
    for path in paths:
        photo = read_photo(path)
        height, width = photo.shape[:2]
        if square:
            side = min(height, width)
            y, x = (height - side) // 2, (width - side) // 2
            photo, height, width = photo[y : y + side, x : x + side], side, side
        factor = long / max(height, width)
        size = (max(8, round(width * factor)), max(8, round(height * factor)))
        how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
        small = cv2.resize(photo, size, interpolation=how).astype(np.float32) / 255
        height, width = small.shape[:2]
        canvas = (-(-height // multiple) * multiple, -(-width // multiple) * multiple)
        y, x = (canvas[0] - height) // 2, (canvas[1] - width) // 2
        inside = (slice(y, y + height), slice(x, x + width))
        truth = np.zeros((*canvas, 3), np.float32)
        known = np.zeros(canvas, np.bool_)
        truth[inside], known[inside] = small, centre(height, width)
        found.append(Sample(truth, known, inside))
    return found


def hole_samples(paths: Sequence[Path], size: int) -> list[Sample]:
    """The middle square of each photo at ``size`` pixels, each with one irregular hole, seeded by its number.

    Holes go through the six classes of ratio, with and without border contact in turn: ``hole_class``.
    """
    found = []
    for number, square in enumerate(samples(paths, size, 1, square=True)):
        ratio, border = RATIOS[hole_class(number)], bool(number // len(RATIOS) % 2)
        known = irregular(np.random.default_rng((HOLE_SEED, number)), size, size, ratio, border)
        found.append(Sample(square.truth, known, square.inside))
    return found


def hole_class(number: int) -> int:
    """The class of ratio of the hole in sample ``number``."""
    return number % len(RATIOS)


def score_holes(found: Sequence[Sample], predict: Predict, device: torch.device) -> dict[str, float]:
    """Mean PSNR in dB of the whole mended picture, by class of hole ratio and over all."""
    decibels = []
    for sample in found:
        picture, truth, _ = fill(sample, predict, device)
        decibels.append(-10 * math.log10(max(float(np.square(picture - truth).mean()), 1e-10)))
    classes = {
        f"psnr_{most:g}": decibels[number :: len(RATIOS)]
        for number, (_, most) in enumerate(RATIOS)
        if number < len(decibels)
    }
    return {name: float(np.mean(v)) for name, v in {"psnr": decibels, **classes}.items()}


def telea(picture: Tensor, known: Tensor) -> Tensor:
    """OpenCV's inpainting after Telea 2004 as a :data:`Predict`: what a network has to beat."""
    import cv2

    image = np.rint(picture[0].permute(1, 2, 0).cpu().numpy() * 255).astype(np.uint8)
    hole = (known[0, 0].cpu().numpy() == 0).astype(np.uint8)
    filled = cv2.inpaint(image, hole, 3, cv2.INPAINT_TELEA).astype(np.float32) / 255
    return torch.from_numpy(filled).permute(2, 0, 1)[None]


def fill(sample: Sample, predict: Predict, device: torch.device) -> tuple[Floats, Floats, NDArray[np.bool_]]:
    """The network's picture with the known pixels put back, the truth and what was known, all uncanvassed."""
    truth = torch.from_numpy(sample.truth.transpose(2, 0, 1).copy())[None].to(device)
    known = torch.from_numpy(sample.known.astype(np.float32))[None, None].to(device)
    with torch.inference_mode():
        picture = predict(truth * known, known)[0].float().clamp(0, 1).cpu().numpy().transpose(1, 2, 0)
    picture = np.where(sample.known[..., None], sample.truth, picture)
    return picture[sample.inside], sample.truth[sample.inside], sample.known[sample.inside]


def score(
    found: Sequence[Sample],
    predict: Predict,
    device: torch.device,
    features: metrics.Features | None = None,
) -> dict[str, float]:
    """Mean scores over ``found``, as in outpaint_cli.metrics, and the ring's mean |difference| as l1."""
    rows = []
    for sample in found:
        picture, truth, known = fill(sample, predict, device)
        row = metrics.scores(picture, truth, known, features)
        row["l1"] = float(np.abs(picture - truth)[~known].mean())
        rows.append(row)
    return {name: mean for name, (mean, _) in metrics.summary(rows).items()}


def show(found: Sequence[Sample], predict: Predict, device: torch.device) -> NDArray[np.uint8]:
    """A sheet: truth, what is known, the network's picture; two photos a row."""
    triples = []
    for sample in found[:SHOWN]:
        picture, truth, known = fill(sample, predict, device)
        triples.append([truth, np.where(known[..., None], truth, 1.0), picture])
    return sheet([[p for triple in triples[i : i + 2] for p in triple] for i in range(0, len(triples), 2)])
