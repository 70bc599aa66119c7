"""The six loss terms of Liu et al. 2018 (arXiv 1804.07723, section 3.3), and their sum.

Pictures are (N, 3, H, W) in 0..1, masks ``known`` (N, 1, H, W) with 1 = known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from outpaint_cli.training.losses import dilate, gram, total_variation

WEIGHTS = {"valid": 1.0, "hole": 6.0, "perceptual": 0.05, "style": 120.0, "tv": 0.1}
"""Equation 7. perceptual and style count for the network's picture and for the mended one each."""


def valid(picture: Tensor, truth: Tensor, known: Tensor) -> Tensor:
    """|difference| at known pixels, summed and divided by the number of all values (equation 1 of 3.3)."""
    return ((picture - truth).abs() * known).mean()


def hole(picture: Tensor, truth: Tensor, known: Tensor) -> Tensor:
    """|difference| at unknown pixels, summed and divided by the number of all values."""
    return ((picture - truth).abs() * (1 - known)).mean()


def perceptual(found: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    """Mean |difference| of feature maps, summed over the maps (equation 3)."""
    terms = [(a.float() - b.float()).abs().mean() for a, b in zip(found, wanted, strict=True)]
    return torch.stack(terms).sum()


def style(found: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
    """Mean |difference| of Gram matrices divided by C H W, summed over the maps (equations 4 and 5)."""
    terms = [((gram(a) - gram(b)) / a.shape[1]).abs().mean() for a, b in zip(found, wanted, strict=True)]
    return torch.stack(terms).sum()


def terms(picture: Tensor, truth: Tensor, known: Tensor, features: nn.Module | None) -> dict[str, Tensor]:
    """All terms by name; without ``features`` (pictures to feature maps) no perceptual and style terms."""
    picture = picture.float()
    mended = known * truth + (1 - known) * picture
    found = {
        "valid": valid(picture, truth, known),
        "hole": hole(picture, truth, known),
        "tv": total_variation(mended, dilate(1 - known)),
    }
    if features is not None:
        with torch.no_grad():
            wanted = features(truth)
        out, comp = features(picture), features(mended)
        found["perceptual"] = perceptual(out, wanted) + perceptual(comp, wanted)
        found["style"] = style(out, wanted) + style(comp, wanted)
    return found


def total(found: Mapping[str, Tensor], weights: Mapping[str, float]) -> Tensor:
    """The weighted sum of the terms there are (equation 7)."""
    return torch.stack([weights[name] * term for name, term in found.items()]).sum()
