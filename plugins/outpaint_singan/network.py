"""Generator and discriminator of one scale, after Shaham et al. 2019 (arXiv 1905.01164, section 2.1).

Five 3x3 convolutions without padding: a pixel of the output sees 11 x 11 pixels of the input. Whoever calls
pads by :data:`REACH`. Pictures are (N, 3, H, W) in -1..1.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LAYERS = 5
REACH = LAYERS  # pixels that the convolutions take off each side
FIELD = 2 * REACH + 1
SLOPE = 0.2


def width_of(scale: int, widest: int = 128) -> int:
    """Channels at a scale: 32, doubled every four scales, at most ``widest``."""
    return int(min(32 * 2 ** (scale // 4), widest))


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


class _Stack(nn.Module):
    """What both networks are made of: four convolutions with BatchNorm, and a last one."""

    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        widths = (3, *([width] * (LAYERS - 1)))
        self.convs = nn.ModuleList(nn.Conv2d(a, width, 3) for a in widths[:-1])
        self.norms = nn.ModuleList(nn.BatchNorm2d(width) for _ in self.convs)
        self.last = nn.Conv2d(width, channels, 3)
        self.apply(_initialise)


class Generator(_Stack):
    """Adds detail to the previous scale's picture."""

    def __init__(self, width: int) -> None:
        super().__init__(width, 3)

    def forward(self, noisy: Tensor, previous: Tensor) -> Tensor:
        """Equation 4: ``previous`` plus what the network makes of ``noisy``, previous with noise.

        Both (N, 3, H + 10, W + 10); the result is (N, 3, H, W), float32.
        """
        x = noisy
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = F.leaky_relu(norm(conv(x)), SLOPE)
        added = torch.tanh(_widen(self.last(x)))
        return added + previous[..., REACH:-REACH, REACH:-REACH]


class Discriminator(_Stack):
    """A Markovian critic: one number for every 11 x 11 patch. Always uses the statistics of its input."""

    def __init__(self, width: int) -> None:
        super().__init__(width, 1)

    def forward(self, picture: Tensor, known: Tensor | None = None, twice: bool = False) -> Tensor:
        """Scores (N, 1, H - 10, W - 10) of ``picture`` (N, 3, H, W), float32.

        ``known`` (1, 1, H, W) 1 or 0: what is 0 has no influence on statistics; see :func:`seen`. ``twice``
        says that the gradient will be derived again.
        """
        x = picture
        for conv, norm in zip(self.convs, self.norms, strict=True):
            assert isinstance(norm, nn.BatchNorm2d)
            x = conv(x)
            if known is not None:
                known = shrink(known)
            if twice or known is not None:
                x = _normalise(x, norm, known)
            else:
                x = F.batch_norm(x, None, None, norm.weight, norm.bias, training=True, eps=norm.eps)
            x = F.leaky_relu(x, SLOPE)
        return _widen(self.last(x))


def _widen(x: Tensor) -> Tensor:
    """Half-precision numbers as float32; others as they are."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x


def shrink(known: Tensor) -> Tensor:
    """Where a 3x3 convolution without padding sees nothing but known pixels: (1, 1, H - 2, W - 2)."""
    return 1 - F.max_pool2d(1 - known, 3, stride=1)


def seen(known: Tensor) -> Tensor:
    """Where all 11 x 11 pixels behind a score are known: (1, 1, H - 10, W - 10)."""
    for _ in range(LAYERS):
        known = shrink(known)
    return known


def _normalise(x: Tensor, norm: nn.BatchNorm2d, known: Tensor | None) -> Tensor:
    """BatchNorm over the input's own statistics, over known places only where ``known`` is given.

    Written out as mean, variance and affine: the same as :class:`torch.nn.BatchNorm2d` in training, but the
    gradient penalty's second derivative takes half the time.
    """
    wide = _widen(x)
    if known is None:
        variance, mean = torch.var_mean(wide, (0, 2, 3), keepdim=True, unbiased=False)
    else:
        count = known.sum() * x.shape[0]
        mean = (wide * known).sum((0, 2, 3), keepdim=True) / count
        variance = ((wide - mean).square() * known).sum((0, 2, 3), keepdim=True) / count
    scale = norm.weight.view(1, -1, 1, 1) * torch.rsqrt(variance + norm.eps)
    return (wide - mean) * scale + norm.bias.view(1, -1, 1, 1)
