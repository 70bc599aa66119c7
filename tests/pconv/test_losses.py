"""The six loss terms against values worked out by hand."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="losses need PyTorch")

from outpaint_pconv import losses  # noqa: E402


def grey(*values: float) -> torch.Tensor:
    """A picture (1, 3, 1, n) with these grey values."""
    return torch.tensor(values).view(1, 1, 1, -1).expand(1, 3, 1, -1)


KNOWN = torch.tensor([1.0, 1.0, 0.0, 0.0]).view(1, 1, 1, 4)
PICTURE, TRUTH = grey(0.5, 0.1, 0.3, 0.9), grey(0.1, 0.1, 0.1, 0.1)


class Squares(torch.nn.Module):
    """Two feature maps: the picture's first channel, and it beside its square."""

    def forward(self, picture: torch.Tensor) -> list[torch.Tensor]:
        x = picture[:, :1]
        return [x, torch.cat((x, x * x), 1)]


def test_valid_and_hole_are_divided_by_all_values():
    assert losses.valid(PICTURE, TRUTH, KNOWN).item() == pytest.approx(0.4 / 4)
    assert losses.hole(PICTURE, TRUTH, KNOWN).item() == pytest.approx((0.2 + 0.8) / 4)


def test_perceptual_sums_the_mean_differences_of_the_maps():
    found, wanted = Squares()(grey(0.5, 0.1)), Squares()(grey(0.1, 0.3))
    first = (0.4 + 0.2) / 2
    second = (0.4 + 0.2 + (0.25 - 0.01) + (0.09 - 0.01)) / 4
    assert losses.perceptual(found, wanted).item() == pytest.approx(first + second)


def test_style_compares_gram_matrices_over_channels_and_places():
    found, wanted = Squares()(grey(0.5, 0.1)), Squares()(grey(0.1, 0.3))
    # K = 1 / (C H W): for one channel (0.25 + 0.01) / 2 against (0.01 + 0.09) / 2
    first = abs(0.26 - 0.10) / 2
    # for two channels: x x, x xx, xx x, xx xx, each over 4, and the mean over the 4 entries
    xx, xxx, xxxx = abs(0.26 - 0.10), abs(0.126 - 0.028), abs(0.0626 - 0.0082)
    second = (xx + 2 * xxx + xxxx) / 4 / 4
    assert losses.style(found, wanted).item() == pytest.approx(first + second)


def test_total_variation_is_of_the_mended_picture_in_the_hole_grown_by_a_pixel():
    rows = [x.expand(-1, -1, 2, -1) for x in (PICTURE, TRUTH, KNOWN)]
    found = losses.terms(*rows, None)
    # mended: .1 .1 .3 .9; the grown hole is pixels 1, 2, 3; two of three steps across, none down
    assert found["tv"].item() == pytest.approx((0.2 + 0.6) / 3)


def test_perceptual_and_style_are_of_the_picture_and_of_the_mended_one():
    picture, truth = grey(0.5, 0.1), grey(0.1, 0.1)
    known = torch.tensor([1.0, 0.0]).view(1, 1, 1, 2)
    found = losses.terms(picture, truth, known, Squares())  # mended is the truth: only the picture counts
    assert found["perceptual"].item() == pytest.approx(0.4 / 2 + (0.4 + 0.24) / 4)
    alone = losses.style(Squares()(picture), Squares()(truth))
    assert found["style"].item() == pytest.approx(alone.item())
    whole = losses.terms(picture, truth, torch.zeros(1, 1, 1, 2), Squares())  # mended is the picture: twice
    assert whole["perceptual"].item() == pytest.approx(2 * (0.4 / 2 + (0.4 + 0.24) / 4))


def test_the_sum_has_the_papers_weights():
    terms = {name: torch.tensor(1.0) for name in ("valid", "hole", "perceptual", "style", "tv")}
    assert losses.total(terms, losses.WEIGHTS).item() == pytest.approx(1 + 6 + 0.05 + 120 + 0.1)
    assert losses.total({"hole": torch.tensor(0.5)}, losses.WEIGHTS).item() == pytest.approx(3)


def test_no_gradient_goes_into_the_truth():
    picture = torch.rand(1, 3, 8, 8, requires_grad=True)
    truth = torch.rand(1, 3, 8, 8)
    known = (torch.rand(1, 1, 8, 8) > 0.5).float()
    losses.total(losses.terms(picture, truth, known, Squares()), losses.WEIGHTS).backward()
    assert picture.grad is not None and torch.isfinite(picture.grad).all() and picture.grad.abs().sum() > 0
