"""A trained generator over a picture of any size, in tiles."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from outpaint_singan.both import Both
from outpaint_singan.network import REACH, Generator

TILE = 256
"""Side of a tile: about 130 MB of activations at the widest generator."""


def pad_mirrored(picture: Tensor) -> Tensor:
    """``picture`` (N, C, H, W) with :data:`REACH` mirrored pixels around it.

    Zeros, as in training, would leave a frame at the rim of the output. Sides too short to mirror repeat.
    """
    mode = "reflect" if min(picture.shape[2:]) > REACH else "replicate"
    return F.pad(picture, (REACH,) * 4, mode=mode)


@torch.no_grad()
def generate(
    generator: Generator,
    noisy: Tensor,
    previous: Tensor,
    bf16: bool = False,
    wanted: Tensor | None = None,
    check: Callable[[], None] = lambda: None,
    tile: int = TILE,
    both: Both | None = None,
) -> Tensor:
    """What ``generator`` (in eval mode) makes of padded pictures (1, 3, H + 10, W + 10): (1, 3, H, W).

    A pixel of the result depends on 11 x 11 of the input alone, so that tiles meet exactly. Tiles without
    any ``wanted`` pixel (bool (H, W)) are left as ``previous``.
    """
    out = previous[..., REACH:-REACH, REACH:-REACH].clone()
    height, width = out.shape[2:]

    @torch.no_grad()
    def fill(corner: tuple[int, int]) -> None:
        check()
        y, x = corner
        high, wide = min(tile, height - y), min(tile, width - x)
        part = (..., slice(y, y + high + 2 * REACH), slice(x, x + wide + 2 * REACH))
        with torch.autocast(noisy.device.type, torch.bfloat16, enabled=bf16):
            made = generator(noisy[part].contiguous(memory_format=torch.channels_last), previous[part])
        out[..., y : y + high, x : x + wide] = made

    corners = [(y, x) for y in range(0, height, tile) for x in range(0, width, tile)]
    if wanted is not None:
        corners = [(y, x) for y, x in corners if wanted[y : y + tile, x : x + tile].any()]
    (both or Both()).each(fill, corners)
    return out
