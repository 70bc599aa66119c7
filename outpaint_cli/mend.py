"""Holes in a photo are filled window by window, painted at full size, and finished; all else stays itself.

The photo is read through its crops: no full-size float copy is made. What was guessed stays as small canvases
until it is painted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np

from outpaint_cli.compose import TILE, tiles
from outpaint_cli.fill import FillSteps, Grid, Layer, Request, make_layer, run_fills
from outpaint_cli.holes import Hole, bounds, plan_holes
from outpaint_cli.plugin import Context, Filler, FillSpec, HarmonizeJob, Native, OutpaintError, Rect, Whole
from outpaint_cli.resample import axis_weights, resample
from outpaint_cli.windows import Window

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Floats, Samples

ROUND = 8_000_000
"""Canvas pixels of one photo that are asked for at a time."""

BAND = 4_000_000
"""Photo pixels that are held as float at a time while a canvas is sampled."""

SHARP = 1.001
"""Below this many pixels a working pixel a canvas is not sampled down."""

Crop: TypeAlias = "Callable[[Rect], Samples]"
"""The photo's pixels in a rectangle, sRGB (h, w, 3), uint8 or uint16."""


def hole_steps(
    crop: Crop, unknown: Bools, holes: Sequence[Hole], spec: FillSpec, *, seed: int = 0, mirror: bool = False
) -> FillSteps[list[Layer]]:
    """Fill all windows; yields what to fill next, is sent the answers, returns a layer for each hole.

    ``unknown`` bool (H, W) marks what the filler may not see: none of its colours gets into what is yielded.
    ``mirror`` shows the filler the photo mirrored.
    """
    native = isinstance(spec.size, Native)
    layers: list[Layer] = []
    while len(layers) < len(holes):
        requests: list[Request] = []
        pixels = 0
        for hole in holes[len(layers) :]:
            pixels += hole.canvas.width * hole.canvas.height
            if requests and pixels > ROUND:
                break
            requests.append(hole_request(crop, unknown, hole.canvas, seed, mirror))
        answers = yield requests
        for request, (image, confidence) in zip(requests, answers, strict=True):
            hole = holes[len(layers)]
            layer = make_layer(hole.canvas, request, image, confidence, mirror, native)
            layers.append(_cut_to(layer, hole.box) if native else layer)
    return layers


def hole_request(crop: Crop, unknown: Bools, canvas: Window, seed: int, mirror: bool) -> Request:
    """What the filler sees of the photo through ``canvas``: working pixels that are wholly known, zeros elsewhere."""
    image = np.zeros((*canvas.shape, 3), np.float32)
    known = np.zeros(canvas.shape, np.bool_)
    height, width = unknown.shape
    inner = canvas.visible or Rect(0, 0, canvas.width, canvas.height)
    rows, columns = (
        _inside(canvas.y, canvas.step_y, inner.y, inner.bottom, height),
        _inside(canvas.x, canvas.step_x, inner.x, inner.right, width),
    )
    if not columns:
        rows = columns
    # Finer than the photo's pixels, a value mixes with its neighbours' over two of them.
    aligned = (
        canvas.step_x == canvas.step_y == 1.0 and canvas.x == int(canvas.x) and canvas.y == int(canvas.y)
    )
    spread = 0 if aligned or min(canvas.step_x, canvas.step_y) > SHARP else 3
    x0, x1 = _pixels(canvas.x, canvas.step_x, columns, spread, width)
    count = max(1, int(BAND / max(1, (x1 - x0) * canvas.step_y)))
    for start in range(rows.start, rows.stop, count):
        band = range(start, min(rows.stop, start + count))
        y0, y1 = _pixels(canvas.y, canvas.step_y, band, spread, height)
        part = Rect(x0, y0, x1 - x0, y1 - y0)
        samples, hidden = crop(part), unknown[part.slices()]
        values = np.empty((part.height, part.width, 4), np.float32)
        values[..., :3] = samples
        values[..., :3] /= np.float32(np.iinfo(samples.dtype).max)
        values[hidden, :3] = 0
        values[..., 3] = _widened(hidden, spread)
        down = axis_weights(
            y0, 1.0, part.height, canvas.y + band.start * canvas.step_y, canvas.step_y, len(band)
        )
        across = axis_weights(
            x0, 1.0, part.width, canvas.x + columns.start * canvas.step_x, canvas.step_x, len(columns)
        )
        done = resample(values, down, across)
        seen = np.abs(done[..., 3]) < 1e-7
        place = slice(band.start, band.stop), slice(columns.start, columns.stop)
        known[place] = seen
        image[place] = np.clip(done[..., :3], 0, 1) * seen[..., None]
    if not known.any():
        _show_anything(image, known, crop, unknown, canvas)
    if mirror:
        image, known = image[:, ::-1], known[:, ::-1]
    return Request(np.ascontiguousarray(image), np.ascontiguousarray(known), seed)


def _show_anything(image: Floats, known: Bools, crop: Crop, unknown: Bools, canvas: Window) -> None:
    """Where no working pixel is wholly known, let single known pixels stand for theirs, in place."""
    y0, y1 = _pixels(canvas.y, canvas.step_y, range(canvas.height), 0, unknown.shape[0])
    x0, x1 = _pixels(canvas.x, canvas.step_x, range(canvas.width), 0, unknown.shape[1])
    ys, xs = np.nonzero(~unknown[y0:y1, x0:x1])
    rows = ((y0 + ys + 0.5 - canvas.y) / canvas.step_y).astype(int).clip(0, canvas.height - 1)
    columns = ((x0 + xs + 0.5 - canvas.x) / canvas.step_x).astype(int).clip(0, canvas.width - 1)
    samples = crop(Rect(x0, y0, x1 - x0, y1 - y0))
    image[rows, columns] = samples[ys, xs] / np.float32(np.iinfo(samples.dtype).max)
    known[rows, columns] = True


def _inside(start: float, step: float, first: int, last: int, length: int) -> range:
    """The cells from ``first`` to before ``last`` that lie wholly within 0..length."""
    at = start + step * np.arange(first, last + 1)
    whole = np.flatnonzero((at[:-1] > -1e-6) & (at[1:] < length + 1e-6))
    return range(first + int(whole[0]), first + int(whole[-1]) + 1) if len(whole) else range(first, first)


def _pixels(start: float, step: float, cells: range, spread: int, length: int) -> tuple[int, int]:
    """The first pixel under ``cells``, with ``spread`` more around them, and the one after the last."""
    low, high = start + cells.start * step, start + cells.stop * step
    return max(0, int(np.floor(low + 1e-6)) - spread), min(length, int(np.ceil(high - 1e-6)) + spread)


def _widened(hidden: Bools, spread: int) -> Bools:
    if not spread or not hidden.any():
        return hidden
    kernel = np.ones((2 * spread + 1, 2 * spread + 1), np.uint8)
    wide: Bools = cv2.dilate(hidden.astype(np.uint8), kernel).astype(np.bool_)
    return wide


def _cut_to(layer: Layer, box: Rect) -> Layer:
    """The part of a full-resolution layer that is used, so that many of them take little room."""
    w = layer.window
    y0, y1 = _pixels(-w.y / w.step_y, 1 / w.step_y, range(box.y, box.bottom), 2, w.height)
    x0, x1 = _pixels(-w.x / w.step_x, 1 / w.step_x, range(box.x, box.right), 2, w.width)
    part = Window(w.x + x0 * w.step_x, w.y + y0 * w.step_y, w.step_x, w.step_y, x1 - x0, y1 - y0)
    image = layer.image[y0:y1, x0:x1].copy()
    confidence = None if layer.confidence is None else layer.confidence[y0:y1, x0:x1].copy()
    return Layer(part, image, confidence)


# ------------------------------------------------------------------------------------------- painting


def mend_picture(
    photo: Samples,
    hole: Bools,
    filler: Filler,
    ctx: Context,
    finish: Callable[[HarmonizeJob], Samples] | None = None,
) -> Samples:
    """One sRGB photo (H, W, 3), uint8 or uint16, with ``hole`` bool (H, W) filled and, with ``finish``, harmonized.

    All other pixels are the photo's. Raises PluginError when the filler fails.
    """
    holes = plan_holes(hole, hole, filler.spec)
    steps = hole_steps(lambda part: photo[part.slices()], hole, holes, filler.spec, seed=ctx.seed)
    layers = run_fills([steps], filler, ctx)[0]
    if isinstance(layers, OutpaintError):
        raise layers
    out = photo.copy()
    paint_holes(out, hole, holes, layers, seed=ctx.seed)
    if finish is not None:
        finish_holes(out, hole, hole, holes, layers, finish)
    return out


def paint_holes(
    picture: Samples, hole: Bools, holes: Sequence[Hole], layers: Sequence[Layer], *, seed: int = 0
) -> None:
    """Paint what was guessed into ``picture`` (H, W, 3), uint8 or uint16 sRGB, where ``hole`` is true, in place."""
    top = float(np.iinfo(picture.dtype).max)
    noise = np.random.default_rng(seed).random((TILE, TILE, 3), np.float32)
    for one, layer in zip(holes, layers, strict=True):
        sharp = max(layer.window.step_x, layer.window.step_y) < SHARP
        for tile in tiles(one.box):
            marked = hole[tile.slices()]
            if not marked.any():
                continue
            values = on_grid(layer.window, layer.image, Grid.of_rect(tile))
            values *= top
            # An enlarged guess is smooth: dither, or 8 bits show as bands in a sky.
            values += np.float32(0.5) if sharp else noise[: tile.height, : tile.width]
            painted = np.clip(np.floor(values), 0, top).astype(picture.dtype)
            picture[tile.slices()][marked] = painted[marked]


def finish_holes(
    picture: Samples,
    hole: Bools,
    unknown: Bools,
    holes: Sequence[Hole],
    layers: Sequence[Layer],
    finish: Callable[[HarmonizeJob], Samples],
) -> None:
    """Run the harmonizer on window after window of ``picture``, in place; earlier ones are known to later ones.

    Only pixels of ``hole`` change.
    """
    waiting = unknown.copy()
    whole = _whole(picture, unknown, [one.window for one in holes])
    for one, layer in zip(holes, layers, strict=True):
        window = one.window
        known = ~waiting[window.slices()]
        inside = one.box.x - window.x, one.box.y - window.y
        box = Rect(*inside, one.box.width, one.box.height).slices()
        fresh = ~known[box] & hole[one.box.slices()]
        if not fresh.any() or not known.any():
            continue
        scale = max(1.0, layer.window.step_x, layer.window.step_y)
        job = HarmonizeJob(
            picture[window.slices()].copy(),
            known,
            bounds(known),
            _confidence(layer, window, scale),
            (),
            scale,
            whole,
        )
        done = finish(job)
        picture[one.box.slices()][fresh] = done[box][fresh]
        waiting[one.box.slices()][fresh] = False


def _whole(picture: Samples, unknown: Bools, windows: Sequence[Rect]) -> Whole | None:
    """The part of ``picture`` around several windows."""
    if len(windows) < 2:
        return None
    x, y = min(w.x for w in windows), min(w.y for w in windows)
    around = Rect(x, y, max(w.right for w in windows) - x, max(w.bottom for w in windows) - y).slices()
    return Whole(picture[around], ~unknown[around])


def on_grid(window: Window, image: Floats, grid: Grid) -> Floats:
    """A canvas (h, w, C) on ``grid``, float32; beyond it its edge repeats."""
    rows = axis_weights(window.y, window.step_y, image.shape[0], grid.y, grid.step_y, grid.height)
    columns = axis_weights(window.x, window.step_x, image.shape[1], grid.x, grid.step_x, grid.width)
    return resample(image, rows, columns)


def _confidence(layer: Layer, window: Rect, scale: float) -> Floats | None:
    """How sure the filler was, over ``window``, at about the canvas's size."""
    if layer.confidence is None:
        return None
    width, height = max(1, round(window.width / scale)), max(1, round(window.height / scale))
    grid = Grid(window.x, window.y, window.width / width, window.height / height, width, height)
    return np.clip(on_grid(layer.window, layer.confidence[..., None], grid)[..., 0], 0, 1)
