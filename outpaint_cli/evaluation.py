"""Models and finished pictures scored against the truth: what is hidden, who fills it, how it is measured.

The truth is a photo of which only the middle is shown; the frame is the photo itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from outpaint_cli import metrics, models, registry
from outpaint_cli.compose import fill_picture, harmonize_job, known_mask
from outpaint_cli.frame import Frame, round_half_up
from outpaint_cli.plugin import Context, Filler, Harmonizer, ModelRef, PluginError, Rect

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bytes: TypeAlias = NDArray[np.uint8]

Find: TypeAlias = Callable[[str], ModelRef]

BASELINES = ("reflect", "edge", "telea")
SIDES = ("left-right", "top-bottom", "four sides")
MARGIN = 1 / 6  # of the side: the photo grows 1.5 times
PAPER_SIZE, PAPER_KNOWN = 192, 128
RECURSIONS = 3


@dataclass(frozen=True)
class Method:
    """Something that fills: a model, maybe finished by a harmonizer."""

    name: str
    filler: Filler
    harmonizer: Harmonizer | None = None


@dataclass(frozen=True)
class Row:
    """The scores of one method on one photo. ``sides`` is one of :data:`SIDES`, or the name of a set-up."""

    photo: str
    method: str
    sides: str
    scores: dict[str, float]


@dataclass
class Found:
    """All rows, and for the figure the pictures of the first photos: name to uint8 (H, W, 3)."""

    rows: list[Row] = field(default_factory=list)
    pictures: list[dict[str, Bytes]] = field(default_factory=list)


def hidden(width: int, height: int, sides: str) -> Frame:
    """The frame of a photo of which a sixth is hidden on each of the given sides."""
    x = 0 if sides == "top-bottom" else max(1, round_half_up(width * MARGIN))
    y = 0 if sides == "left-right" else max(1, round_half_up(height * MARGIN))
    return Frame(width, height, Rect(x, y, width - 2 * x, height - 2 * y))


def load_methods(
    references: Sequence[str], ctx: Context, harmonizer: str = "none", find: Find = models.resolve
) -> list[Method]:
    """The baselines that are installed, then every model alone and, unless "none", finished.

    ``find`` resolves references. Raises ModelError or DeviceError when a model or the harmonizer is not to
    be had.
    """
    return load_named(BASELINES, references, ctx, harmonizer, find)


def load_named(
    baselines: Sequence[str],
    references: Sequence[str],
    ctx: Context,
    harmonizer: str,
    find: Find = models.resolve,
) -> list[Method]:
    """As :func:`load_methods`, with other baselines. Named models run in the variant that extend would take."""
    there = registry.model_cards()
    names = [name for name in baselines if name in there and name not in references]
    finish = None if harmonizer == "none" else registry.find_harmonizer(harmonizer)[1](ctx)

    def load(ref: ModelRef) -> Filler:
        return models.load(models.variant(ref, ctx.device, {}), ctx)

    methods = [Method(name, load(models.resolve(name))) for name in names]
    for reference in references:
        filler = load(find(reference))
        name = Path(reference).stem if reference.endswith(".onnx") else reference
        methods.append(Method(name, filler))
        if finish is not None:
            methods.append(Method(f"{name} + {harmonizer}", filler, finish))
    return methods


def extend(photo: Bytes, frame: Frame, method: Method, ctx: Context) -> Bytes:
    """``photo`` (h, w, 3) grown to ``frame`` by ``method``: uint8 (H, W, 3). The one place that fills."""
    picture, guess = fill_picture(np.ascontiguousarray(photo), frame, method.filler, ctx)
    if method.harmonizer is not None:
        job = harmonize_job(picture, frame, frame.photo, guess)
        picture = method.harmonizer.harmonize(job, ctx).image
    return picture.astype(np.uint8, copy=False)


def score_sides(
    truth: Bytes,
    name: str,
    methods: Sequence[Method],
    ctx: Context,
    features: metrics.Features | None = None,
    shown: dict[str, Bytes] | None = None,
) -> Iterator[Row]:
    """Every method on every choice of sides, at the photo's own size. ``shown`` collects pictures of four."""
    height, width = truth.shape[:2]
    for sides in SIDES:
        frame = hidden(width, height, sides)
        known = known_mask(frame, frame.photo)
        for method in methods:
            picture = extend(truth[frame.photo.slices()], frame, method, ctx)
            if shown is not None and sides == "four sides":
                shown[method.name] = picture
            yield Row(name, method.name, sides, metrics.scores(picture, truth, known, features, ctx.seed))


def score_paper(
    truth: Bytes,
    name: str,
    methods: Sequence[Method],
    ctx: Context,
    judge: Judge | None = None,
    size: int = PAPER_SIZE,
) -> Iterator[Row]:
    """The set-up of van Hoorick 2019 (arXiv 1912.10960, section 4): 192 pixels with the middle 128 known.

    Another ``size`` keeps the proportions.

    mse_all is the paper's: over the whole picture, the photo put back. d is the discriminator's mean verdict
    D(G(x)) on it, about 1 where it looks real; "truth" is judged too.
    """
    square = middle_square(truth, size)
    known_side = size * PAPER_KNOWN // PAPER_SIZE
    margin = (size - known_side) // 2
    frame = Frame(size, size, Rect(margin, margin, known_side, known_side))
    known = known_mask(frame, frame.photo)
    if judge is not None:
        yield Row(name, "truth", "paper", {"d": judge(square)})
    for method in methods:
        picture = extend(square[frame.photo.slices()], frame, method, ctx)
        a, b = metrics.as_float(picture), metrics.as_float(square)
        scores = {"mse_all": float(np.square(a - b).mean()), "mse": metrics.mse(a, b, ~known)}
        if judge is not None:
            scores["d"] = judge(picture)
        yield Row(name, method.name, "paper", scores)


def score_recursion(truth: Bytes, name: str, methods: Sequence[Method], ctx: Context) -> Iterator[Row]:
    """Luma and contrast bias of each ring when a method goes on from its own result, 1.5 times a step.

    The middle (2/3) ** 3 of the photo is shown; the third step ends at its own frame.
    """
    height, width = truth.shape[:2]
    rects = [_middle(width, height, (2 / 3) ** (RECURSIONS - step)) for step in range(RECURSIONS + 1)]
    for method in methods:
        picture = truth[rects[0].slices()]
        for step, (inner, outer) in enumerate(pairwise(rects), 1):
            frame = Frame(
                outer.width,
                outer.height,
                Rect(inner.x - outer.x, inner.y - outer.y, inner.width, inner.height),
            )
            picture = extend(picture, frame, method, ctx)
            ring = ~known_mask(frame, frame.photo)
            y = metrics.luma(metrics.as_float(picture))[ring]
            t = metrics.luma(metrics.as_float(truth[outer.slices()]))[ring]
            scores = {"bias_luma": float(y.mean() - t.mean()), "bias_contrast": float(y.std() - t.std())}
            yield Row(name, method.name, f"step {step}", scores)


def score_finished(
    truth: Bytes, name: str, picture: Bytes, photo: Rect | None, features: metrics.Features | None = None
) -> Row:
    """A finished picture of the truth's size. ``photo`` is where the photo sits in it: by default the middle.

    Raises PluginError when the sizes differ.
    """
    if picture.shape != truth.shape:
        raise PluginError(
            f"{name}: the finished picture is {picture.shape[1]}x{picture.shape[0]}, the truth "
            f"{truth.shape[1]}x{truth.shape[0]}"
        )
    frame = hidden(truth.shape[1], truth.shape[0], SIDES[2])
    rect = photo if photo is not None and photo.area < frame.rect.area else frame.photo
    scores = metrics.scores(picture, truth, known_mask(frame, rect), features)
    return Row(name, "pictures", "as finished", scores)


def table(rows: Sequence[Row], sides: str) -> dict[str, dict[str, tuple[float, float]]]:
    """By method, mean and median over photos of every score."""
    methods = dict.fromkeys(row.method for row in rows if row.sides == sides)
    return {
        method: metrics.summary([r.scores for r in rows if r.method == method and r.sides == sides])
        for method in methods
    }


# ------------------------------------------------------------------------------------------ small parts

Judge: TypeAlias = Callable[["Bytes"], float]


def load_judge(path: Path, device: str) -> Judge:
    """A discriminator as ONNX: the mean of its verdict on an uint8 picture. Raises ModelError."""
    from outpaint_cli.plugin import ModelError
    from outpaint_cli.runtime import Session

    session = Session(path, device)
    inputs = session.description.inputs
    if len(inputs) != 1 or inputs[0].name != "picture":
        raise ModelError(f"{path.name}: not a discriminator; outpaint convert makes one from a checkpoint")

    def judge(picture: Bytes) -> float:
        batch = metrics.as_float(picture).transpose(2, 0, 1)[None]
        return float(session.run({"picture": np.ascontiguousarray(batch)})[0].mean())

    return judge


def middle_square(truth: Bytes, size: int) -> Bytes:
    """The middle square of a picture, at ``size`` pixels."""
    import cv2

    height, width = truth.shape[:2]
    side = min(height, width)
    y, x = (height - side) // 2, (width - side) // 2
    how = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
    square: Any = cv2.resize(truth[y : y + side, x : x + side], (size, size), interpolation=how)
    return np.ascontiguousarray(square, np.uint8)


def _middle(width: int, height: int, share: float) -> Rect:
    w, h = max(4, round_half_up(width * share)), max(4, round_half_up(height * share))
    return Rect((width - w) // 2, (height - h) // 2, w, h)
