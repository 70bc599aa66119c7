"""The losses of one scale: WGAN-GP (Gulrajani et al. 2017, arXiv 1704.00028) on patches."""

from __future__ import annotations

import torch
from torch import Tensor

from outpaint_singan.network import Discriminator, seen


def mean_score(critic: Discriminator, picture: Tensor, known: Tensor | None = None) -> Tensor:
    """The critic's mean over all patches of ``picture``; only over those known as a whole, where given."""
    scores: Tensor = critic(picture, known)
    if known is None:
        return scores.mean()
    whole = seen(known)
    mean: Tensor = (scores * whole).sum() / whole.sum()
    return mean


def gradient_penalty(
    critic: Discriminator, real: Tensor, fake: Tensor, share: Tensor, known: Tensor | None = None
) -> Tensor:
    """How far the critic's gradient is from length 1 between ``real`` and ``fake``, unweighted.

    As in SinGAN's code: ``share`` (1, 1, 1, 1) in 0..1 mixes the pictures, the length is taken over the
    three channels of every pixel.
    """
    mixed = (share * real + (1 - share) * fake).requires_grad_(True)
    scores = critic(mixed, known, twice=True)
    weights = torch.ones_like(scores) if known is None else seen(known)
    (gradient,) = torch.autograd.grad(scores, mixed, weights, create_graph=True)
    off: Tensor = (gradient.norm(2, dim=1, keepdim=True) - 1).square()
    if known is None:
        return off.mean()
    mean: Tensor = (off * known).sum() / known.sum()
    return mean


def reconstruction(picture: Tensor, real: Tensor, known: Tensor | None = None) -> Tensor:
    """Mean squared difference, over known pixels where given (section 2.2, equation 6)."""
    square = (picture - real).square()
    if known is None:
        return square.mean()
    mean: Tensor = (square * known).sum() / (3 * known.sum())
    return mean
