"""Which windows mend a hole, and the canvases that a filler sees of them: geometry and masks, no colours.

A window is a part of the hole with about its own size of context on each side, so that a small hole in a large
photo is filled, and finished, at a fitting resolution.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from outpaint_cli.plugin import FillSpec, Multiple, Native, Rect
from outpaint_cli.windows import FEWEST_KNOWN, Window

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools

CONTEXT = 64
"""The least context around a hole, in pixels."""

NEAR = 32
"""Parts of the hole within twice so many pixels of each other are one."""

SEGMENT, THICK = 512, 8.0
"""A long part is cut into segments of so many pixels, or so many times its thickness where that is more."""

FINEST = 64
"""Pixels; what is smaller is not cut further."""

GRID = 2048
"""The most cells along the longer side of the mask on which connected parts are sought."""

SQUEEZE = 1.5
"""How far a window that is as long as the photo may be squeezed into a canvas of another shape."""


@dataclass(frozen=True)
class Hole:
    """``box`` bounds the part of the hole that is mended through ``window``; both in the photo's pixels.

    ``canvas`` is what the filler sees, within ``window`` or a little beyond; ``crowded`` says that more of
    it is unknown than the filler was made for, even at its largest.
    """

    box: Rect
    window: Rect
    canvas: Window
    crowded: bool = False


def plan_holes(hole: Bools, unknown: Bools, spec: FillSpec, *, zoom: float = 1.0) -> list[Hole]:
    """Windows for all pixels of ``hole`` bool (H, W), in reading order of their boxes.

    ``unknown`` marks all that the filler may not see: the hole, and pixels whose colour means nothing. Where
    too much of a window is unknown it is cut finer, if the hole is made of fine parts, or grown, up to the
    whole photo. ``zoom`` of 1 or more widens the context: variants use it.
    """
    frame = Rect(0, 0, hole.shape[1], hole.shape[0])
    planned: list[Hole] = []
    waiting = join_boxes(part_boxes(hole), frame, zoom)
    while waiting:
        box = waiting.pop()
        one = _plan_one(box, frame, unknown, spec, zoom)
        parts = _quarters(box, hole) if one is None else []
        if one is not None:
            planned.append(one)
        elif parts:
            waiting += parts
        else:
            planned.append(_grown(box, frame, unknown, spec, zoom))
    return sorted(planned, key=lambda h: (h.box.y, h.box.x))


def _plan_one(box: Rect, frame: Rect, unknown: Bools, spec: FillSpec, zoom: float) -> Hole | None:
    """The hole with its usual context; None where that is too crowded."""
    window = with_context(box, frame, zoom)
    one = Hole(box, window, canvas_over(window, frame, spec))
    return one if _unknown_cells(one.canvas, unknown) <= spec.max_unknown else None


def _quarters(box: Rect, hole: Bools) -> list[Rect]:
    """The box cut in four, each part drawn in to its hole pixels; none where it is small, or mostly hole."""
    if max(box.width, box.height) <= FINEST or hole[box.slices()].mean() > 0.5:
        return []
    half = max(1, math.ceil(max(box.width, box.height) / 2))
    return cut_box(box, hole[box.slices()], half)


def _grown(box: Rect, frame: Rect, unknown: Bools, spec: FillSpec, zoom: float) -> Hole:
    """The window grown until enough of it is known, or to the whole photo."""
    window = with_context(box, frame, zoom)
    while True:
        canvas = canvas_over(window, frame, spec)
        fits = _unknown_cells(canvas, unknown) <= spec.max_unknown
        if fits or window == frame:
            return Hole(box, window, canvas, not fits)
        margin = max(CONTEXT, max(window.width, window.height) // 4)
        window = _outset(window, margin, frame)


# ---------------------------------------------------------------------------------------------- boxes


def part_boxes(hole: Bools) -> list[Rect]:
    """Boxes of the hole's connected parts, near ones taken together, long thin ones cut into segments.

    Every hole pixel lies in at least one box. The mask is looked at in cells of a few pixels where it is large.
    """
    height, width = hole.shape
    cell = max(1, math.ceil(max(height, width) / GRID))
    coarse = any_in_cells(hole, np.arange(0, height, cell), np.arange(0, width, cell))
    reach = max(1, round(NEAR / cell))
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    count, labels = cv2.connectedComponents(cv2.dilate(coarse.astype(np.uint8), kernel))
    labels[~coarse] = 0
    thickness = 2 * cv2.distanceTransform(coarse.astype(np.uint8), cv2.DIST_L2, 3)
    order = np.argsort(labels, axis=None, kind="stable")
    starts = np.searchsorted(labels.ravel()[order], np.arange(1, count + 1))
    boxes = []
    for label in range(1, count):
        ys, xs = np.unravel_index(order[starts[label - 1] : starts[label]], labels.shape)
        box = Rect(int(xs.min()), int(ys.min()), int(np.ptp(xs)) + 1, int(np.ptp(ys)) + 1)
        side = max(SEGMENT / cell, THICK * float(thickness[ys, xs].max()))
        parts = [box]
        if max(box.width, box.height) > 1.5 * side:
            parts = cut_box(box, labels[box.slices()] == label, math.ceil(side))
        boxes += [Rect(p.x * cell, p.y * cell, p.width * cell, p.height * cell) for p in parts]
    whole = Rect(0, 0, width, height)
    return [box.intersect(whole) for box in boxes]


def any_in_cells(mask: Bools, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Bools:
    """Whether any pixel of each cell is true; cells begin at ``rows`` and ``columns`` and end at the next."""
    coarse: Bools = np.logical_or.reduceat(np.logical_or.reduceat(mask, rows, axis=0), columns, axis=1)
    return coarse


def cut_box(box: Rect, marked: Bools, side: int) -> list[Rect]:
    """``box`` in squares of ``side``, each drawn in to what is ``marked`` (box.height, box.width) in it."""
    parts = []
    for y in range(0, box.height, side):
        for x in range(0, box.width, side):
            inside = bounds(marked[y : y + side, x : x + side])
            if inside.area:
                parts.append(replace(inside, x=box.x + x + inside.x, y=box.y + y + inside.y))
    return parts


def bounds(mask: Bools) -> Rect:
    """The smallest rectangle that holds all true pixels of ``mask`` (H, W); empty where there are none."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return Rect(0, 0, 0, 0)
    y, x = int(rows[0]), int(columns[0])
    return Rect(x, y, int(columns[-1]) + 1 - x, int(rows[-1]) + 1 - y)


def join_boxes(boxes: list[Rect], frame: Rect, zoom: float = 1.0) -> list[Rect]:
    """Join boxes wherever one window then costs no more pixels than the two, and is not much longer."""
    joined = np.empty((len(boxes), 4), np.int64)  # left, top, right, bottom
    count = 0
    waiting = [np.array((b.x, b.y, b.right, b.bottom), np.int64) for b in sorted(boxes, reverse=True)]
    while waiting:
        box, others = waiting.pop(), joined[:count]
        both = np.concatenate((np.minimum(others[:, :2], box[:2]), np.maximum(others[:, 2:], box[2:])), 1)
        sides = [_window_sides(at, frame, zoom) for at in (box[None], others, both)]
        areas = [side.prod(1) for side in sides]
        lengths = [side.max(1) for side in sides]
        longest = np.maximum(2 * SEGMENT, 1.25 * np.maximum(lengths[0], lengths[1]))
        fit = np.flatnonzero((areas[2] <= areas[0] + areas[1]) & (lengths[2] <= longest))
        if len(fit):
            waiting.append(both[fit[0]])
            count -= 1
            joined[fit[0]] = joined[count]
        else:
            joined[count] = box
            count += 1
    return [Rect(x, y, right - x, bottom - y) for x, y, right, bottom in joined[:count].tolist()]


def _window_sides(boxes: NDArray[np.int64], frame: Rect, zoom: float) -> NDArray[np.int64]:
    """Widths and heights (n, 2) of the windows that :func:`with_context` makes of ``boxes`` (n, 4)."""
    size = boxes[:, 2:] - boxes[:, :2]
    margin = np.rint(zoom * np.maximum(CONTEXT, size.mean(1)))[:, None].astype(np.int64)
    low = np.maximum(boxes[:, :2] - margin, (frame.x, frame.y))
    sides: NDArray[np.int64] = np.minimum(boxes[:, 2:] + margin, (frame.right, frame.bottom)) - low
    return sides


def with_context(box: Rect, frame: Rect, zoom: float = 1.0) -> Rect:
    """``box`` with about its own size on each side, at least CONTEXT pixels, inside ``frame``."""
    return _outset(box, round(zoom * max(CONTEXT, (box.width + box.height) / 2)), frame)


def _outset(rect: Rect, margin: int, frame: Rect) -> Rect:
    grown = Rect(rect.x - margin, rect.y - margin, rect.width + 2 * margin, rect.height + 2 * margin)
    return grown.intersect(frame)


# ------------------------------------------------------------------------------------------- canvases


def canvas_over(window: Rect, frame: Rect, spec: FillSpec) -> Window:
    """The working canvas over ``window``: it covers all of it, in the filler's sizes, and shows only ``frame``.

    A window smaller than the canvas is shown with more around it rather than enlarged. ``visible`` leaves
    out the rim that the filler wants unknown.
    """
    if isinstance(spec.size, Native):
        shrink = min(1.0, math.sqrt(spec.size.max_pixels / window.area))
        width = max(1, math.floor(window.width * shrink))
        height = max(1, math.floor(window.height * shrink))
        step_x, step_y = window.width / width, window.height / height
        return Window(window.x, window.y, step_x, step_y, width, height)
    rim, size = 2 * spec.margin, spec.size
    if isinstance(size, Multiple):
        most_w = most_h = size.max - rim
        least = _side(0, size) - rim
    else:
        most_w, most_h = size.width - rim, size.height - rim
        least = max(most_w, most_h)
    step = max(window.width / most_w, window.height / most_h)
    if (
        step < 1
    ):  # show more of the photo instead of enlarging it, unless all of it is smaller than the canvas
        whole = max(frame.width / most_w, frame.height / most_h)
        step = max(step, min(1.0, max(whole, min(frame.width, frame.height) / least)))
    if isinstance(size, Multiple):
        canvas_w, canvas_h = _side(window.width / step + rim, size), _side(window.height / step + rim, size)
    else:
        canvas_w, canvas_h = size.width, size.height
    step_x = _squeezed(step, canvas_w - rim, frame.width)
    step_y = _squeezed(step, canvas_h - rim, frame.height)
    x = _placed(window.x, window.width, step_x, canvas_w - rim, frame.width)
    y = _placed(window.y, window.height, step_y, canvas_h - rim, frame.height)
    inner = Rect(spec.margin, spec.margin, canvas_w - rim, canvas_h - rim)
    return Window(
        x - spec.margin * step_x, y - spec.margin * step_y, step_x, step_y, canvas_w, canvas_h, inner
    )


def _side(length: float, size: Multiple) -> int:
    smallest = math.ceil(size.min / size.k) * size.k
    return min(size.max, max(smallest, math.ceil(length / size.k - 1e-9) * size.k))


def _squeezed(step: float, cells: int, length: int) -> float:
    """The step with which ``cells`` reach no further than ``length``, if that is no great squeeze.

    Cells that are pixels stay pixels where they reach only a little beyond; a photo that is thinner than a
    few cells is stretched to them.
    """
    if cells * step <= length or (step == 1.0 and cells <= 1.25 * length):
        return step
    return min(max(step / SQUEEZE, length / cells), length / FEWEST_KNOWN)


def _placed(start: int, length: int, step: float, cells: int, frame: int) -> float:
    """Where ``cells`` begin so that they lie over the middle of the window, inside the frame if they can."""
    covered = cells * step
    if covered >= frame:
        return (frame - covered) / 2
    at = min(max(0.0, start + (length - covered) / 2), frame - covered)
    return float(round(at)) if step == 1.0 else at


def _unknown_cells(canvas: Window, unknown: Bools) -> float:
    """The share of the canvas inside its rim that holds something unknown, or nothing of the photo."""
    inner = canvas.visible or Rect(0, 0, canvas.width, canvas.height)
    y0, y1, rows = _cells(canvas.y + inner.y * canvas.step_y, canvas.step_y, inner.height, unknown.shape[0])
    x0, x1, columns = _cells(canvas.x + inner.x * canvas.step_x, canvas.step_x, inner.width, unknown.shape[1])
    known = ~any_in_cells(unknown[y0:y1, x0:x1], rows, columns)
    shown = (y1 - y0) * (x1 - x0) / (inner.width * canvas.step_x * inner.height * canvas.step_y)
    return 1 - float(known.mean()) * min(1.0, shown)


def _cells(start: float, step: float, count: int, length: int) -> tuple[int, int, NDArray[np.intp]]:
    """The first pixel and the one after the last of ``count`` cells, inside 0..length, and where cells begin."""
    first, last = max(0, math.floor(start)), min(length, math.ceil(start + count * step - 1e-9))
    at = np.floor(start + step * np.arange(count) + 1e-9).astype(np.intp)
    return first, last, np.unique(at.clip(first, last - 1)) - first
