"""What the context encoders are trained on: reconstruction, and reconstruction with an adversary."""

from __future__ import annotations

from torch import Tensor

EPOCHS = 200  # of the published training; shorter runs go through the same shares of it


def adversarial_share(epoch: float) -> float:
    """The weight a in (1 - a) L1 + a LSGAN by epoch of 200, as published (arXiv 1912.10960)."""
    for start, share in ((60, 0.040), (30, 0.015), (10, 0.005)):
        if epoch >= start:
            return share
    return 0.001


def mixed(reconstruction: Tensor, adversarial: Tensor, share: float) -> Tensor:
    """(1 - a) L1 + a adversarial (arXiv 1912.10960, section 3.3)."""
    return (1 - share) * reconstruction + share * adversarial
