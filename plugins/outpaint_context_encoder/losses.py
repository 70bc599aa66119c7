"""What the context encoders are trained on: reconstruction, and reconstruction with an adversary."""

from __future__ import annotations

from torch import Tensor

from outpaint_cli.training.losses import pooled, weighted_l1

KNOWN_WEIGHT = 0.1  # of a known pixel: enough that the network's picture meets the photo at its edge
LAYOUT_WEIGHT = 3.0  # of the squared difference after pooling: large areas of a wrong colour

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


def layout(picture: Tensor, truth: Tensor, known: Tensor) -> Tensor:
    """The leaner network's reconstruction loss: L1 that leans on the hole, and twice the pooled difference.

    Pictures (N, 3, H, W) in 0..1, ``known`` (N, 1, H, W), 1 = known. The pooled terms ask for the right
    colour in the right area before the right pixels.
    """
    blocks, squared = pooled(picture, truth, known)
    return weighted_l1(picture, truth, known, KNOWN_WEIGHT) + blocks + LAYOUT_WEIGHT * squared
