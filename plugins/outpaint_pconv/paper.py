"""The U-Net of Liu et al. 2018 (arXiv 1804.07723, section 3.2 and its table), at its full size."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from outpaint_pconv.layers import Part, PartialConv2d, enlarge
from outpaint_pconv.network import FreezesEncoder

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SLOPE = 0.2  # of the decoder's LeakyReLU


@dataclass(frozen=True)
class PaperConfig:
    """Widths and kernel sizes going down, the decoder's kernel size, and the normalisation.

    ``summed`` is the published checkpoint's: see :class:`~outpaint_pconv.layers.PartialConv2d`. The paper has
    eight levels for its 512 pixels; the published checkpoint seven for 256.
    """

    widths: tuple[int, ...] = (64, 128, 256, 512, 512, 512, 512)
    kernels: tuple[int, ...] = (7, 5, 5, 3, 3, 3, 3)
    kernel: int = 3
    summed: bool = False

    @property
    def multiple(self) -> int:
        """Both sides of a picture are multiples of this many pixels."""
        return 1 << len(self.widths)

    def as_dict(self) -> dict[str, object]:
        """The fields as plain JSON values."""
        return {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self).items()}


class Layer(nn.Module):
    """Partial convolution, maybe BatchNorm, maybe an activation (``slope`` 0 is ReLU, None is none)."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int,
        summed: bool,
        norm: bool = True,
        slope: float | None = 0.0,
        bias: bool = False,
    ) -> None:
        super().__init__()
        self.conv = PartialConv2d(inputs, outputs, kernel, stride, bias, summed)
        if norm:
            self.bn = nn.BatchNorm2d(outputs)
        self.norm, self.slope = norm, slope

    def forward(self, *parts: Part) -> Part:
        """Parts as :class:`PartialConv2d` takes them."""
        x, mask = self.conv(*parts)
        if self.norm:
            x = self.bn(x)
        return x if self.slope is None else F.leaky_relu(x, self.slope), mask


class PaperPConv(FreezesEncoder):
    """RGB with holes and its mask in, the whole picture out. Layers are named as in the published checkpoint."""

    def __init__(self, config: PaperConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or PaperConfig()
        widths, before = config.widths, 3
        self.levels = len(widths)
        for level, (width, kernel) in enumerate(zip(widths, config.kernels, strict=True), 1):
            layer = Layer(before, width, kernel, 2, config.summed, norm=level > 1)
            self.add_module(f"enc_{level}", layer)
            before = width
        for level in range(self.levels, 1, -1):
            fine = widths[level - 2]
            self.add_module(
                f"dec_{level}", Layer(before + fine, fine, config.kernel, 1, config.summed, slope=SLOPE)
            )
            before = fine
        self.dec_1 = Layer(before + 3, 3, config.kernel, 1, config.summed, norm=False, slope=None, bias=True)
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1), persistent=False)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)

    def encoder(self) -> Iterator[nn.Module]:
        """The way down."""
        yield from (self.get_submodule(f"enc_{level}") for level in range(1, self.levels + 1))

    def forward(self, image: Tensor, known: Tensor) -> Tensor:
        """``image`` (N, 3, H, W) in 0..1 and ``known`` (N, 1, H, W) of 0 and 1: the picture (N, 3, H, W).

        H and W are multiples of ``config.multiple``; not clipped. What unknown pixels of ``image`` hold
        changes no bit of the result.
        """
        mean, std = self.get_buffer("mean"), self.get_buffer("std")
        part = (torch.where(known > 0, (image - mean) / std, 0), known)
        skips = [part]
        for layer in self.encoder():
            part = layer(part)
            skips.append(part)
        for level in range(self.levels, 0, -1):
            part = self.get_submodule(f"dec_{level}")(enlarge(part), skips[level - 1])
        picture: Tensor = part[0].float() * std + mean
        return picture
