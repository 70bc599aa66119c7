"""The photo at the pyramid's sizes, and the resizing between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from outpaint_singan.network import FIELD, seen
from outpaint_singan.settings import Settings

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Floats, Samples

Size = tuple[int, int]


@dataclass(frozen=True)
class Real:
    """The photo at one scale. ``picture`` (1, 3, h, w) in -1..1; ``known`` (1, 1, h, w) 1 or 0, or None: all.

    Unknown places hold a smooth continuation of the known ones.
    """

    picture: Tensor
    known: Tensor | None = None

    @property
    def size(self) -> Size:
        """Height and width."""
        return self.picture.shape[2], self.picture.shape[3]


def pyramid_sizes(height: int, width: int, settings: Settings) -> list[Size]:
    """Sizes (h, w) of the scales from coarse to fine; none where the photo is too small for one patch.

    As in the authors' code: the finest scale's long side is at most ``settings.size``, the coarsest's short
    side is ``settings.coarsest``, and the factor in between is fitted to both.
    """
    shrink = min(1.0, settings.size / max(height, width))
    finest = math.ceil(height * shrink - 1e-9), math.ceil(width * shrink - 1e-9)
    short = min(finest)
    if short < FIELD:
        return []
    if short <= settings.coarsest:
        return [finest]
    steps = math.ceil(math.log(settings.coarsest / short, settings.factor)) + 1
    factor = (settings.coarsest / short) ** (1 / steps)
    return [
        (math.ceil(finest[0] * factor**i - 1e-9), math.ceil(finest[1] * factor**i - 1e-9))
        for i in range(steps, -1, -1)
    ]


def resize(picture: Tensor, size: Size) -> Tensor:
    """``picture`` (N, C, H, W) at another size: cubic, antialiased where it becomes smaller."""
    if picture.shape[2:] == size:
        return picture
    return F.interpolate(picture, size, mode="bicubic", antialias=True, align_corners=False)


def to_tensor(samples: Samples, device: torch.device) -> Tensor:
    """uint8 or uint16 (H, W, 3) to (1, 3, H, W) in -1..1."""
    values = samples.astype(np.float32) * np.float32(2 / np.iinfo(samples.dtype).max) - 1
    return torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)))[None].to(device)


def shrink_samples(samples: Samples, size: Size) -> Samples:
    """``samples`` (H, W, 3) smaller, by area and in their own depth: no float copy of the whole."""
    if samples.shape[:2] == size:
        return samples
    small: Samples = cv2.resize(
        np.ascontiguousarray(samples), (size[1], size[0]), interpolation=cv2.INTER_AREA
    )
    return small


def shrink_mask(known: Bools, size: Size) -> Bools:
    """Cells of a smaller grid that hold nothing but known pixels."""
    if known.shape == size:
        return known
    share = cv2.resize(
        known.astype(np.uint8) * np.uint8(255), (size[1], size[0]), interpolation=cv2.INTER_AREA
    )
    whole: Bools = share == 255
    return whole


def smooth_fill(picture: Floats, known: Bools) -> Floats:
    """``picture`` (h, w, 3) with unknown places filled from known ones, by ever wider Gaussian means."""
    filled = np.where(known[..., None], picture, 0).astype(np.float32)
    weight = known.astype(np.float32)
    result, todo, sigma = filled.copy(), ~known, 1.0
    while todo.any():
        share = cv2.GaussianBlur(weight, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
        mean = cv2.GaussianBlur(filled, (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
        reached = todo & (share > 0.02)
        result[reached] = mean[reached] / share[reached][:, None]
        todo &= ~reached
        if sigma > max(known.shape):
            result[todo] = picture[known].mean(0)
            break
        sigma *= 2
    return result


def reals(samples: Samples, known: Bools, sizes: Sequence[Size], device: torch.device) -> list[Real]:
    """The photo (H, W, 3) at every size; what is not ``known`` (H, W) has no influence.

    At scales where no patch is known as a whole, the smooth continuation counts as known.
    """
    samples = np.where(known[..., None], samples, 0).astype(samples.dtype) if not known.all() else samples
    mask = shrink_mask(known, sizes[-1])
    finest = to_tensor(shrink_samples(samples, sizes[-1]), device)
    if mask.all():
        return [Real(resize(finest, size)) for size in sizes]
    if not mask.any():
        return []
    filled = smooth_fill(finest[0].permute(1, 2, 0).cpu().numpy(), mask)
    finest = torch.from_numpy(np.ascontiguousarray(filled.transpose(2, 0, 1)))[None].to(device)
    found = []
    for size in sizes:
        part = torch.from_numpy(shrink_mask(mask, size).astype(np.float32))[None, None].to(device)
        usable = bool(seen(part).sum() >= FIELD)
        found.append(Real(resize(finest, size), part if usable else None))
    return found
