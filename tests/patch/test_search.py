"""The parts of the search: codes of patches, exact search, mirrored sources."""

from __future__ import annotations

import numpy as np
from outpaint_patch.patches import fit_basis, windows
from outpaint_patch.pyramid import level_sizes, push_pull
from outpaint_patch.search import Sources, Targets, distances, nearest

from .scenes import landscape


def test_codes_keep_distances() -> None:
    image = landscape(60, 80).astype(np.float32) / 255
    view = windows(image, 2)
    flat = view.reshape(-1, 5, 15)
    basis = fit_basis(flat, 2, 75)
    codes = basis.encode(image).reshape(-1, 75)
    a, b = codes[:200], codes[900:1100]
    truth = np.square(flat[:200] - flat[900:1100]).mean((1, 2))
    assert np.allclose(np.square(a - b).sum(1), truth, rtol=1e-3, atol=1e-5)


def test_codes_of_mirrored_patches() -> None:
    image = landscape(60, 80).astype(np.float32) / 255
    basis = fit_basis(windows(image, 3).reshape(-1, 7, 21)[::3], 3, 20)
    straight = basis.encode(image)
    mirrored = basis.encode(image[:, ::-1])
    assert np.allclose(basis.mirrored(straight), mirrored[:, ::-1], atol=1e-4)


def test_exact_search_agrees_with_comparing_all() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(300, 7)).astype(np.float32)
    sources = Sources(
        (20, 15),
        np.arange(300, dtype=np.int32),
        np.arange(600, dtype=np.int32),
        features,
        rng.random(300).astype(np.float32),
    )
    targets = Targets(
        np.arange(50, dtype=np.int32),
        rng.normal(size=(50, 7)).astype(np.float32),
        rng.random((50, 7)).astype(np.float32),
    )
    rows, cost = nearest(targets, sources, rng, lambda: None)
    apart = np.square(targets.features[:, None] - features[None]) * targets.weights[:, None]
    table = apart.sum(2) + sources.penalty
    assert np.array_equal(rows, table.argmin(1))
    assert np.allclose(cost, table.min(1), atol=1e-4)
    assert np.allclose(distances(targets, sources, rows), cost, atol=1e-4)


def test_threads_change_nothing() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(3000, 25)).astype(np.float32)
    sources = Sources(
        (60, 50), np.arange(3000, dtype=np.int32), np.arange(9000, dtype=np.int32), features, features[:, 0]
    )
    targets = Targets(
        np.arange(3000, dtype=np.int32), features + np.float32(0.5), np.abs(features) + np.float32(0.1)
    )
    one, two = (nearest(targets, sources, rng, lambda: None, threads) for threads in (1, 3))
    assert np.array_equal(one[0], two[0])
    assert np.array_equal(one[1], two[1])


def test_levels_grow_and_end_at_the_frame_or_before() -> None:
    sizes = level_sizes(300, 400, 50, 1000, 1.5)
    assert sizes[-1] == (300, 400)
    assert sizes == sorted(sizes)
    assert level_sizes(1, 1, 50, 400, 1.5) == [(1, 1)]


def test_push_pull_keeps_known_and_fills_between() -> None:
    image = np.zeros((33, 50, 3), np.float32)
    image[:, 40:] = 1
    weight = np.zeros((33, 50), np.float32)
    weight[:, :5] = 1
    weight[:, 45:] = 1
    filled = push_pull(image, weight)
    assert np.array_equal(filled[weight > 0], image[weight > 0])
    assert 0 < filled[16, 25, 0] < 1
