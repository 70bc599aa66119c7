"""Partial convolution against equations 1 and 2 of Liu et al. 2018, worked out by hand."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="networks need PyTorch")

import torch.nn.functional as F  # noqa: E402
from outpaint_pconv.layers import PartialConv2d, enlarge  # noqa: E402


def layer(weight: torch.Tensor, bias: float | None = None, stride: int = 1, summed: bool = False):
    outputs, inputs, size, _ = weight.shape
    made = PartialConv2d(inputs, outputs, size, stride, bias is not None, summed)
    with torch.no_grad():
        made.weight.copy_(weight)
        if made.bias is not None:
            made.bias.fill_(bias)
    return made


def row(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float32).view(1, 1, 1, -1)


ONES = torch.ones(1, 1, 3, 3)


def test_a_window_is_scaled_by_how_much_of_it_is_valid():
    x, mask = row(2, 4, 100, 100, 100), row(1, 1, 0, 0, 0)
    found, updated = layer(ONES, bias=0.5)((x, mask))
    # 3x3 windows over one row: sum(1) = 9. Pixel 0 sees 2 + 4 of 2 valid, pixel 1 the same, pixel 2 only 4.
    assert found.flatten().tolist() == pytest.approx(
        [6 * 9 / 2 + 0.5, 6 * 9 / 2 + 0.5, 4 * 9 / 1 + 0.5, 0, 0]
    )
    assert updated.flatten().tolist() == [1, 1, 1, 0, 0]


def test_the_published_normalisation_divides_by_the_sum_over_all_channels():
    x, mask = torch.cat((row(2, 4, 9), row(1, 3, 9)), 1), row(1, 1, 0)
    weight = torch.ones(1, 2, 3, 3)
    found, _ = layer(weight, bias=0.5, summed=True)((x, mask))
    assert found.flatten().tolist() == pytest.approx([10 / 4 + 0.5, 10 / 4 + 0.5, 7 / 2 + 0.5])
    paper, _ = layer(weight, bias=0.5)((x, mask))
    assert paper.flatten().tolist() == pytest.approx([10 * 18 / 4 + 0.5, 10 * 18 / 4 + 0.5, 7 * 18 / 2 + 0.5])


def test_absorbing_the_published_normalisation_changes_nothing():
    torch.manual_seed(0)
    made = layer(torch.randn(4, 6, 5, 5), bias=0.1, stride=2, summed=True)
    part = (torch.randn(2, 6, 9, 9), (torch.rand(2, 1, 9, 9) > 0.6).float())
    before, _ = made(part)
    made.absorb()
    after, _ = made(part)
    assert not made.summed
    torch.testing.assert_close(after, before)


def test_masks_of_parts_and_of_single_channels_count_by_their_channels():
    """Against the definition, with a mask for every channel, as equation 1 has it."""
    torch.manual_seed(1)
    x = torch.randn(2, 5, 8, 8)
    masks = (torch.rand(2, 5, 8, 8) > 0.7).float()
    weight = torch.randn(3, 5, 3, 3)
    made = layer(weight, bias=0.2)
    total = F.conv2d(masks, torch.ones(1, 5, 3, 3), padding=1)
    wanted = torch.where(total > 0, F.conv2d(x * masks, weight, padding=1) * 45 / total.clamp(min=1) + 0.2, 0)
    found, updated = made(*((x[:, i : i + 1], masks[:, i : i + 1]) for i in range(5)))
    torch.testing.assert_close(found, wanted)
    assert torch.equal(updated, (total > 0).float())

    masks[:, 1:3], masks[:, 3:] = masks[:, :1], masks[:, 3:4]  # two parts, of three channels and of two
    total = F.conv2d(masks, torch.ones(1, 5, 3, 3), padding=1)
    wanted = torch.where(total > 0, F.conv2d(x * masks, weight, padding=1) * 45 / total.clamp(min=1) + 0.2, 0)
    found, _ = made((x[:, :3], masks[:, :1]), (x[:, 3:], masks[:, 3:4]))
    torch.testing.assert_close(found, wanted)


def test_where_all_is_valid_it_is_a_convolution_but_at_the_border():
    torch.manual_seed(2)
    x = torch.randn(1, 4, 10, 10)
    made = layer(torch.randn(4, 4, 3, 3), bias=0.3)
    found, updated = made((x, torch.ones(1, 1, 10, 10)))
    plain = F.conv2d(x, made.weight, made.bias, padding=1)
    torch.testing.assert_close(found[..., 1:-1, 1:-1], plain[..., 1:-1, 1:-1])
    corner = (plain[0, :, 0, 0] - 0.3) * 9 / 4 + 0.3  # beyond the border nothing is valid
    torch.testing.assert_close(found[0, :, 0, 0], corner)
    assert updated.all()


def test_the_mask_closes_by_a_pixel_a_layer_and_faster_with_strides():
    mask = torch.zeros(1, 1, 16, 16)
    mask[..., :2] = 1
    made = layer(ONES)
    part = (torch.rand(1, 1, 16, 16), mask)
    for width in (3, 4, 5):
        part = made(part)
        assert part[1][0, 0, 0].sum() == width
    _, halved = layer(torch.ones(1, 1, 7, 7), stride=2)((torch.rand(1, 1, 16, 16), mask))
    assert halved[0, 0, 0].tolist() == [1, 1, 1, 0, 0, 0, 0, 0]  # windows start at -3, -1, 1, 3


def test_what_invalid_inputs_hold_changes_no_bit():
    torch.manual_seed(3)
    made = layer(torch.randn(8, 3, 5, 5), bias=0.3)
    mask = (torch.rand(1, 1, 20, 20) > 0.5).float()
    x, noise = torch.rand(1, 3, 20, 20), torch.randn(1, 3, 20, 20) * 1e6
    first, _ = made((x, mask))
    second, _ = made((torch.where(mask > 0, x, noise), mask))
    assert torch.equal(first, second)


@pytest.mark.parametrize("summed", [False, True])
@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_large_windows_of_many_channels_stay_finite_and_right_in_half_precision(kind, summed: bool):
    """Sums of a mask over 7x7 windows and 512 channels go up to 25088, which neither type can count."""
    torch.manual_seed(4)
    made = layer(torch.randn(4, 512, 7, 7) * 0.02, bias=0.1, summed=summed)
    mask = (torch.rand(1, 1, 12, 12) > 0.97).float()
    mask[..., 8:, 8:] = 1
    x = torch.rand(1, 512, 12, 12)
    wanted, updated = made((x, mask))
    found, valid = made.to(kind)((x.to(kind), mask.to(kind)))
    assert torch.equal(valid.float(), updated)
    assert torch.isfinite(found).all()
    error = (found.float() - wanted).abs().max() / wanted.abs().max()
    assert error < (0.004 if kind == torch.float16 else 0.02)


def test_features_and_mask_grow_by_nearest_neighbour():
    features, mask = enlarge((row(1, 2), row(0, 1)))
    assert features[0, 0].tolist() == [[1, 1, 2, 2]] * 2
    assert mask[0, 0].tolist() == [[0, 0, 1, 1]] * 2
