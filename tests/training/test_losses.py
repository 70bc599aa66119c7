"""Losses against values worked out by hand."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from outpaint_context_encoder.losses import adversarial_share, mixed

from outpaint_cli.training import losses


def column(*values: float) -> torch.Tensor:
    """A picture (1, 3, 1, n) with these grey values."""
    return torch.tensor(values).view(1, 1, 1, -1).expand(1, 3, 1, -1)


KNOWN = torch.tensor([1.0, 1.0, 0.0, 0.0]).view(1, 1, 1, 4)


def test_weighted_l1_leans_on_the_hole_whatever_its_size():
    found = losses.weighted_l1(column(0.5, 0, 0.3, 0), column(0, 0, 0, 0.1), KNOWN, 0.1)
    # (0.1 * 0.5 + 0.3 + 0.1) / 4 pixels, over a hole of one half
    assert found.item() == pytest.approx((0.05 + 0.4) / 4 / 0.5)


def test_pooled_forgives_texture():
    truth = torch.full((1, 3, 4, 4), 0.5)
    checker = (torch.arange(16).view(4, 4) + torch.arange(4)[:, None]) % 2
    none_known = torch.zeros(1, 1, 4, 4)
    l1, squared = losses.pooled(checker.float().expand(1, 3, 4, 4), truth, none_known)
    assert l1.item() == pytest.approx(0) and squared.item() == pytest.approx(0)
    l1, squared = losses.pooled(truth + 0.2, truth, none_known)
    assert l1.item() == pytest.approx(0.2) and squared.item() == pytest.approx(0.04)


def test_layout_is_the_sum_of_its_terms():
    truth, known = torch.zeros(1, 3, 4, 8), torch.ones(1, 1, 4, 8)
    known[..., 4:] = 0
    picture = torch.full_like(truth, 0.2)
    # L1: (0.2 of the hole's half + 0.1 * 0.2 of the other) / (1/2); pooled 0.2; 3 * 0.04
    assert losses.layout(picture, truth, known).item() == pytest.approx(0.2 + 0.02 + 0.2 + 0.12)


def test_least_squares_adversaries():
    real, fake = torch.tensor([1.0, 0.5]), torch.tensor([0.0, 1.0])
    assert losses.lsgan_discriminator(real, fake).item() == pytest.approx(0.5 * (0.125 + 0.5))
    assert losses.lsgan_generator(fake).item() == pytest.approx(0.5)


def test_hinge_adversaries():
    real, fake = torch.tensor([2.0, 0.5]), torch.tensor([-2.0, 0.5])
    assert losses.hinge_discriminator(real, fake).item() == pytest.approx(0.25 + 0.75)
    assert losses.hinge_generator(fake).item() == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("epoch", "share"),
    [(0, 0.001), (9.9, 0.001), (10, 0.005), (29, 0.005), (30, 0.015), (59, 0.015), (60, 0.04), (199, 0.04)],
)
def test_the_published_schedule(epoch: float, share: float):
    assert adversarial_share(epoch) == share


def test_mixed_is_one_minus_a_of_one_and_a_of_the_other():
    assert mixed(torch.tensor(2.0), torch.tensor(10.0), 0.25).item() == pytest.approx(4.0)


def test_perceptual_is_two_where_features_are_at_right_angles():
    a = torch.tensor([[3.0, 0.0], [0.0, 5.0]]).view(1, 2, 1, 2)  # unit (1,0) and (0,1)
    b = torch.tensor([[0.0, 0.0], [2.0, 1.0]]).view(1, 2, 1, 2)  # unit (0,1) and (0,1)
    everywhere = torch.ones(1, 1, 4, 8)
    assert losses.perceptual([a], [b], everywhere).item() == pytest.approx(1.0)
    left = torch.zeros(1, 1, 4, 8)
    left[..., :4] = 1
    assert losses.perceptual([a], [b], left).item() == pytest.approx(2.0)
    assert losses.perceptual([a, a], [b, a], left).item() == pytest.approx(1.0)


def test_gram_is_the_mean_outer_product():
    features = torch.tensor([[1.0, 3.0], [2.0, 4.0]]).view(1, 2, 1, 2)
    expected = [[(1 + 9) / 2, (2 + 12) / 2], [(2 + 12) / 2, (4 + 16) / 2]]
    assert losses.gram(features)[0].tolist() == expected
    weight = torch.tensor([0.0, 2.0]).view(1, 1, 1, 2)
    assert losses.gram(features, weight)[0].tolist() == [[9, 12], [12, 16]]


def test_style_compares_what_is_there_and_not_where():
    a = torch.tensor([[1.0, 0.0], [0.0, 1.0]]).view(1, 2, 1, 2)
    assert losses.style([a], [a.flip(3)]).item() == pytest.approx(0, abs=1e-6)
    b = torch.tensor([[1.0, 1.0], [0.0, 0.0]]).view(1, 2, 1, 2)
    # Gram [[.5, 0], [0, .5]] against [[1, 0], [0, 0]]: 1 over two channels
    assert losses.style([a], [b]).item() == pytest.approx(0.5, rel=1e-4)
    right = torch.tensor([0.0, 1.0]).view(1, 1, 1, 2)
    assert losses.style([a], [b], right).item() == pytest.approx(1.0, rel=1e-4)


def test_total_variation_counts_steps_inside_the_region():
    picture = column(0, 0.5, 0.5, 1.0).repeat(1, 1, 2, 1)
    everywhere = torch.ones(1, 1, 2, 4)
    assert losses.total_variation(picture, everywhere).item() == pytest.approx(1 / 3)
    left = everywhere.clone()
    left[..., 2:] = 0
    assert losses.total_variation(picture, left).item() == pytest.approx(0.5 / 3)


def test_dilate_grows_in_all_directions():
    region = torch.zeros(1, 1, 5, 5)
    region[..., 2, 2] = 1
    expected = F.pad(torch.ones(1, 1, 3, 3), (1, 1, 1, 1))
    assert torch.equal(losses.dilate(region), expected)
