"""The pipeline: decode and encode in threads around one inference session, with bounded memory.

decode -> shrink to working size -> micro-batch -> fill -> paint -> harmonize -> encode -> rename -> journal
-> event
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

import outpaint_cli
from outpaint_cli import metrics, models, picture, registry
from outpaint_cli.batch.events import Event, Summary
from outpaint_cli.batch.journal import Journal
from outpaint_cli.batch.plan import Settings, Task
from outpaint_cli.compose import harmonize_job, inset, known_mask, paint_frame, ring_strips, tiles
from outpaint_cli.fill import Guess, fill_steps, run_fills, working_pixels
from outpaint_cli.frame import Frame
from outpaint_cli.plugin import (
    Cancelled,
    Context,
    DeviceError,
    Filler,
    Harmonized,
    Harmonizer,
    ModelError,
    ModelRef,
    Native,
    OutpaintError,
    PictureError,
    PluginError,
    Rect,
)

if TYPE_CHECKING:
    from outpaint_cli.plugin import Samples

MEMORY = 3 << 30
"""Bytes of decoded pictures and outputs in flight, unless a single one takes more."""

DEFAULT_HARMONIZER = "patch"

GROUP = 8
"""The most photos whose windows share batches."""


@dataclass
class Decoded:
    """A photo on its way."""

    task: Task
    picture: picture.Picture
    samples: Samples
    content: str
    seed: int
    seconds: float
    fingerprint: str
    size: int = 0


@dataclass
class Run:
    """One run over a plan. ``on_event`` is called in order of completion, from the calling thread."""

    settings: Settings
    ref: ModelRef
    cancelled: Callable[[], bool] = lambda: False
    note: Callable[[str], None] = lambda text: None
    filler: Filler | None = None
    harmonizer: Harmonizer | None = None
    harmonize: str = ""
    _journals: dict[Path, Journal] = field(default_factory=dict)
    _harmonizing: threading.Lock = field(default_factory=threading.Lock)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.harmonize = self.settings.harmonize

    def load(self) -> None:
        """Load the model and the harmonizer. Raises ModelError or DeviceError."""
        settings = self.settings
        filler = models.load(self.ref, self._context(self.ref.plugin))
        if settings.device.startswith("cuda") and not filler.device.startswith("cuda"):
            raise DeviceError(
                f"--device {settings.device}: model '{self.ref.name}' runs on {filler.device} only; "
                "use --device auto"
            )
        if settings.harmonize == "auto":
            # What a model fills at full resolution is finished already.
            native = isinstance(filler.spec.size, Native)
            self.harmonize = "none" if native else DEFAULT_HARMONIZER
        if self.harmonize != "none":
            self.harmonizer = models.load_harmonizer(self.harmonize, self._context)
        self.filler = filler  # last: while it is None, a failure to load ends the run

    def _context(self, plugin: str, seed: int = 0) -> Context:
        options = self.settings.options.get(plugin, {})
        return Context(device=self.settings.device, seed=seed, options=options, cancelled=self.cancelled)

    def run(self, tasks: Sequence[Task], stdout: Callable[[bytes], None] | None = None) -> Iterator[Event]:
        """Do the tasks; yields an event for each. The model is loaded when the first photo needs it."""
        workers = self.settings.jobs or os.cpu_count() or 1
        waiting = deque(tasks)
        decoding: dict[Future[Decoded | Event], int] = {}
        finishing: dict[Future[Event], int] = {}
        ready: list[Decoded] = []
        held = 0  # bytes in flight
        pool = ThreadPoolExecutor(workers)
        stop = False
        try:
            while waiting or decoding or ready or finishing:
                stop = stop or self.cancelled()
                if stop:
                    waiting.clear()
                    for future in decoding:
                        future.cancel()
                    decoding = {f: b for f, b in decoding.items() if not f.cancelled()}
                while waiting and len(decoding) + len(ready) + len(finishing) < 2 * workers + GROUP:
                    size = _footprint(waiting[0])
                    if held and held + size > MEMORY:
                        break
                    held += size
                    decoding[pool.submit(self._decode, waiting.popleft())] = size
                for future in [f for f in decoding if f.done()]:
                    size = decoding.pop(future)
                    result = future.result()
                    if isinstance(result, Decoded):
                        result.size = size + self._canvas_bytes(result.task)
                        held += result.size - size
                        ready.append(result)
                    else:
                        held -= size
                        yield result
                        stop = stop or self._fatal(result)
                if ready and stop:
                    ready.clear()
                elif self._group_is_due(ready, decoding, finishing):
                    group, ready = ready[: self._group_size()], ready[self._group_size() :]
                    for decoded, guess in zip(group, self._fill(group), strict=True):
                        if isinstance(guess, Guess):
                            finishing[pool.submit(self._finish, decoded, guess, stdout)] = decoded.size
                        elif isinstance(guess, Cancelled) and self.cancelled():
                            stop = True
                        else:
                            held -= decoded.size
                            event = self._failed(decoded.task, guess, decoded.seconds)
                            yield event
                            stop = stop or self._fatal(event)
                for done in [f for f in finishing if f.done()]:
                    held -= finishing.pop(done)
                    event = done.result()
                    if event.error and event.error[0] == Cancelled.__name__ and self.cancelled():
                        continue
                    yield event
                    stop = stop or self._fatal(event)
                idle = not (ready and stop) and not self._group_is_due(ready, decoding, finishing)
                if idle and (decoding or finishing):
                    running: list[Future[Any]] = [*decoding, *finishing]
                    wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def _fatal(self, event: Event) -> bool:
        return self.settings.fail_fast and event.status == "failed"

    def _group_size(self) -> int:
        return max(1, min(GROUP, self.filler.spec.max_batch)) if self.filler else 1

    def _group_is_due(
        self, ready: Sequence[Decoded], decoding: Mapping[Any, int], finishing: Mapping[Any, int]
    ) -> bool:
        """Whether to fill now: a whole group is there, or all that will come, and room for what it makes."""
        if not ready or (finishing and sum(finishing.values()) + ready[0].size > MEMORY):
            return False
        return len(ready) >= self._group_size() or not decoding

    def _canvas_bytes(self, task: Task) -> int:
        """Bytes of float canvases that a task adds; only fillers that take a picture whole make large ones."""
        if self.filler is None or task.frame is None or not isinstance(self.filler.spec.size, Native):
            return 0
        return 2 * 12 * min(task.frame.rect.area, self.filler.spec.size.max_pixels)

    # ------------------------------------------------------------------------------------- stages

    def _decode(self, task: Task) -> Decoded | Event:
        started = time.perf_counter()
        try:
            if task.error or task.info is None or task.frame is None:
                raise task.error or PictureError("could not be planned")
            data = task.data if task.data is not None else _read_bytes(task.source.path)
            content = hashlib.sha256(data).hexdigest()
            fingerprint = self._fingerprint(task, content)
            skipped = self._skip(task, fingerprint)
            if skipped:
                return self._event("skipped", task, time.perf_counter() - started, info={"reason": skipped})
            photo = picture.read(data, max_pixels=self.settings.max_pixels)
            del data
            if (photo.width, photo.height) != (task.info.width, task.info.height):
                raise PictureError("changed while it was read; run again")
            if task.frame.resized:
                photo = resized(photo, task.frame.photo.width, task.frame.photo.height)
            filler = self._ready_filler()
            samples = fill_samples(photo, task.frame.photo, self._known(task), working_pixels(filler.spec))
            digest = hashlib.sha256(f"{self.settings.seed}:{task.variant}:{content}".encode()).digest()
            seed = int.from_bytes(digest[:7], "big")
            return Decoded(task, photo, samples, content, seed, time.perf_counter() - started, fingerprint)
        except Exception as error:
            return self._failed(task, error, time.perf_counter() - started)

    def _ready_filler(self) -> Filler:
        with self._lock:
            if self.filler is None:
                self.load()
            assert self.filler is not None
            return self.filler

    def _known(self, task: Task) -> Rect:
        assert task.frame is not None
        return inset(task.frame.photo, task.frame.rect, self.settings.overlap)

    def _fill(self, group: Sequence[Decoded]) -> list[Guess | Exception]:
        filler = self._ready_filler()
        started = time.perf_counter()
        steps = []
        for one in group:
            frame = one.task.frame
            assert frame is not None
            steps.append(
                fill_steps(
                    one.samples,
                    self._known(one.task),
                    frame,
                    filler.spec,
                    seed=one.seed,
                    variant=one.task.variant,
                )
            )
        try:
            guesses: list[Guess | Exception] = list(run_fills(steps, filler, self._context(self.ref.plugin)))
        except Exception as error:
            if len(group) > 1 and not isinstance(error, Cancelled):  # one photo's fault is not the others'
                return [guess for one in group for guess in self._fill([one])]
            guesses = [error] * len(group)
        share = (time.perf_counter() - started) / len(group)
        for one in group:
            one.seconds += share
        return guesses

    def _finish(self, one: Decoded, guess: Guess, stdout: Callable[[bytes], None] | None) -> Event:
        started = time.perf_counter()
        task, photo, frame = one.task, one.picture, one.task.frame
        assert frame is not None
        try:
            self._check_cancelled()
            known = self._known(task)
            own = picture.to_srgb(photo)
            painted = paint_frame(own, frame, guess, seed=one.seed)
            info: dict[str, Any] = {}
            if self.harmonizer is not None and known != frame.rect:
                painted = self._harmonize(painted, frame, known, guess, one.seed, info)
                at = frame.photo
                # Whatever a harmonizer does: the photo's own pixels are the photo's.
                painted[known.slices()] = own[
                    known.y - at.y : known.bottom - at.y, known.x - at.x : known.right - at.x
                ]
            self._check_cancelled()
            scores = self._scores(painted, known, frame)
            result = _into_own_space(photo, own, painted, frame.photo, known, frame.rect)
            del own
            notes = list(photo.notes)
            xmp = picture.photo_xmp(
                photo.xmp,
                frame.photo,
                (frame.width, frame.height),
                keep=not self.settings.strip_metadata,
            )
            encoded = picture.encode(
                result,
                format=task.format,
                quality=self.settings.quality,
                strip_metadata=self.settings.strip_metadata,
                xmp=xmp,
            )
            notes += encoded.notes
            self._deliver(task, encoded.data, one.fingerprint, one.content, stdout)
            if notes:
                info["notes"] = notes
            exact = encoded.exact and known == frame.photo and not frame.resized
            event = self._event(
                "ok",
                task,
                one.seconds + time.perf_counter() - started,
                core_exact=exact,
                scores=scores,
                info=info,
            )
            event.flagged = self._flag(scores)
            return event
        except Exception as error:
            return self._failed(task, error, one.seconds + time.perf_counter() - started)

    def _check_cancelled(self) -> None:
        if self.cancelled():
            raise Cancelled("stopped")

    def _harmonize(
        self, painted: Samples, frame: Frame, known: Rect, guess: Guess, seed: int, info: dict[str, Any]
    ) -> Samples:
        assert self.harmonizer is not None
        plugin, _ = registry.find_harmonizer(self.harmonize)
        job = harmonize_job(painted, frame, known, guess)
        with self._harmonizing:
            try:
                done = self.harmonizer.harmonize(job, self._context(plugin.name, seed))
            except OutpaintError:
                raise
            except MemoryError as error:
                raise PluginError("out of memory while harmonizing; try --harmonize none") from error
            except Exception as error:
                text = " ".join(str(error).split())[:200]
                raise PluginError(
                    f"harmonizer '{self.harmonize}' failed ({type(error).__name__}: {text})"
                ) from error
        if not isinstance(done, Harmonized):
            raise PluginError(f"harmonizer '{self.harmonize}' returned {type(done).__name__}, not Harmonized")
        if done.image.shape != painted.shape or done.image.dtype != painted.dtype:
            raise PluginError(f"harmonizer '{self.harmonize}' returned a wrong shape or depth")
        info.update(done.info)
        return done.image if done.image.flags.writeable else done.image.copy()

    def _scores(self, painted: Samples, known: Rect, frame: Any) -> dict[str, float]:
        if self.settings.min_score is None or known == frame.rect:
            return {}
        return metrics.own_scores(painted, known_mask(frame, known))

    def _flag(self, scores: dict[str, float]) -> str:
        """Which of the scores is off: further from 1, either way, than --min-score allows."""
        limit = self.settings.min_score
        if limit is None:
            return ""
        off = [
            f"{name} {value:.2f}"
            for name, value in scores.items()
            if name in ("seam", "sharp") and min(value, 1 / value if value > 0 else 0) < limit
        ]
        return ", ".join(off)

    def _deliver(
        self, task: Task, data: bytes, fingerprint: str, content: str, stdout: Callable[[bytes], None] | None
    ) -> None:
        if task.output is None or task.folder is None:
            if stdout is None:
                raise PictureError("there is nowhere to write to; give -o")
            try:
                stdout(data)
            except OSError as error:
                raise PictureError(
                    f"standard output can't be written ({_reason(error)}); check where it goes, or give -o"
                ) from error
            return
        try:
            task.output.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PictureError(
                f"the output folder can't be made ({_reason(error)}); choose another -o"
            ) from error
        picture.write_atomic(task.output, data)
        assert task.frame is not None
        at = task.frame.photo
        try:
            self._journal(task.folder).add(
                task.output,
                {
                    "fingerprint": fingerprint,
                    "input": task.source.relative.as_posix(),
                    "content": content,
                    "source": {"x": at.x, "y": at.y, "width": at.width, "height": at.height},
                    "model": self.ref.name,
                    "revision": self.ref.revision,
                    "version": outpaint_cli.__version__,
                },
            )
        except OSError as error:
            self.note(
                f"{task.output}: written, but the journal could not be ({_reason(error)}); a later run "
                "can't tell with which settings it was made"
            )

    # --------------------------------------------------------------------------------------- small

    def _journal(self, folder: Path) -> Journal:
        with self._lock:
            return self._journals.setdefault(folder, Journal(folder))

    def _fingerprint(self, task: Task, content: str) -> str:
        s = self.settings
        made_with = [
            content, repr(s.geometry), s.overlap, task.format, s.quality, s.strip_metadata, s.seed, task.variant,
            self.ref.name, self.ref.revision, s.harmonize,
            {plugin: dict(sorted(values.items())) for plugin, values in sorted(s.options.items())},
            outpaint_cli.__version__, self._plugin_versions(),
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(made_with).encode()).hexdigest()[:32]

    def _plugin_versions(self) -> list[str]:
        """The distributions, with versions, that make the pixels: a newer plugin makes other ones."""
        harmonizer = self.settings.harmonize
        return [
            found.distribution
            for found in registry.find_plugins()
            if found.plugin and (found.name == self.ref.plugin or harmonizer in found.plugin.harmonizers)
        ]

    def _skip(self, task: Task, fingerprint: str) -> str:
        """Why the output need not be made, or "". Raises PictureError under --existing error."""
        if task.output is None or task.folder is None or not os.path.lexists(task.output):
            return ""
        if task.output.is_dir():
            raise PictureError(f"{task.output} is a folder; choose another -o")
        if self.settings.existing == "error":
            raise PictureError(f"{task.output} is already there; use --existing skip or overwrite")
        if self.settings.existing == "overwrite":
            return ""
        made = self._journal(task.folder).fingerprint(task.output)
        if made is None:
            return "already there, not made by outpaint; --overwrite replaces it"
        return "already there, made with the same settings" if made == fingerprint else ""

    def planned(self, task: Task) -> Event:
        """The event of a dry run."""
        if task.error:
            return self._failed(task, task.error, 0.0)
        return self._event("planned", task, 0.0)

    def _event(self, status: Any, task: Task, seconds: float, **more: Any) -> Event:
        frame = task.frame
        return Event(
            status,
            task.name,
            str(task.output) if task.output else None,
            frame.width if frame else 0,
            frame.height if frame else 0,
            frame.photo if frame else None,
            self.ref.name,
            self.ref.revision,
            self.filler.device if self.filler else "",
            self.harmonize,
            self.settings.seed,
            seconds,
            **more,
        )

    def _failed(self, task: Task, error: Exception, seconds: float) -> Event:
        if os.environ.get("OUTPAINT_DEBUG") == "1":
            traceback.print_exception(error)
        if (
            isinstance(error, (ModelError, DeviceError))
            and not isinstance(error, PictureError)
            and self.filler is None
        ):
            raise error  # nothing can be done for any photo
        if isinstance(error, OutpaintError):
            message = str(error)
        elif isinstance(error, MemoryError):
            message = "not enough memory; try a smaller output, or fewer --jobs"
        else:
            text = " ".join(str(error).split())[:200]
            message = f"a fault of outpaint ({type(error).__name__}: {text}); OUTPAINT_DEBUG=1 shows where"
        fault = not isinstance(error, (OutpaintError, MemoryError))
        return self._event("failed", task, seconds, error=(type(error).__name__, message), fault=fault)


def exit_code(summary: Summary, *, strict: bool = False) -> int:
    """0, 1 or 3, as docs/cli.md has it."""
    if summary.faults:
        return 1
    return 3 if summary.failed or (strict and summary.flagged) else 0


# ----------------------------------------------------------------------------------------- helpers


def fill_samples(photo: picture.Picture, at: Rect, known: Rect, limit: int | None) -> Samples:
    """What a filler sees of the photo: sRGB (h, w, 3), cut to ``known``, the longer side at most ``limit``.

    Colours under fully transparent pixels mean nothing: they become the mean of what can be seen.
    """
    pixels = photo.pixels
    if photo.alpha is not None and not photo.alpha.all() and photo.alpha.any():
        seen = photo.alpha > 0
        mean = np.array([channel[seen].mean() for channel in np.moveaxis(pixels, 2, 0)])
        pixels = pixels.copy()
        pixels[~seen] = np.round(mean).astype(pixels.dtype)
    part = pixels[known.y - at.y : known.bottom - at.y, known.x - at.x : known.right - at.x]
    longest = max(part.shape[:2])
    if limit is not None and longest > limit:
        factor = limit / longest
        size = max(1, round(part.shape[1] * factor)), max(1, round(part.shape[0] * factor))
        part = resize_area(part, *size)
    return picture.to_srgb(photo, part)


def resize_area(pixels: Samples, width: int, height: int) -> Samples:
    """``pixels`` (h, w, C) made smaller by area means, depth kept."""
    out = cv2.resize(np.ascontiguousarray(pixels), (width, height), interpolation=cv2.INTER_AREA)
    reduced: Samples = out.reshape(height, width, pixels.shape[2])
    return reduced


def resized(photo: picture.Picture, width: int, height: int) -> picture.Picture:
    """The photo made smaller, for --fit shrink."""
    photo.pixels = resize_area(photo.pixels, width, height)
    if photo.alpha is not None:
        photo.alpha = resize_area(photo.alpha[..., None], width, height)[..., 0]
    photo.notes = (*photo.notes, f"made smaller to {width}x{height} to fit --size")
    return photo


def _into_own_space(
    photo: picture.Picture, own: Samples, painted: Samples, at: Rect, known: Rect, frame: Rect
) -> picture.Picture:
    """The painted frame in the photo's own colour space, with its own pixels back and its alpha grown."""
    if own is photo.pixels:
        pixels = painted
    else:
        pixels = np.empty((frame.height, frame.width, photo.pixels.shape[2]), photo.pixels.dtype)
        pixels[at.slices()] = photo.pixels
        for strip in ring_strips(frame, known):
            for tile in tiles(strip):
                pixels[tile.slices()] = picture.from_srgb(photo, painted[tile.slices()])
    alpha = photo.alpha
    if alpha is not None:
        rows = np.clip(np.arange(frame.height) - at.y, 0, at.height - 1)
        columns = np.clip(np.arange(frame.width) - at.x, 0, at.width - 1)
        alpha = alpha[np.ix_(rows, columns)]
    return picture.Picture(
        pixels, alpha, photo.format, photo.icc, photo.exif, photo.xmp, photo.dpi, photo.jpeg, photo.palette,
        photo.notes, photo.lossless,
    )  # fmt: skip


def _footprint(task: Task) -> int:
    """Bytes that a task holds at its peak: the photo and the frame, and the encoder's copy."""
    if task.frame is None or task.info is None:
        return 0
    samples = 3 + task.info.has_alpha + (task.info.mode == "CMYK")
    return (task.info.width * task.info.height + 2 * task.frame.rect.area) * samples * task.info.bits // 8


def _read_bytes(path: Path | None) -> bytes:
    if path is None:
        raise PictureError("there is nothing on standard input")
    try:
        return path.read_bytes()
    except OSError as error:
        raise PictureError(f"can't be read ({_reason(error)}); check its permissions") from error


def _reason(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower()
