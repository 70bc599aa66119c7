"""From a job to the finished picture: train or fetch the photo's pyramid, put the guess in, compose."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch

from outpaint_cli.edges import take_out_step
from outpaint_cli.plugin import Context, Harmonized, HarmonizeJob, UsageError
from outpaint_cli.training.material import default_cache
from outpaint_cli.training.workers import pick_device
from outpaint_singan.both import Both, two_threads
from outpaint_singan.choose import METHOD, choose
from outpaint_singan.inject import Scene, extent, inject, keep_colours, scene, super_resolve, to_picture
from outpaint_singan.pyramid import pyramid_sizes, reals, to_tensor
from outpaint_singan.settings import read_options
from outpaint_singan.store import Store, content_key
from outpaint_singan.train import Pyramid, Watch, precision, train

if TYPE_CHECKING:
    from outpaint_cli.plugin import Floats, Samples

TRAINING, CHOOSING = 0.9, 0.93  # shares of the progress bar that end with these
ROWS = 256  # that are held as float at one time when the result is enlarged


class SinganHarmonizer:
    """Gives the new area the photo's own texture, with a pyramid of GANs trained on the photo alone."""

    trained = True

    def __init__(self, ctx: Context) -> None:
        read_options(ctx.options)
        self._device = pick_device(ctx.device)

    @property
    def device(self) -> str:
        """Where it trains and runs."""
        return f"cuda:{self._device.index or 0}" if self._device.type == "cuda" else self._device.type

    def harmonize(self, job: HarmonizeJob, ctx: Context) -> Harmonized:
        """Finish the unknown part of ``job.image``; known pixels come back bit for bit.

        ``info["singan"]`` says at which scale the picture was put in and how all candidates scored, and whether the
        pyramid was trained now. A photo too small to train on (its shorter side under 26 pixels), or one
        without a gap, comes back as it is.
        """
        if job.known.all() or not job.known.any():
            return Harmonized(job.image.copy(), {"singan": {"left": "nothing to do"}})
        with threads(self._device, ctx) as both:
            return self._harmonize(job, ctx, both)

    def _harmonize(self, job: HarmonizeJob, ctx: Context, both: Both) -> Harmonized:
        started = time.monotonic()
        trained = self._pyramid(job, ctx, both)
        if trained is None:
            return Harmonized(job.image.copy(), {"singan": {"left": "the photo is too small to train on"}})
        pyramid, store, fresh = trained
        seconds = time.monotonic() - started
        frame = scene(job, pyramid)
        start, scores = self._start(pyramid, frame, job, store, ctx)
        last = len(pyramid.sizes) - 1

        def told(scale: int) -> None:
            share = (scale - start + 1) / (last - start + 1)
            ctx.progress(CHOOSING + (1 - CHOOSING) * share, f"harmonizing, scale {scale + 1}/{last + 1}")

        made = to_picture(inject(pyramid, frame, start, last, ctx.seed, ctx.check, told))
        guess = to_picture(frame.picture)
        finished = keep_colours(made, guess, frame.known, frame.step_at(last))
        finished = take_out_step(guess, frame.known, finished)
        enlarged = extent(job)[1] / pyramid.sizes[-1][1]
        info: dict[str, Any] = {
            "scale": start,
            "scales": last + 1,
            "size": list(pyramid.sizes[-1][::-1]),
            "scores": scores,
            "trained": fresh,
            "training_seconds": round(pyramid.seconds, 1),
        }
        if fresh:
            info["waited_seconds"] = round(seconds, 1)
        if enlarged > 1:
            info["upsampled"] = round(enlarged, 3)
        if pyramid.no_graph:
            info["no_graph"] = pyramid.no_graph
        return Harmonized(compose(job.image, job.known, finished), {"singan": info})

    def upscale(self, job: HarmonizeJob, factor: float, ctx: Context) -> Harmonized:
        """``job.image``, finished already, ``factor`` times as large: floor(factor * H + 0.5) rows, columns alike.

        Super-resolution from the same pyramid that harmonizes (Shaham et al. 2019, section 4): in steps of
        about its factor, each followed by the finest generator. Nothing is trained anew. All pixels are new;
        depth is kept. Raises UsageError unless ``factor`` is between 1 and 8.
        """
        if not 1 <= factor <= 8:
            raise UsageError(f"upscaling by {factor:g}: use 1 to 8")
        with threads(self._device, ctx) as both:
            return self._upscale(job, factor, ctx, both)

    def _upscale(self, job: HarmonizeJob, factor: float, ctx: Context, both: Both) -> Harmonized:
        height, width = job.known.shape
        size = max(1, math.floor(height * factor + 0.5)), max(1, math.floor(width * factor + 0.5))
        trained = self._pyramid(job, ctx, both) if job.known.any() else None
        if trained is None:
            enlarged = cv2.resize(job.image, size[::-1], interpolation=cv2.INTER_CUBIC)
            return Harmonized(enlarged, {"singan": {"left": "the photo is too small to train on"}})
        pyramid, _, fresh = trained

        def told(share: float) -> None:
            ctx.progress(TRAINING + (1 - TRAINING) * share, "super-resolution")

        picture = to_tensor(job.image, pyramid.device)
        larger = super_resolve(pyramid, picture, size, ctx.seed, ctx.check, told)
        info = {"upscale": factor, "trained": fresh, "training_seconds": round(pyramid.seconds, 1)}
        return Harmonized(to_samples(to_picture(larger), job.image.dtype), {"singan": info})

    # ------------------------------------------------------------------------------------- the parts

    def _pyramid(self, job: HarmonizeJob, ctx: Context, both: Both) -> tuple[Pyramid, Store, bool] | None:
        """The pyramid of the job's known pixels and whether it was trained now; None for tiny photos."""
        options = read_options(ctx.options)
        if job.whole is not None:
            image, known = job.whole.image, job.whole.known
        else:
            image, known = job.image[job.photo.slices()], job.known[job.photo.slices()]
        sizes = pyramid_sizes(known.shape[0], known.shape[1], options.settings)
        if len(sizes) < 2:
            return None
        small = reals(image, known, sizes, self._device)
        if not small:
            return None
        where = f"{self._device.type} {precision(options.settings, self._device)}"
        key = content_key(image, known, options.settings, where)
        root = (ctx.cache or default_cache().parent) / "singan"
        about = {"preset": options.preset, "settings": options.settings.as_dict(), "device": where}
        store = Store(Path(root) / key, {**about, "torch": torch.__version__})
        fresh = False

        def tell(share: float, text: str) -> None:
            nonlocal fresh
            fresh = True
            ctx.progress(TRAINING * share, text)

        ctx.check()
        pyramid = train(small, options.settings, self._device, store, Watch(ctx.check, tell), both)
        return pyramid, store, fresh

    def _start(
        self, pyramid: Pyramid, frame: Scene, job: HarmonizeJob, store: Store, ctx: Context
    ) -> tuple[int, list[Mapping[str, Any]]]:
        """The scale where the picture goes in: as asked for, as chosen for it before, or as chosen now."""
        last = len(pyramid.sizes) - 1
        asked = read_options(ctx.options).scale
        if asked is not None:
            if asked > last:
                raise UsageError(f"-O singan.scale={asked}: this photo's pyramid has scales 0 to {last}")
            return asked, []
        digest = hashlib.sha256(
            frame.picture.cpu().numpy().tobytes() + f"{job.scale}:{ctx.seed}:{METHOD}".encode()
        )
        name, choices = digest.hexdigest()[:16], store.read_json().get("choices", {})
        if name in choices:
            return choices[name]["scale"], choices[name]["scores"]

        def told(share: float) -> None:
            ctx.progress(TRAINING + (CHOOSING - TRAINING) * share, "choosing the scale")

        start, scores = choose(pyramid, frame, ctx.seed, ctx.check, told)
        plain = [score.as_dict() for score in scores]
        recent = dict(list(choices.items())[-31:])
        store.write_json({"choices": {**recent, name: {"scale": start, "scores": plain}}})
        return start, list(plain)


@contextmanager
def threads(device: torch.device, ctx: Context) -> Iterator[Both]:
    """As many of PyTorch's threads as ``ctx`` says, used in two halves; as they were afterwards."""
    before = torch.get_num_threads()
    if ctx.threads:
        torch.set_num_threads(ctx.threads)
    try:
        with two_threads(device) as both:
            yield both
    finally:
        torch.set_num_threads(before)


def compose(image: Samples, known: np.ndarray, finished: Floats) -> Samples:
    """``image`` (H, W, 3) with its unknown pixels from ``finished`` (h, w, 3) in 0..1, enlarged if smaller."""
    height, width = known.shape
    out = image.copy()
    small = to_samples(finished, np.dtype(np.uint16))  # between the sizes, more than 8 bits
    if small.shape[:2] != known.shape:
        small = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    for y in range(0, height, ROWS):
        rows = slice(y, min(y + ROWS, height))
        unknown = ~known[rows]
        out[rows][unknown] = _to_depth(small[rows][unknown], image.dtype)
    return out


def to_samples(picture: Floats, dtype: Any) -> Samples:
    """float32 in 0..1 to uint8 or uint16, rounded."""
    top = np.iinfo(dtype).max
    return (picture * np.float32(top) + np.float32(0.5)).astype(dtype)


def _to_depth(samples: Samples, dtype: Any) -> Samples:
    return samples if dtype == np.uint16 else ((samples.astype(np.uint32) + 128) // 257).astype(dtype)
