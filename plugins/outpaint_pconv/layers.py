"""Partial convolution, Liu et al. 2018 (arXiv 1804.07723, section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Part: TypeAlias = tuple[Tensor, Tensor]
"""Features (N, C, H, W) and the mask (N, 1, H, W) that all of them share: 1 where they are valid, else 0."""


class PartialConv2d(nn.Conv2d):
    """A convolution over valid inputs alone, renormalised by how many there are (equation 1).

    x' = W (X * M) sum(1) / sum(M) + b where sum(M) > 0, else 0; the new mask is 1 where sum(M) > 0
    (equation 2). Sums go over the window and all channels; what lies beyond the picture's border is not valid.

    With ``summed`` the division is by sum(M) alone, without sum(1), as in the published checkpoint's code.

    Invalid inputs have no influence as long as they are finite. No sum of a mask is ever formed: its mean over the
    window lies in 0..1, so that neither fp16 nor bf16 can overflow or miscount.
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, bias: bool = True, summed: bool = False
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride, kernel // 2, bias=bias)
        self.summed = summed

    def forward(self, *parts: Part) -> Part:  # type: ignore[override]
        """Concatenated features of all ``parts``, convolved, and the new mask.

        Features with a mask for every channel come as one part a channel.
        """
        kind = working_type(self.weight)
        x = torch.cat([features.to(kind) * mask.to(kind) for features, mask in parts], 1)
        share = self._valid_share(parts)
        valid = share > 0
        factor = valid / torch.where(valid, share, 1)
        weight = self.weight
        if self.summed:  # sum(M) is the mean times the count: the weights take that, lest outputs overflow
            weight = weight / (self.kernel_size[0] ** 2 * self.in_channels)
        y = F.conv2d(x, weight, None, self.stride, self.padding)
        y = y * factor.to(y.dtype)
        if self.bias is not None:
            y = (y + self.bias.to(y.dtype).view(-1, 1, 1)) * valid.to(y.dtype)
        return y, valid.to(share.dtype)

    def _valid_share(self, parts: Sequence[Part]) -> Tensor:
        """sum(M) / sum(1), (N, 1, H', W')."""
        size, stride = self.kernel_size[0], self.stride[0]
        shares = []
        for features, mask in parts:
            mean = F.avg_pool2d(mask, size, stride, size // 2) if size > 1 else mask
            shares.append(mean * (features.shape[1] / self.in_channels))
        return sum(shares[1:], start=shares[0])

    def absorb(self) -> None:
        """Turn the published normalisation into the paper's by dividing the weights once, in place."""
        if self.summed:
            with torch.no_grad():
                self.weight /= self.kernel_size[0] ** 2 * self.in_channels
            self.summed = False


def working_type(weight: Tensor) -> torch.dtype:
    """What convolutions compute in here: autocast's type where that is on."""
    if torch.is_autocast_enabled(weight.device.type):
        return torch.get_autocast_dtype(weight.device.type)
    return weight.dtype


def enlarge(part: Part) -> Part:
    """Nearest neighbour times two, features and mask alike."""
    features, mask = part
    return (
        F.interpolate(features, scale_factor=2.0, mode="nearest"),
        F.interpolate(mask, scale_factor=2.0, mode="nearest"),
    )
