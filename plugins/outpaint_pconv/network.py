"""The leaner network that ships: a U-Net of partial convolutions that corrects a smooth fill.

After Liu et al. 2018 (arXiv 1804.07723). Unlike theirs it has residual blocks where they are cheap, few
channels where they are dear, and its picture is a smooth fill of the known pixels plus what the U-Net adds,
so that narrow holes are closed well before anything has been learned.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from outpaint_cli.training.pyramid import pyramid_fill
from outpaint_pconv.layers import Part, PartialConv2d, enlarge

SLOPE = 0.1  # of LeakyReLU


@dataclass(frozen=True)
class LeanConfig:
    """Widths of the levels at 1/2, 1/4, ... of the working size, and residual blocks a level going down."""

    widths: tuple[int, ...] = (32, 64, 128, 192, 224, 224)
    blocks: tuple[int, ...] = (0, 1, 1, 1, 1, 0)
    rim: int = 48  # channels of the layer before the last; both work on 2x2 pixels at once
    rounds: int = 6  # of relaxation in the smooth fill; no weight tells it, so it stays as trained with

    @property
    def multiple(self) -> int:
        """Both sides of a picture are multiples of this many pixels."""
        return 1 << len(self.widths)

    def as_dict(self) -> dict[str, object]:
        """The fields as plain JSON values."""
        return {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self).items()}


class FreezesEncoder(nn.Module):
    """A network whose encoder's BatchNorm can be frozen, for the second stage of training (section 3.4)."""

    frozen = False

    def encoder(self) -> Iterator[nn.Module]:
        """The encoder's modules."""
        raise NotImplementedError

    def train(self, mode: bool = True) -> Self:
        """As ever, but a frozen encoder's BatchNorm keeps its statistics."""
        super().train(mode)
        if self.frozen:
            for norm in self._norms():
                norm.eval()
        return self

    def freeze(self) -> None:
        """From now on: neither statistics nor scale and shift of the encoder's BatchNorm change."""
        self.frozen = True
        for norm in self._norms():
            norm.requires_grad_(False)

    def _norms(self) -> Iterator[nn.BatchNorm2d]:
        for part in self.encoder():
            yield from (module for module in part.modules() if isinstance(module, nn.BatchNorm2d))


class Unit(nn.Module):
    """Partial convolution, BatchNorm, LeakyReLU; the norm is of the convolution's own output."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, active: bool = True) -> None:
        super().__init__()
        self.conv = PartialConv2d(inputs, outputs, kernel, stride, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.active = active

    def forward(self, *parts: Part) -> Part:
        """Parts as :class:`PartialConv2d` takes them."""
        x, mask = self.conv(*parts)
        x = self.norm(x)
        return F.leaky_relu(x, SLOPE) if self.active else x, mask


class ResidualBlock(nn.Module):
    """Two 3x3 units, added to their input as far as that is valid."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = Unit(width, width, 3)
        self.second = Unit(width, width, 3, active=False)

    def forward(self, part: Part) -> Part:
        y, mask = self.second(self.first(part))
        x, valid = part
        return F.leaky_relu(x * valid.to(x.dtype) + y, SLOPE), mask


class LeanPConv(FreezesEncoder):
    """RGB with holes and its mask in, the whole picture out."""

    def __init__(self, config: LeanConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or LeanConfig()
        widths = config.widths
        self.down = nn.ModuleList()
        self.encode = nn.ModuleList()
        before = 3
        for level, (width, count) in enumerate(zip(widths, config.blocks, strict=True)):
            self.down.append(Unit(before, width, (7, 5)[level] if level < 2 else 3, stride=2))
            self.encode.append(nn.Sequential(*(ResidualBlock(width) for _ in range(count))))
            before = width
        self.up = nn.ModuleList()
        self.decode = nn.ModuleList()
        for coarse, fine in zip(widths[:0:-1], widths[-2::-1], strict=True):
            self.up.append(Unit(coarse + fine, fine, 1))
            self.decode.append(ResidualBlock(fine))
        self.rim = PartialConv2d(widths[0] + 16, config.rim, 3)
        self.last = nn.Conv2d(config.rim, 12, 3, padding=1)
        nn.init.normal_(self.last.weight, 0, 1e-3)
        if self.last.bias is not None:
            nn.init.zeros_(self.last.bias)

    def encoder(self) -> Iterator[nn.Module]:
        """The way down."""
        yield from (self.down, self.encode)

    def forward(self, image: Tensor, known: Tensor) -> Tensor:
        """``image`` (N, 3, H, W) in 0..1 and ``known`` (N, 1, H, W) of 0 and 1: the picture (N, 3, H, W).

        H and W are multiples of ``config.multiple``. The result is not clipped: values may overshoot 0..1 a
        little. What unknown pixels of ``image`` hold changes no bit of it.
        """
        image = torch.where(known > 0, image, 0)
        with torch.autocast(image.device.type, enabled=False):  # the smooth fill is cheap: always in fp32
            levels = len(self.config.widths)
            filled = pyramid_fill(image.float(), known.float(), levels, self.config.rounds)
        first = F.pixel_unshuffle(torch.cat((filled.to(image.dtype) - 0.5, known), 1), 2)
        first = first.contiguous(memory_format=torch.channels_last)  # else all that follows is slow
        part = (image - 0.5, known)
        skips = []
        for down, encode in zip(self.down, self.encode, strict=True):
            part = encode(down(part))
            skips.append(part)
        for up, decode, skip in zip(self.up, self.decode, skips[-2::-1], strict=True):
            part = decode(up(enlarge(part), skip))
        x, _ = self.rim(part, (first, torch.ones_like(part[1])))
        added = F.pixel_shuffle(self.last(F.leaky_relu(x, SLOPE)), 2)
        picture: Tensor = filled + added.float()
        return picture
