"""Random numbers that depend on nothing but their key, so that a run that was killed goes on with the same."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


class Noise:
    """A stream of random numbers for one purpose: ``Noise(device, seed, scale, iteration)``."""

    def __init__(self, device: torch.device, *key: int) -> None:
        words = np.random.SeedSequence([part & 0xFFFFFFFFFFFFFFFF for part in key]).generate_state(2)
        self._generator = torch.Generator("cpu").manual_seed(int(words[0]) << 31 ^ int(words[1]))
        self._device = device

    def normal(self, height: int, width: int, coarsest: bool = False) -> Tensor:
        """Gaussian noise (1, 3, height, width); at the coarsest scale all channels are the same."""
        z = torch.randn(1, 1 if coarsest else 3, height, width, generator=self._generator)
        return z.expand(1, 3, height, width).to(self._device)

    def uniform(self) -> Tensor:
        """One number in 0..1, (1, 1, 1, 1)."""
        return torch.rand(1, 1, 1, 1, generator=self._generator).to(self._device)

    def below(self, count: int) -> int:
        """A whole number in 0..count - 1."""
        return int(torch.randint(count, (1,), generator=self._generator))
