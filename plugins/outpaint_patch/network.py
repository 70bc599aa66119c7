"""The networks that say what to expect where the photo ends, small U-Nets of residual blocks.

What is mush in the guess has no texture to be read off; what lies there is told by its colours, its place and
what the photo holds of the like. One tells the texture itself, the other which parts of the photo belong there.
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

EMBEDDING = 12
"""Numbers that tell where a place belongs."""


@dataclass(frozen=True)
class TextureConfig:
    """Channels at 1/2, 1/4, 1/8 and 1/16 of the input, and of the layer that sees colours first."""

    widths: tuple[int, ...] = (32, 64, 96, 128)
    stem: int = 24


class _UNet(nn.Module):
    """A guess, what is known of it and its texture in; ``outputs`` numbers a cell at half the size out."""

    def __init__(self, config: TextureConfig | None, outputs: int) -> None:
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
        self.last = nn.Conv2d(widths[0], outputs, 3, padding=1)

    def numbers(self, guess: Tensor, known: Tensor, shown: Tensor) -> Tensor:
        """``outputs`` numbers (N, outputs, H/2, W/2) for inputs as forward takes them, texture as ``_shown``."""
        x = F.leaky_relu(self.stem(torch.cat((guess * 2 - 1, known), 1)), 0.1)
        x = self.first(self.join(torch.cat((x, shown, F.avg_pool2d(known, 2)), 1)))
        skips = [x]
        for level, (down, encode) in enumerate(zip(self.down, self.encode, strict=True)):
            x = self.attended(encode(down(x)), level)
            skips.append(x)
        x = self.drop(x)
        for up, decode, skip in zip(self.up, self.decode, skips[-2::-1], strict=True):
            x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = decode(up(torch.cat((x, skip), 1)))
        result: Tensor = self.last(x).float()
        return result

    def attended(self, x: Tensor, level: int) -> Tensor:
        """``x`` of encoder ``level`` (0 is 1/4 of the input's size) with what the rest of it has to say."""
        return x


class TextureNet(_UNet):
    """The texture of the whole."""

    def __init__(self, config: TextureConfig | None = None) -> None:
        super().__init__(config, CHANNELS)

    def forward(self, guess: Tensor, known: Tensor, texture: Tensor) -> Tensor:
        """``guess`` (N, 3, H, W) in 0..1, ``known`` (N, 1, H, W) of 0 and 1, ``texture`` (N, CHANNELS, H, W).

        ``texture`` is that of the guess as it is, mush and all (see texture.py). The result (N, CHANNELS,
        H/2, W/2) is in the same units; H and W are multiples of 16.
        """
        shown = _shown(texture)
        return (self.numbers(guess, known, shown) + shown) * SCALE + MIDDLE


class AffinityNet(_UNet):
    """Where every place of the frame belongs: what an unknown one ought to hold lies near it.

    Like the pointers of Vinyals et al. 2015 (Pointer Networks), with distances in place of inner products: the
    search for patches compares sources and targets by distances.
    """

    def __init__(self, config: TextureConfig | None = None) -> None:
        super().__init__(config, EMBEDDING)
        self.attend = nn.ModuleList(_Attention(width) for width in self.config.widths[2:])

    def forward(self, guess: Tensor, known: Tensor, texture: Tensor) -> Tensor:
        """Inputs as TextureNet's; embeddings (N, EMBEDDING, H/2, W/2).

        That a place t of the frame holds the like of a known place s has a log-likelihood of -|t - s|^2 between
        their embeddings, but for a constant for each t.
        """
        return self.numbers(guess, known, _shown(texture))

    def attended(self, x: Tensor, level: int) -> Tensor:
        """From 1/8 of the input's size on."""
        result: Tensor = self.attend[level - 1](x) if level > 0 else x
        return result


class _Attention(nn.Module):
    """Self-attention over all places (Vaswani et al. 2017, Attention is all you need, section 3.2), added to x.

    It starts as nothing: the last convolution's weights are 0.
    """

    def __init__(self, width: int, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.GroupNorm(1, width)
        self.ask = nn.Conv2d(width, 3 * width, 1)
        self.out = nn.Conv2d(width, width, 1)
        nn.init.zeros_(self.out.weight)
        assert self.out.bias is not None
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Tensor) -> Tensor:
        count, width, tall, wide = x.shape
        heads = self.ask(self.norm(x)).reshape(count, 3 * self.heads, width // self.heads, tall * wide)
        query, key, value = heads.chunk(3, 1)
        share = (query.transpose(2, 3) @ key * (width // self.heads) ** -0.5).softmax(-1)
        found = (value @ share.transpose(2, 3)).reshape(count, width, tall, wide)
        result: Tensor = x + self.out(found)
        return result


def _shown(texture: Tensor) -> Tensor:
    return (F.avg_pool2d(texture, 2) - MIDDLE) / SCALE


def _step(before: int, width: int, side: int = 3, stride: int = 1) -> nn.Sequential:
    """A convolution that changes the number of channels, and the size by ``stride``."""
    conv = nn.Conv2d(before, width, side, stride=stride, padding=side // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(width), nn.LeakyReLU(0.1))
