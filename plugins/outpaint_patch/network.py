"""The network that expects texture: from a guess of colours and the texture of the known part to the whole.

A small U-Net of residual blocks. What is mush in the guess has no texture to be read off; what lies there is
told by its colours, its place and what the photo holds of the like.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from outpaint_cli.training.blocks import ResidualBlock

from .texture import CHANNELS

MIDDLE, SCALE = -1.25, 0.5  # brings texture into about -2.5..2.5


@dataclass(frozen=True)
class TextureConfig:
    """Channels at 1/2, 1/4, 1/8 and 1/16 of the input, and of the layer that sees colours first."""

    widths: tuple[int, ...] = (32, 64, 96, 128)
    stem: int = 24


class TextureNet(nn.Module):
    """A guess, what is known of it and its texture in; the texture of the whole at half the size out."""

    def __init__(self, config: TextureConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or TextureConfig()
        widths = config.widths
        self.stem = nn.Conv2d(4, config.stem, 5, stride=2, padding=2)
        self.join = _step(config.stem + CHANNELS + 1, widths[0])
        self.first = ResidualBlock(widths[0])
        pairs = list(pairwise(widths))
        self.down = nn.ModuleList(_step(before, width, stride=2) for before, width in pairs)
        self.encode = nn.ModuleList(ResidualBlock(width) for _, width in pairs)
        self.drop = nn.Dropout2d(0.1)
        self.up = nn.ModuleList(_step(coarse + fine, fine, side=1) for fine, coarse in reversed(pairs))
        self.decode = nn.ModuleList(ResidualBlock(fine) for fine, _ in reversed(pairs))
        self.last = nn.Conv2d(widths[0], CHANNELS, 3, padding=1)

    def forward(self, guess: Tensor, known: Tensor, texture: Tensor) -> Tensor:
        """``guess`` (N, 3, H, W) in 0..1, ``known`` (N, 1, H, W) of 0 and 1, ``texture`` (N, CHANNELS, H, W).

        ``texture`` is that of the guess as it is, mush and all (see texture.py). The result (N, CHANNELS,
        H/2, W/2) is in the same units; H and W are multiples of 16.
        """
        shown = (F.avg_pool2d(texture, 2) - MIDDLE) / SCALE
        x = F.leaky_relu(self.stem(torch.cat((guess * 2 - 1, known), 1)), 0.1)
        x = self.first(self.join(torch.cat((x, shown, F.avg_pool2d(known, 2)), 1)))
        skips = [x]
        for down, encode in zip(self.down, self.encode, strict=True):
            x = encode(down(x))
            skips.append(x)
        x = self.drop(x)
        for up, decode, skip in zip(self.up, self.decode, skips[-2::-1], strict=True):
            x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = decode(up(torch.cat((x, skip), 1)))
        result: Tensor = (self.last(x).float() + shown) * SCALE + MIDDLE
        return result


def _step(before: int, width: int, side: int = 3, stride: int = 1) -> nn.Sequential:
    """A convolution that changes the number of channels, and the size by ``stride``."""
    conv = nn.Conv2d(before, width, side, stride=stride, padding=side // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(width), nn.LeakyReLU(0.1))
