"""The harmonization of Shaham et al. 2019 (section 4): a picture goes in at a scale, texture comes out.

Unlike there the picture keeps its own size: at every scale the frame is as large as the photo's scale asks
for, and known cells hold the photo itself, so that the new area grows out of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from torch import Tensor

from outpaint_cli import metrics
from outpaint_singan.apply import TILE, generate, pad_mirrored
from outpaint_singan.noise import Noise
from outpaint_singan.pyramid import Size, resize, shrink_mask, shrink_samples, to_tensor
from outpaint_singan.train import Pyramid

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Floats, HarmonizeJob

INJECTION, SUPER = 1 << 43, 1 << 44  # keys of noise
GROSS = 6.0  # pixels of each scale; what is smoother is put back there
SMOOTH = 2.5  # pixels; what is smoother than that counts as colour
STEP = 2.0  # pixels of a scale that a pixel of the guess may be wide, to be resolved there
RESOLVED = 0.5


@dataclass(frozen=True)
class Scene:
    """A frame at the pyramid's scales. ``picture`` (1, 3, H, W) in -1..1 at the finest, with the guess."""

    picture: Tensor
    known: Bools
    sizes: list[Size]
    resolved: int  # the finest scale at which the guess is about as sharp as the photo

    def at(self, scale: int) -> Tensor:
        """The frame at a scale."""
        return resize(self.picture, self.sizes[scale])

    def known_at(self, scale: int) -> Bools:
        """Known cells at a scale, bool (h, w)."""
        return shrink_mask(self.known, self.sizes[scale])

    def step_at(self, scale: int) -> float:
        """Pixels of a scale a pixel of what the guess resolves."""
        return max(1.0, self.sizes[scale][1] / self.sizes[self.resolved][1])


def scene(job: HarmonizeJob, pyramid: Pyramid) -> Scene:
    """The job's frame at the photo's scales."""
    height, width = job.known.shape
    tall, wide = extent(job)
    sizes = [(max(1, round(height * h / tall)), max(1, round(width * w / wide))) for h, w in pyramid.sizes]
    known = shrink_mask(job.known, sizes[-1])
    frame = Scene(to_tensor(shrink_samples(job.image, sizes[-1]), pyramid.device), known, sizes, 0)
    return replace(frame, resolved=_resolved(frame, max(1.0, job.scale) * sizes[-1][1] / width))


def extent(job: HarmonizeJob) -> Size:
    """Height and width, in the job's pixels, of what its pyramid is trained on."""
    if job.whole is not None:
        return job.whole.known.shape[0], job.whole.known.shape[1]
    return job.photo.height, job.photo.width


def _resolved(scene: Scene, step: float) -> int:
    """The finest scale with :data:`RESOLVED` of the photo's gradients in the guess, or 0.

    A network's guess may be far smoother than ``step``, its pixels' size at the finest scale, says; it is
    never sharper.
    """
    for number in range(len(scene.sizes) - 1, 0, -1):
        if step * scene.sizes[number][1] > STEP * scene.sizes[-1][1]:
            continue
        known = scene.known_at(number)
        if metrics.own_scores(to_picture(scene.at(number)), known).get("sharp", 0) >= RESOLVED:
            return number
    return 0


def inject(
    pyramid: Pyramid,
    scene: Scene,
    start: int,
    stop: int,
    seed: int,
    check: Callable[[], None] = lambda: None,
    told: Callable[[int], None] = lambda scale: None,
    tile: int = TILE,
) -> Tensor:
    """Put the frame in at scale ``start`` and run the generators up to ``stop``: (1, 3, h, w) in -1..1.

    The frame is shrunk to the scale below ``start`` first, which takes from it what that scale can't show. At
    scale 0 nothing goes in: the coarsest generator makes the new area of noise, as for a random sample
    (section 3). After every generator the guess's gross colours are put back, which would drift: what is
    smoother than :data:`GROSS` pixels, or, for a guess without detail, than its own pixels.
    """
    picture = torch.zeros_like(scene.at(0)) if start == 0 else scene.at(start - 1)
    for number in range(start, stop + 1):
        previous = resize(picture, scene.sizes[number])
        noise = Noise(pyramid.device, seed, number, INJECTION)
        z = noise.normal(*scene.sizes[number], coarsest=number == 0)
        noisy = pad_mirrored(pyramid.amplitudes[number] * z + previous)
        known = torch.from_numpy(scene.known_at(number)).to(pyramid.device)
        made = generate(
            pyramid.generators[number],
            noisy,
            pad_mirrored(previous),
            pyramid.bf16,
            ~known,
            check,
            tile,
            pyramid.both,
        )
        frame = scene.at(number)
        made = torch.where(known, frame, made)
        # or the generators above make an edge of where drifting colours meet the photo's
        picture = torch.where(known, made, made + _low(frame - made, max(GROSS, scene.step_at(number))))
        told(number)
    return picture.clamp(-1, 1)


def keep_colours(made: Floats, guess: Floats, known: Bools, step: float) -> Floats:
    """``made`` (h, w, 3) in 0..1 with the low frequencies of ``guess``, which resolves ``step`` pixels.

    Without it the generators' colours drift and end at the photo in an edge. Known cells are alike in both,
    so that the correction fades towards them.
    """
    mended = made + blur(guess - made, max(SMOOTH, step))
    result: Floats = np.clip(np.where(known[..., None], made, mended), 0, 1).astype(np.float32)
    return result


def super_resolve(
    pyramid: Pyramid,
    picture: Tensor,
    size: Size,
    seed: int,
    check: Callable[[], None] = lambda: None,
    told: Callable[[float], None] = lambda share: None,
) -> Tensor:
    """``picture`` (1, 3, h, w) at the finest scale, enlarged to ``size`` (section 4, super-resolution).

    Enlarged in steps of about the pyramid's factor, each followed by the finest generator: structure is
    alike across scales. Low frequencies are put back after each, or colours would drift.
    """
    ratio = size[0] / picture.shape[2]
    steps = max(1, round(math.log(max(ratio, 1.0)) / math.log(1 / pyramid.settings.factor)))
    height, width = picture.shape[2:]
    for number in range(1, steps + 1):
        share = number / steps
        here = round(height * (size[0] / height) ** share), round(width * (size[1] / width) ** share)
        previous = resize(picture, here)
        z = Noise(pyramid.device, seed, number, SUPER).normal(*here)
        noisy = pad_mirrored(pyramid.amplitudes[-1] * z + previous)
        made = generate(
            pyramid.generators[-1],
            noisy,
            pad_mirrored(previous),
            pyramid.bf16,
            None,
            check,
            both=pyramid.both,
        )
        picture = (made + _low(previous - made, SMOOTH)).clamp(-1, 1)
        told(share)
    return picture


def _low(difference: Tensor, sigma: float) -> Tensor:
    """The low frequencies of (1, 3, h, w)."""
    low = blur(np.ascontiguousarray(difference[0].permute(1, 2, 0).float().cpu().numpy()), sigma)
    return torch.from_numpy(np.ascontiguousarray(low.transpose(2, 0, 1)))[None].to(difference.device)


def to_picture(tensor: Tensor) -> Floats:
    """(1, 3, h, w) in -1..1 to float32 (h, w, 3) in 0..1."""
    values: Floats = tensor[0].permute(1, 2, 0).float().cpu().numpy()
    return np.ascontiguousarray(np.clip((values + 1) / 2, 0, 1), np.float32)


def blur(picture: Floats, sigma: float) -> Floats:
    """Gaussian blur with mirrored edges."""
    result: Floats = cv2.GaussianBlur(picture, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    return result
