"""The leaner network's discriminator: judges every patch and the picture as a whole."""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm


class Critic(nn.Module):
    """PatchGAN with a global head, spectrally normalised (Miyato et al. 2018, arXiv 1802.05957).

    It sees which pixels are known, so that it can ask whether the rest belongs to them.
    """

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        widths = (4, width, 2 * width, 4 * width)
        self.down = nn.ModuleList(spectral_norm(nn.Conv2d(a, b, 4, 2, 1)) for a, b in pairwise(widths))
        self.patch = spectral_norm(nn.Conv2d(widths[-1], 1, 3, 1, 1))
        self.deep = spectral_norm(nn.Conv2d(widths[-1], 4 * width, 4, 2, 1))
        self.whole = spectral_norm(nn.Linear(4 * width, 1))

    def forward(self, picture: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
        """``picture`` (N, 3, H, W) in 0..1, ``known`` (N, 1, H, W): scores (N, 1, H/8, W/8) and (N, 1)."""
        x = torch.cat((picture - 0.5, known), 1)
        for layer in self.down:
            x = F.leaky_relu(layer(x), 0.2)
        deep = F.leaky_relu(self.deep(x), 0.2).mean((2, 3))
        return self.patch(x), self.whole(deep)
