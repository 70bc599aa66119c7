"""Smooth fills by pyramids: where a network starts from, so that it only has to learn what is not smooth."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

PACE = 1.7


def pyramid_fill(image: Tensor, known: Tensor, levels: int = 5, rounds: int = 0) -> Tensor:
    """Fill unknown pixels smoothly from known ones: pull-push over an average-pooled pyramid.

    After Gortler et al. 1996 (The Lumigraph, section 3.4). ``image`` (N, 3, H, W) in 0..1, ``known``
    (N, 1, H, W) 1 where known; H and W multiples of ``2**levels``. Known pixels come back as they were;
    what unknown pixels hold has no influence, as long as it is finite.

    ``rounds`` of relaxation at every level but the coarsest let colours flow on into the unknown part, towards
    the solution of Laplace's equation: every pixel becomes the mean of the 3x3 around it, as far as it is
    unknown, and goes on by :data:`PACE` times that step from where it was two rounds ago (the second-order
    Richardson iteration, Golub and Varga 1961), which is worth several times as many plain rounds.
    """
    colours, weights = [image * known], [known]
    for _ in range(levels):
        colours.append(F.avg_pool2d(colours[-1], 2))
        weights.append(F.avg_pool2d(weights[-1], 2))
    total = weights[-1].mean((2, 3), keepdim=True).clamp(min=1e-6)
    fill = colours[-1].mean((2, 3), keepdim=True) / total
    fill = fill.expand_as(colours[-1])
    for level in range(levels, -1, -1):
        if level < levels:
            fill = F.interpolate(fill, scale_factor=2.0, mode="bilinear", align_corners=False)
        share = weights[level]
        mean = colours[level] / share.clamp(min=1e-6)
        fill = share * mean + (1 - share) * fill
        before = fill
        for turn in range(rounds if level < levels else 0):
            relaxed = share * mean + (1 - share) * blur(fill)
            before, fill = fill, before + PACE * (relaxed - before) if turn else relaxed
    return fill


def blur(picture: Tensor) -> Tensor:
    """The mean of the 3x3 around every pixel of (N, C, H, W), edges repeated.

    Sums of slices: on a CPU several times faster than a pooling layer for so few channels. In an exported graph
    it is a pooling layer, one node instead of ten.
    """
    padded = F.pad(picture, (1, 1, 1, 1), mode="replicate")
    if torch.compiler.is_exporting():
        return F.avg_pool2d(padded, 3, 1)
    rows = padded[..., :-2] + padded[..., 1:-1] + padded[..., 2:]
    return (rows[..., :-2, :] + rows[..., 1:-1, :] + rows[..., 2:, :]) / 9
