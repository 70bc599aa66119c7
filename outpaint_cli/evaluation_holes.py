"""Models scored on irregular holes, as in table 1 of Liu et al. 2018 (arXiv 1804.07723).

L1, PSNR and SSIM of the whole mended picture, by class of hole-to-image ratio, with and without contact between
hole and border. The truth is the middle square of each photo at 256 pixels; masks are seeded by the photo's
number, the class and the contact, so that every model and every run sees the same ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from outpaint_cli import metrics, models
from outpaint_cli.evaluation import Find, Method, load_named, middle_square
from outpaint_cli.holes import bounds
from outpaint_cli.mend import mend_picture
from outpaint_cli.plugin import (
    AnyMask,
    Context,
    Filled,
    Filler,
    FillSpec,
    Fixed,
    HarmonizeJob,
    Multiple,
    UsageError,
)
from outpaint_cli.training.holes import RATIOS, irregular

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from outpaint_cli.plugin import Bools

    Bytes: TypeAlias = NDArray[np.uint8]

SIZE = 256
BASELINES = ("telea", "ns")
CONTACTS = ("no border", "border")
CLASSES = tuple(f"{low:g}-{high:g}" for low, high in RATIOS)


@dataclass(frozen=True)
class HoleRow:
    """The scores of one method on one photo with one hole: l1 in percent, psnr in dB, ssim up to 1."""

    photo: str
    method: str
    contact: str
    ratio: str
    scores: dict[str, float]


def load_methods(
    references: Sequence[str], ctx: Context, harmonizer: str = "none", find: Find = models.resolve
) -> list[Method]:
    """Telea and Navier-Stokes where they are installed, then every model alone and, unless "none", finished.

    ``find`` resolves references. Raises UsageError for a model that can't fill holes of any shape, ModelError
    or DeviceError when it is not to be had.
    """
    methods = load_named(BASELINES, references, ctx, harmonizer, find)
    for method in methods:
        if not isinstance(method.filler.spec.known, AnyMask):
            raise UsageError(f"-m {method.name}: it can't fill holes of any shape, as --holes asks for")
    return methods


def score_holes(
    photo: Bytes, name: str, number: int, methods: Sequence[Method], ctx: Context
) -> Iterator[HoleRow]:
    """Every method on photo ``number`` (H, W, 3) with a hole of every class, with and without contact."""
    truth = middle_square(photo, SIZE)
    for position in range(len(RATIOS)):
        for contact in CONTACTS:
            known = mask(number, position, contact == "border", ctx.seed)
            filled: dict[int, Bytes] = {}
            for method in methods:
                key = id(method.filler)
                if key not in filled:
                    filled[key] = mend(truth, known, method.filler, ctx)
                picture = finish(filled[key], known, method, ctx)
                yield HoleRow(name, method.name, contact, CLASSES[position], scores(picture, truth))
            del filled


def mask(number: int, position: int, border: bool, seed: int = 0) -> Bools:
    """The mask of photo ``number`` in a class: bool (256, 256), True = known."""
    rng = np.random.default_rng((seed, number, position, int(border)))
    return irregular(rng, SIZE, SIZE, RATIOS[position], border)


def mend(truth: Bytes, known: Bools, filler: Filler, ctx: Context) -> Bytes:
    """``truth`` with what ``filler`` makes of the unknown pixels: in one piece where its size allows that."""
    if not takes(filler.spec, SIZE):
        return mend_picture(truth, ~known, filler, ctx).astype(np.uint8, copy=False)
    images = np.where(known[..., None], metrics.as_float(truth), np.float32(0))[None]
    found = filler.fill(images, known[None], ctx)
    picture = (found.images if isinstance(found, Filled) else found)[0]
    values = np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    return np.where(known[..., None], truth, values)


def takes(spec: FillSpec, side: int) -> bool:
    """Whether a filler takes a square of ``side`` pixels whole, up to the rim."""
    size = spec.size
    if spec.margin:
        return False
    if isinstance(size, Multiple):
        return size.min <= side <= size.max and side % size.k == 0
    return not isinstance(size, Fixed) or (size.height, size.width) == (side, side)


def finish(picture: Bytes, known: Bools, method: Method, ctx: Context) -> Bytes:
    """``picture`` harmonized, if the method says so."""
    if method.harmonizer is None:
        return picture
    found = method.harmonizer.harmonize(HarmonizeJob(picture.copy(), known, bounds(known)), ctx).image
    return np.where(known[..., None], picture, found.astype(np.uint8, copy=False))


def scores(picture: Bytes, truth: Bytes) -> dict[str, float]:
    """l1 in percent of the range, psnr in dB, ssim: over the whole picture (H, W, 3), as in the paper."""
    a, b = metrics.as_float(picture), metrics.as_float(truth)
    return {
        "l1": 100 * float(np.abs(a - b).mean(dtype=np.float64)),
        "psnr": metrics.psnr(a, b),
        "ssim": metrics.ssim(a, b),
    }


def table(rows: Sequence[HoleRow], contact: str) -> dict[str, dict[str, dict[str, tuple[float, float]]]]:
    """By method and class of ratio, mean and median over photos of every score."""
    rows = [row for row in rows if row.contact == contact]
    return {
        method: {
            ratio: metrics.summary([r.scores for r in rows if r.method == method and r.ratio == ratio])
            for ratio in CLASSES
        }
        for method in dict.fromkeys(row.method for row in rows)
    }
