"""Losses that several networks share: plain functions of tensors, each a scalar.

Pictures are (N, 3, H, W) in 0..1, masks ``known`` (N, 1, H, W) with 1 = known.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

KNOWN_WEIGHT = 0.1  # of a known pixel: enough that the network's picture meets the photo at its edge
LAYOUT_WEIGHT = 3.0  # of the squared difference after pooling: large areas of a wrong colour


def weighted_l1(picture: Tensor, truth: Tensor, known: Tensor, known_weight: float) -> Tensor:
    """Mean |difference| over the hole plus ``known_weight`` times that of the known part, a pixel each.

    Both are divided by the size of the hole, so that small holes count as much as large ones.
    """
    weight = (1 - known) + known_weight * known
    return ((picture - truth) * weight).abs().mean() / (1 - known).mean()


def pooled(picture: Tensor, truth: Tensor, known: Tensor, size: int = 4) -> tuple[Tensor, Tensor]:
    """Mean |difference| and squared difference of the hole after averaging ``size`` x ``size`` pixels.

    Layout and colour, forgiving of where exactly texture lies.
    """
    difference = F.avg_pool2d((picture - truth) * (1 - known), size)
    hole = (1 - known).mean()
    return difference.abs().mean() / hole, difference.square().mean() / hole


def layout(picture: Tensor, truth: Tensor, known: Tensor) -> Tensor:
    """Reconstruction: L1 that leans on the hole, and twice the pooled difference.

    The pooled terms ask for the right colour in the right area before the right pixels.
    """
    blocks, squared = pooled(picture, truth, known)
    return weighted_l1(picture, truth, known, KNOWN_WEIGHT) + blocks + LAYOUT_WEIGHT * squared


def lsgan_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Least squares GAN, Mao et al. 2017 (arXiv 1611.04076, equation 2): real is 1, generated is 0."""
    return 0.5 * ((real - 1).square().mean() + fake.square().mean())


def lsgan_generator(fake: Tensor) -> Tensor:
    """Least squares GAN's generator (arXiv 1611.04076, equation 2), as a plain mean square."""
    return (fake - 1).square().mean()


def hinge_discriminator(real: Tensor, fake: Tensor) -> Tensor:
    """Hinge loss, Miyato et al. 2018 (arXiv 1802.05957, equation 16)."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def hinge_generator(fake: Tensor) -> Tensor:
    """Hinge loss of the generator (arXiv 1802.05957, equation 17)."""
    return -fake.mean()


def unit(features: Tensor) -> Tensor:
    """Features (N, C, H, W) divided by their length over the channels."""
    return features * torch.rsqrt(features.square().sum(1, keepdim=True) + 1e-8)


def perceptual(found: Sequence[Tensor], wanted: Sequence[Tensor], hole: Tensor) -> Tensor:
    """Squared distance of unit-normalised features, a mean over the hole and over the maps: 0 to 4.

    After Zhang et al. 2018 (arXiv 1801.03924, equation 1) without their learned weights. ``hole``
    (N, 1, H, W), 1 where unknown; a place in a map counts by the share of it that is unknown.
    """
    total = []
    for a, b in zip(found, wanted, strict=True):
        weight = F.interpolate(hole, a.shape[-2:], mode="area")[:, 0]
        distance = (unit(a.float()) - unit(b.float())).square().sum(1)
        total.append((distance * weight).sum() / weight.sum().clamp(min=1e-6))
    return torch.stack(total).mean()


def gram(features: Tensor, weight: Tensor | None = None) -> Tensor:
    """Gram matrices (N, C, C) of features (N, C, H, W), averaged over places, in fp32.

    Gatys et al. 2016 (Image style transfer using convolutional neural networks, equation 3). With
    ``weight`` (N, 1, H, W) a weighted mean over places.
    """
    with torch.autocast(features.device.type, enabled=False):
        flat = features.float().flatten(2)
        if weight is None:
            return flat @ flat.mT / flat.shape[2]
        places = weight.float().flatten(2)
        return (flat * places) @ flat.mT / places.sum(2, keepdim=True).clamp(min=1e-6)


def style(found: Sequence[Tensor], wanted: Sequence[Tensor], hole: Tensor | None = None) -> Tensor:
    """L1 distance of Gram matrices of unit-normalised features per channel, a mean over the maps.

    After Liu et al. 2018 (arXiv 1804.07723, equation 4), who leave features as they are: so this depends on
    what is there and not on how strongly a map answers. With ``hole`` (N, 1, H, W) over the hole alone.
    """
    total = []
    for a, b in zip(found, wanted, strict=True):
        weight = None if hole is None else F.interpolate(hole, a.shape[-2:], mode="area")
        difference = gram(unit(a.float()), weight) - gram(unit(b.float()), weight)
        total.append(difference.abs().sum((1, 2)).mean() / a.shape[1])
    return torch.stack(total).mean()


def total_variation(picture: Tensor, region: Tensor) -> Tensor:
    """Mean |step| between neighbours that both lie in ``region`` (N, 1, H, W of 0 and 1), over all steps.

    Liu et al. 2018 (arXiv 1804.07723, equation 6), with the hole dilated by a pixel as the region: see
    :func:`dilate`.
    """
    across = (picture[..., 1:] - picture[..., :-1]).abs() * (region[..., 1:] * region[..., :-1])
    down = (picture[..., 1:, :] - picture[..., :-1, :]).abs() * (region[..., 1:, :] * region[..., :-1, :])
    return across.mean() + down.mean()


def dilate(region: Tensor, by: int = 1) -> Tensor:
    """``region`` (N, 1, H, W of 0 and 1) grown by ``by`` pixels in all eight directions."""
    return F.max_pool2d(region, 2 * by + 1, 1, by)
