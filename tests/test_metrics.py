"""The scores against values worked out by hand."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from outpaint_cli import metrics

RNG = np.random.default_rng(0)


def left_half_known(height: int = 4, width: int = 4) -> np.ndarray:
    known = np.zeros((height, width), bool)
    known[:, : width // 2] = True
    return known


def grey(values: list[float], rows: int = 4) -> np.ndarray:
    """A picture whose columns have these grey values."""
    return np.repeat(np.tile(np.array(values, np.float32), (rows, 1))[..., None], 3, axis=2)


def test_identical_pictures_are_right_in_every_score():
    picture = RNG.random((40, 48, 3)).astype(np.float32)
    known = np.zeros((40, 48), bool)
    known[8:-8, 8:-8] = True
    found = metrics.scores(picture, picture, known, features=lambda x: [x.transpose(0, 3, 1, 2)])
    assert found == {
        "mse": 0, "mse16": 0, "sharp": 1, "seam": 1, "bias_luma": 0, "bias_contrast": 0, "patch": 0,
        "perceptual": 0,
    }  # fmt: skip


def test_mse_counts_the_ring_alone():
    truth = grey([0.5, 0.5, 0.5, 0.5])
    result = grey([0.9, 0.9, 0.6, 0.7])  # known pixels don't count
    found = metrics.scores(result, truth, left_half_known())
    assert found["mse"] == pytest.approx((0.1**2 + 0.2**2) / 2, rel=1e-5)


def test_uint8_and_uint16_are_scaled_to_one():
    truth = np.zeros((4, 4, 3), np.uint8)
    assert metrics.scores(np.full_like(truth, 255), truth, left_half_known())["mse"] == pytest.approx(1)
    deep = np.full((4, 4, 3), 65535, np.uint16)
    assert metrics.scores(deep, truth, left_half_known())["mse"] == pytest.approx(1)


def test_mse16_forgets_texture_and_keeps_layout():
    truth = np.full((32, 32, 3), 0.5, np.float32)
    checker = (np.indices((32, 32)).sum(0) % 2)[..., None].astype(np.float32)
    none = np.zeros((32, 32), bool)
    found = metrics.scores(np.broadcast_to(checker, truth.shape), truth, none)
    assert found["mse"] == pytest.approx(0.25)
    assert found["mse16"] == pytest.approx(0, abs=1e-12)


def test_mse16_counts_partial_blocks_by_their_area():
    ring = np.zeros((16, 20), bool)
    ring[:, 16:] = True  # a second block of which only 4 columns exist
    ring[0, 0] = True  # and one pixel of the first
    a = np.zeros((16, 20, 3), np.float32)
    a[:, 16:] = 0.5
    a[0, 0] = 1
    expected = (64 * 0.25 + 1 * 1.0) / 65
    assert metrics.mse_shrunk(a, np.zeros_like(a), ring, 16) == pytest.approx(expected)


def test_sharp_is_the_ratio_of_mean_gradients_in_the_ring():
    truth, result = grey([0, 0, 0.2, 0.6]), grey([0, 0, 0.3, 0.4])
    # four horizontal pairs of 0.4 (0.1 in the result) and six vertical pairs of 0
    found = metrics.scores(result, truth, left_half_known())
    assert found["sharp"] == pytest.approx(0.25, rel=1e-5)


def test_seam_is_the_ratio_of_steps_across_the_edge():
    truth, result = grey([0, 0.5, 0.6, 0.6]), grey([0, 0.5, 0.8, 0.6])
    assert metrics.scores(result, truth, left_half_known())["seam"] == pytest.approx(3, rel=1e-5)


def test_bias_is_result_minus_truth_in_luma_and_contrast():
    truth, result = grey([0, 0, 0.4, 0.6]), grey([0, 0, 0.2, 0.2])
    found = metrics.scores(result, truth, left_half_known())
    assert found["bias_luma"] == pytest.approx(-0.3, rel=1e-5)
    assert found["bias_contrast"] == pytest.approx(-0.1, rel=1e-5)


def test_luma_is_rec_601():
    assert metrics.luma(np.eye(3, dtype=np.float32)[None])[0] == pytest.approx([0.299, 0.587, 0.114])


def test_flat_against_flat_is_right_and_never_divides_by_zero():
    flat = grey([0.5, 0.5, 0.5, 0.5])
    found = metrics.scores(flat, flat, left_half_known())
    assert found["sharp"] == found["seam"] == 1
    noisy = grey([0.5, 0.5, 0.4, 0.6])
    assert np.isfinite(metrics.scores(noisy, flat, left_half_known())["sharp"])


def test_patch_sees_blur_and_not_where_the_detail_lies():
    import cv2

    noise = RNG.random((96, 96, 3)).astype(np.float32)
    other = RNG.random((96, 96, 3)).astype(np.float32)
    ring = np.ones((96, 96), bool)
    same_kind = metrics.patch_distance(other, noise, ring)
    blurred = metrics.patch_distance(cv2.GaussianBlur(noise, (0, 0), 1.5), noise, ring)
    assert same_kind < 0.02 < 0.1 < blurred


def test_patch_is_seeded_and_ignores_a_change_of_brightness():
    noise = RNG.random((80, 80, 3)).astype(np.float32) * 0.5
    ring = np.ones((80, 80), bool)
    flat = np.full_like(noise, 0.25)
    assert metrics.patch_distance(flat, noise, ring, 3) == metrics.patch_distance(flat, noise, ring, 3)
    assert metrics.patch_distance(noise + 0.3, noise, ring) == pytest.approx(0, abs=1e-6)


def test_patch_takes_those_centred_in_a_ring_too_thin_for_whole_ones():
    thin = np.zeros((9, 9), bool)
    thin[0, 0] = True
    picture = RNG.random((9, 9, 3)).astype(np.float32)
    assert metrics.patch_distance(picture, picture, thin) == 0
    assert metrics.patch_distance(picture, 1 - picture, thin) > 0


def test_perceptual_is_the_squared_distance_of_unit_features_over_the_ring():
    def features(batch: np.ndarray) -> list[np.ndarray]:
        """Two channels: (1, 0) where the picture is dark, (0, 3) where it is bright."""
        bright = batch[..., 0] > 0.5
        return [np.stack((~bright, 3 * bright), 1).astype(np.float32)]

    truth, result = grey([0, 0, 0, 0]), grey([1, 1, 1, 0])
    # over the ring one column of two differs, by |(1,0) - (0,1)|^2 = 2
    found = metrics.scores(result, truth, left_half_known(), features)
    assert found["perceptual"] == pytest.approx(1)
    assert "perceptual" not in metrics.scores(result, truth, left_half_known())


def test_own_scores_compare_with_the_photo_itself():
    # known 0, 0.2; ring 0.6, 0.7: inner step 0.2, edge step 0.4; gradients 0.1 over 0.2
    found = metrics.own_scores(grey([0, 0.2, 0.6, 0.7]), left_half_known())
    assert found["seam"] == pytest.approx(2, rel=1e-5)
    assert found["sharp"] == pytest.approx(0.5, rel=1e-5)
    assert metrics.own_scores(grey([0, 0, 0, 0]), np.ones((4, 4), bool)) == {}


def test_own_seam_looks_across_every_side():
    known = np.zeros((6, 6), bool)
    known[2:4, 2:4] = True
    picture = np.zeros((6, 6, 3), np.float32)
    picture[2:4, 2:4] = 0.5
    picture[2, 2:4] = 0.7  # a step of 0.2 down both columns, none along the rows
    assert metrics.inner_step(metrics.luma(picture), known) == pytest.approx(0.1, rel=1e-5)
    assert metrics.edge_step(metrics.luma(picture), known) == pytest.approx(0.6, rel=1e-5)


def test_summary_gives_mean_and_median_of_common_scores():
    rows = [{"mse": 1.0, "patch": 0.0}, {"mse": 2.0}, {"mse": 6.0}]
    assert metrics.summary(rows) == {"mse": (3.0, 2.0)}
    assert metrics.summary([]) == {}


def test_shapes_and_an_empty_ring_are_refused():
    picture = grey([0, 0, 0, 0])
    with pytest.raises(ValueError, match="shapes differ"):
        metrics.scores(picture, picture[:2], left_half_known())
    with pytest.raises(ValueError, match="nothing to score"):
        metrics.scores(picture, picture, np.ones((4, 4), bool))


def test_importing_metrics_imports_nothing_heavy():
    code = "import sys, outpaint_cli.metrics; assert not {'cv2', 'torch', 'PIL'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
