"""Frame and filler: working size, windows, rings, batches. The result is a :class:`Guess` at any resolution.

The filler works at its own small size; nothing here makes a full-size float copy of a photo. What was
guessed stays as small canvases until :meth:`Guess.sample` is asked for a part of the frame.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import cv2
import numpy as np

from outpaint_cli.edges import match_edge
from outpaint_cli.frame import Frame
from outpaint_cli.plugin import (
    Cancelled,
    Context,
    Filled,
    Filler,
    FillSpec,
    Multiple,
    Native,
    OutpaintError,
    PluginError,
    Rect,
)
from outpaint_cli.resample import axis_cover, axis_weights, resample
from outpaint_cli.windows import Ring, Window, plan_rings

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Floats, Samples


@dataclass(frozen=True)
class Grid:
    """Samples over the frame: sample (i, j) covers ``x + j * step_x`` and ``y + i * step_y`` onwards."""

    x: float
    y: float
    step_x: float
    step_y: float
    width: int
    height: int

    @classmethod
    def of_rect(cls, rect: Rect) -> Grid:
        """One sample a pixel of ``rect``."""
        return cls(rect.x, rect.y, 1.0, 1.0, rect.width, rect.height)


@dataclass(frozen=True)
class Layer:
    """What a filler made of one window: ``image`` float32 (h, w, 3) 0..1 with the known pixels pasted in."""

    window: Window
    image: Floats
    confidence: Floats | None = None


@dataclass(frozen=True)
class FilledRing:
    """A ring with its layers; layers that overlap are blended."""

    ring: Ring
    layers: tuple[Layer, ...]


@dataclass
class Guess:
    """The photo and everything that was imagined around it so far.

    ``photo`` uint8, uint16 or float32 (h, w, 3) sRGB covers ``known`` (frame pixels), at full or reduced size.
    """

    photo: Samples | Floats
    known: Rect
    rings: list[FilledRing] = field(default_factory=list)

    @property
    def step(self) -> float:
        """The first ring's coarseness: frame pixels a working pixel, at least 1."""
        steps = [max(w.step_x, w.step_y) for ring in self.rings[:1] for w in ring.ring.windows]
        return max([1.0, *steps])

    def sample(self, grid: Grid, *, with_photo: bool = True) -> Floats:
        """The picture on ``grid``, float32 (height, width, 3) 0..1.

        Samples that lie across two parts mix them by area. Outside all rings the picture's edge repeats.
        Without the photo its place is left to the innermost ring's canvases.
        """
        if with_photo and not self.rings:
            return self._photo_on(grid)
        out = np.zeros((grid.height, grid.width, 3), np.float32)
        total = np.zeros((grid.height, grid.width, 1), np.float32)
        if with_photo:
            cover = _cover(grid, self.known)
            if cover.any():
                out += cover * self._photo_on(grid)
                total += cover
        for index, filled in enumerate(self.rings):
            cover = _cover(grid, filled.ring.grown)
            if with_photo or index:
                cover = cover - _cover(grid, filled.ring.known)
            if cover.any():
                out += cover * blend_layers(filled, grid)
                total += cover
        empty = total <= 1e-6
        if empty.any():
            total[empty] = 1
        return out / total

    def confidence(self, grid: Grid) -> Floats | None:
        """How sure the filler was, float32 (height, width) 0..1 with 1 on the photo; None where it didn't say."""
        if not any(layer.confidence is not None for f in self.rings for layer in f.layers):
            return None
        out = _cover(grid, self.known)
        for filled in self.rings:
            cover = _cover(grid, filled.ring.grown) - _cover(grid, filled.ring.known)
            if cover.any():
                out += cover * blend_layers(filled, grid, confidence=True)
        return np.clip(out[..., 0], 0, 1)

    def _photo_on(self, grid: Grid) -> Floats:
        rows, columns = self.photo.shape[:2]
        down = axis_weights(
            self.known.y, self.known.height / rows, rows, grid.y, grid.step_y, grid.height
        )  # fmt: skip
        across = axis_weights(
            self.known.x, self.known.width / columns, columns, grid.x, grid.step_x, grid.width
        )  # fmt: skip
        top = float(np.iinfo(self.photo.dtype).max) if self.photo.dtype.kind == "u" else 1.0
        on = resample(self.photo, down, across)
        on /= np.float32(top)
        return on


def blend_layers(filled: FilledRing, grid: Grid, *, confidence: bool = False) -> Floats:
    """The ring's layers on ``grid``; each counts less towards the edge of its own canvas."""
    channels = 1 if confidence else 3
    out = np.zeros((grid.height, grid.width, channels), np.float32)
    total = np.zeros((grid.height, grid.width, 1), np.float32)
    alone = len(filled.layers) == 1
    for layer in filled.layers:
        w = layer.window
        if confidence:
            image = (
                np.zeros_like(layer.image[..., :1])
                if layer.confidence is None
                else layer.confidence[..., None]
            )
        else:
            image = layer.image
        down = _ramp(w.y, w.step_y, w.height, grid.y, grid.step_y, grid.height)
        across = _ramp(w.x, w.step_x, w.width, grid.x, grid.step_x, grid.width)
        if not alone and not (down.any() and across.any()):
            continue
        rows = axis_weights(w.y, w.step_y, w.height, grid.y, grid.step_y, grid.height)
        columns = axis_weights(w.x, w.step_x, w.width, grid.x, grid.step_x, grid.width)
        if alone:
            return resample(image, rows, columns)
        weight = (down[:, None] * across[None, :])[..., None] + np.float32(1e-8)
        out += weight * resample(image, rows, columns)
        total += weight
    total[total == 0] = 1
    return out / total


def _ramp(x: float, step: float, count: int, start: float, grid_step: float, n: int) -> Floats:
    """A tent over the canvas, 0 at its edges and outside, 1 in the middle; float32 (n,)."""
    centre = start + grid_step * (np.arange(n) + 0.5)
    half = step * count / 2
    tent = 1 - np.abs(centre - (x + half)) / half
    ramp: Floats = np.clip(tent, 0, 1).astype(np.float32)
    return ramp


def _cover(grid: Grid, rect: Rect) -> Floats:
    across = axis_cover(rect.x, rect.right, grid.x, grid.step_x, grid.width)
    down = axis_cover(rect.y, rect.bottom, grid.y, grid.step_y, grid.height)
    cover: Floats = (down[:, None] * across[None, :])[..., None]
    return cover


# -------------------------------------------------------------------------------------------- filling


@dataclass(frozen=True)
class Request:
    """One window to fill: ``image`` float32 (h, w, 3) with zeros where unknown, ``known`` bool (h, w)."""

    image: Floats
    known: Bools
    seed: int


Answer: TypeAlias = tuple["Floats", "Floats | None"]
T = TypeVar("T")
FillSteps: TypeAlias = Generator[list[Request], list[Answer], T]
"""Yields what to fill next, is sent the answers, returns the guess made of them."""


def working_pixels(spec: FillSpec) -> int | None:
    """How many pixels along the longer side a photo needs for this filler; None: all that it has."""
    if isinstance(spec.size, Native):
        return None
    largest = spec.size.max if isinstance(spec.size, Multiple) else max(spec.size.height, spec.size.width)
    return 4 * largest


def fill_steps(
    photo: Samples | Floats, known: Rect, frame: Frame, spec: FillSpec, *, seed: int = 0, variant: int = 0
) -> FillSteps[Guess]:
    """Fill ``frame`` around ``photo`` ring by ring; yields what to fill next, is sent the answers.

    ``photo`` (h, w, 3) sRGB covers the frame's ``known`` rectangle, possibly reduced. Variants beyond 0 show
    the filler the photo mirrored, or smaller, so that it imagines something else.
    """
    guess = Guess(photo, known)
    native = isinstance(spec.size, Native)
    mirror = variant % 2 == 1
    zoom = 1.0 - 0.25 * float(np.random.default_rng([seed, variant]).random()) if variant else 1.0
    for ring in plan_rings(frame, spec, known, zoom):
        if not ring.windows:
            guess.rings.append(FilledRing(ring, (_edge_layer(guess, ring),)))
            continue
        requests = [_request(guess, ring, window, seed, mirror) for window in ring.windows]
        answers = yield requests
        layers = []
        for window, request, (image, confidence) in zip(ring.windows, requests, answers, strict=True):
            layers.append(make_layer(window, request, image, confidence, mirror, native))
        guess.rings.append(FilledRing(ring, tuple(layers)))
    return guess


def _request(guess: Guess, ring: Ring, window: Window, seed: int, mirror: bool) -> Request:
    known, shown = _known_of(ring.known, window)
    grid = Grid(window.x, window.y, window.step_x, window.step_y, window.width, window.height)
    image = guess.sample(grid)
    np.clip(image, 0, 1, out=image)
    image *= shown
    if mirror:
        image, known = np.ascontiguousarray(image[:, ::-1]), np.ascontiguousarray(known[:, ::-1])
    return Request(image, known, seed)


@functools.lru_cache(maxsize=32)
def _known_of(rect: Rect, window: Window) -> tuple[Bools, Floats]:
    """What a window may know of what is known, ``rect``: bool (h, w), and as 0 and 1 (h, w, 3)."""
    across = axis_cover(rect.x, rect.right, window.x, window.step_x, window.width)
    down = axis_cover(rect.y, rect.bottom, window.y, window.step_y, window.height)
    known = (down[:, None] > 1 - 1e-4) & (across[None, :] > 1 - 1e-4)
    if not known.any():  # a known part thinner than a working pixel: take the pixel that holds most of it
        known[int(down.argmax()), int(across.argmax())] = True
    if window.visible is not None:
        visible = np.zeros_like(known)
        visible[window.visible.slices()] = True
        known = visible  # the plan keeps the rectangle inside what is known, to rounding
    known.flags.writeable = False
    return known, np.repeat(known[..., None].astype(np.float32), 3, axis=2)


def make_layer(
    window: Window, request: Request, image: Floats, confidence: Floats | None, mirror: bool, native: bool
) -> Layer:
    """The answer to a request: its known pixels back in, steps in colour out, turned back if it was mirrored."""
    known = request.known
    if not native:  # what was filled at full resolution is taken as it is
        image = match_edge(request.image, known, image)
    image = np.array(image, np.float32, order="C")
    cv2.copyTo(request.image, known.view(np.uint8), image)
    if mirror:
        image = np.ascontiguousarray(image[:, ::-1])
        confidence = None if confidence is None else np.ascontiguousarray(confidence[:, ::-1])
    return Layer(window, image, confidence)


def _edge_layer(guess: Guess, ring: Ring) -> Layer:
    """The known part itself, as a canvas whose edge repeats outside."""
    width, height = min(ring.known.width, 512), min(ring.known.height, 512)
    window = Window(
        ring.known.x, ring.known.y, ring.known.width / width, ring.known.height / height, width, height
    )
    grid = Grid(window.x, window.y, window.step_x, window.step_y, width, height)
    return Layer(window, guess.sample(grid))


def run_fills(fills: Sequence[FillSteps[T]], filler: Filler, ctx: Context) -> list[T | OutpaintError]:
    """Drive several photos' fills together: windows of one shape share batches of one fixed size.

    A photo whose window can't be filled gets the error in its place; the others go on.
    """
    results: dict[int, T | OutpaintError] = {}
    answers: dict[int, list[Answer] | None] = dict.fromkeys(range(len(fills)))
    while answers:
        waiting: dict[int, list[Request]] = {}
        for index in list(answers):
            try:
                reply = answers[index]
                waiting[index] = next(fills[index]) if reply is None else fills[index].send(reply)
            except StopIteration as stop:
                results[index] = stop.value
                del answers[index]
        ctx.check()
        filled, failed = _fill_requests(waiting, filler, ctx)
        for index, error in failed.items():
            results[index] = error
            del answers[index]
        answers.update(filled)
    return [results[index] for index in range(len(fills))]


def _fill_requests(
    waiting: dict[int, list[Request]], filler: Filler, ctx: Context
) -> tuple[dict[int, list[Answer] | None], dict[int, OutpaintError]]:
    """Answer all requests, batched by shape; a photo whose request can't be answered fails alone."""
    done: dict[int, list[Answer]] = {index: [(r.image, None) for r in rs] for index, rs in waiting.items()}
    failed: dict[int, OutpaintError] = {}
    by_shape: dict[tuple[int, ...], list[tuple[int, int]]] = {}
    for index, requests in waiting.items():
        for number, request in enumerate(requests):
            by_shape.setdefault(request.image.shape, []).append((index, number))
    batches = Batches(filler)
    for places in by_shape.values():
        while places := [place for place in places if place[0] not in failed]:
            group, places = places[: batches.size], places[batches.size :]
            answers = batches.fill([waiting[index][number] for index, number in group], ctx)
            for (index, number), answer in zip(group, answers, strict=True):
                if isinstance(answer, OutpaintError):
                    failed[index] = answer
                else:
                    done[index][number] = answer
    return {index: answer for index, answer in done.items() if index not in failed}, failed


class Exhausted(PluginError):
    """There was not enough memory for the batch."""


class Batches:
    """Calls a filler with batches of at most ``size``: its own largest batch, or less where that is asked for.

    What does not fit into memory is tried again by halves, and ``size`` stays at what fitted.
    """

    def __init__(self, filler: Filler, most: int = 0) -> None:
        self.filler = filler
        self.size = max(1, min(filler.spec.max_batch, most or filler.spec.max_batch))

    def fill(self, requests: Sequence[Request], ctx: Context) -> list[Answer | OutpaintError]:
        """The answers to at most ``size`` requests of one shape; an error in the place of those that can't be.

        Raises OutpaintError where the filler itself stops, Cancelled above all.
        """
        answers: dict[int, Answer | OutpaintError] = {}
        chunks = [list(range(len(requests)))]
        while chunks:
            chunk = chunks.pop()
            if len(chunk) > self.size:
                chunks += [chunk[self.size :], chunk[: self.size]]
                continue
            size = self.size
            try:
                found = call_filler(self.filler, [requests[at] for at in chunk], ctx, size)
                answers.update(zip(chunk, found, strict=True))
            except OutpaintError as error:
                if isinstance(error, Cancelled):
                    raise
                short = isinstance(error, Exhausted)
                if short and size > 1:
                    self.size = size // 2
                elif len(chunk) == 1:
                    answers[chunk[0]] = PluginError(str(error)) if short else error
                    continue
                half = max(1, min(len(chunk) // 2, self.size))
                chunks += [chunk[at : at + half] for at in range(0, len(chunk), half)][::-1]
        return [answers[at] for at in range(len(requests))]


def call_filler(
    filler: Filler, requests: Sequence[Request], ctx: Context, size: int | None = None
) -> list[Answer]:
    """One call, padded to ``size`` (the filler's batch) so that who else is in it changes nothing.

    Raises PluginError when the filler raises, or returns a wrong shape or numbers that are not finite;
    Exhausted where memory ran out.
    """
    if isinstance(filler.spec.size, Native):
        size = len(requests)
    elif size is None:
        size = max(1, filler.spec.max_batch)
    images = np.zeros((size, *requests[0].image.shape), np.float32)
    known = np.ones((size, *requests[0].known.shape), np.bool_)
    for row, request in enumerate(requests):
        images[row], known[row] = request.image, request.known
    seeds = tuple(r.seed for r in requests) + (0,) * (size - len(requests))
    try:
        result = filler.fill(images, known, replace(ctx, seed=seeds[0], seeds=seeds))
    except OutpaintError:
        raise
    except Exception as error:
        text = " ".join(str(error).split())[:200]
        if isinstance(error, MemoryError) or OUT_OF_MEMORY.search(text):
            raise Exhausted(
                "out of memory while filling; try a smaller output, or a smaller --batch-size"
            ) from error
        raise PluginError(f"the filler failed ({type(error).__name__}: {text})") from error
    filled = result if isinstance(result, Filled) else Filled(result)
    out = np.asarray(filled.images)
    if out.shape != images.shape or out.dtype.kind != "f":
        raise PluginError(f"the filler returned {out.dtype} {out.shape} where float {images.shape} was due")
    used = out[: len(requests)].astype(np.float32, copy=False)
    if not np.isfinite(used).all():
        raise PluginError("the filler returned numbers that are not finite")
    if filled.confidence is not None and filled.confidence.shape != known.shape:
        raise PluginError(
            f"the filler returned confidence {filled.confidence.shape} where {known.shape} was due"
        )
    return [
        (used[row], None if filled.confidence is None else np.asarray(filled.confidence[row], np.float32))
        for row in range(len(requests))
    ]


OUT_OF_MEMORY = re.compile(
    r"out of memory|failed to allocate|bad[ _]alloc|CUDA_ERROR_OUT_OF_MEMORY", re.IGNORECASE
)
"""How runtimes that raise no MemoryError say it."""
