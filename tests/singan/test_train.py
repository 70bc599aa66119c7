"""Training a pyramid: gradients, masks, sizes, and going on after a kill."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from outpaint_singan.crops import pad
from outpaint_singan.losses import gradient_penalty, mean_score, reconstruction
from outpaint_singan.network import Discriminator, Generator, seen, width_of
from outpaint_singan.noise import Noise
from outpaint_singan.pyramid import Real, pyramid_sizes, reals
from outpaint_singan.scale import Losses, Task, Trainer
from outpaint_singan.settings import EXACT, FAST
from outpaint_singan.store import Store
from outpaint_singan.train import Pyramid, Watch, train

from outpaint_cli.plugin import Cancelled

from .conftest import CPU, TINY, hole_job, texture


@pytest.mark.parametrize("steps", [1, 3])
def test_the_adversarial_loss_reaches_the_generator(steps: int) -> None:
    """A popular mend for newer PyTorch detaches it and silently trains on the reconstruction alone."""
    settings = replace(TINY, generator_steps=steps, critic_steps=steps, reconstruction=0.0)
    real = Real(torch.rand(1, 3, 36, 36) * 2 - 1)
    zeros = pad(torch.zeros_like(real.picture))
    task = Task(1, real, lambda noise, box: box.cut_padded(zeros), zeros, zeros, 0.5)
    torch.manual_seed(0)
    trainer = Trainer(task, settings, Generator(32), Discriminator(32), CPU)
    losses = next(trainer.run())
    for conv in (*trainer.generator.convs, trainer.generator.last):
        assert conv.weight.grad is not None
        assert float(conv.weight.grad.abs().max()) > 1e-7
    assert losses["reconstruction"] == [0.0] * steps
    assert len(set(losses["adversarial"])) == steps  # each step sees what the last one changed


@pytest.mark.parametrize(("side", "scales"), [(128, 8), (192, 10), (250, 11)])
def test_pyramids_of_the_original(side: int, scales: int) -> None:
    sizes = pyramid_sizes(side, side, EXACT)
    assert len(sizes) == scales
    assert sizes[0] == (25, 25)
    assert sizes[-1] == (side, side)


def test_sizes_are_capped_and_tiny_photos_have_none() -> None:
    assert pyramid_sizes(3000, 4000, FAST)[-1] == (768, 1024)
    assert pyramid_sizes(3000, 4000, FAST)[0][0] == 25
    assert pyramid_sizes(400, 500, EXACT)[-1] == (200, 250)
    assert pyramid_sizes(10, 300, FAST) == []
    assert pyramid_sizes(20, 300, FAST) == [(20, 300)]


def test_widths_double_every_four_scales() -> None:
    assert [width_of(scale) for scale in (0, 3, 4, 7, 8, 12)] == [32, 32, 64, 64, 128, 128]


def test_unknown_pixels_have_no_influence_on_the_losses() -> None:
    known = torch.ones(1, 1, 30, 34)
    known[..., 20:, 25:] = 0
    torch.manual_seed(0)
    critic = Discriminator(32)
    real, fake = torch.rand(1, 3, 30, 34), torch.rand(1, 3, 30, 34)
    other = torch.where(known > 0, real, torch.rand(1, 3, 30, 34))
    assert not torch.equal(real, other)
    share = torch.tensor(0.3)
    assert mean_score(critic, real, known) == mean_score(critic, other, known)
    mixed = torch.where(known > 0, fake, other)  # so that the mix differs where unknown, too
    first = gradient_penalty(critic, real, fake, share, known)
    assert first.item() == pytest.approx(gradient_penalty(critic, other, mixed, share, known).item(), 1e-5)
    assert reconstruction(real, fake, known) == reconstruction(other, fake, known)
    assert not torch.equal(mean_score(critic, real), mean_score(critic, other))


def test_a_mask_of_ones_changes_nothing() -> None:
    torch.manual_seed(0)
    critic, ones = Discriminator(32), torch.ones(1, 1, 28, 31)
    real, fake, share = torch.rand(1, 3, 28, 31), torch.rand(1, 3, 28, 31), torch.tensor(0.6)
    assert seen(ones).shape == (1, 1, 18, 21)
    for masked, plain in (
        (mean_score(critic, real, ones), mean_score(critic, real)),
        (gradient_penalty(critic, real, fake, share, ones), gradient_penalty(critic, real, fake, share)),
        (reconstruction(real, fake, ones), reconstruction(real, fake)),
    ):
        torch.testing.assert_close(masked, plain, rtol=1e-4, atol=1e-6)


def test_holes_are_filled_from_what_is_known() -> None:
    job = hole_job()
    sizes = pyramid_sizes(56, 60, TINY)
    first = reals(job.image, job.known, sizes, CPU)
    other = np.where(job.known[..., None], job.image, 255 - job.image).astype(np.uint8)
    second = reals(other, job.known, sizes, CPU)
    assert any(real.known is not None and not real.known.all() for real in first)
    for a, b in zip(first, second, strict=True):
        assert torch.equal(a.picture, b.picture)


def test_narrow_scales_take_more_iterations() -> None:
    small = [Real(torch.rand(1, 3, side, side) * 2 - 1) for side in (16, 17, 18, 19, 20, 21)]
    told: list[tuple[float, str]] = []
    taken = [0] * len(small)

    def count(scale: int, iteration: int, losses: Losses) -> None:
        taken[scale] += 1
        assert iteration == taken[scale]

    settings = replace(TINY, iterations=2, coarse=3, bank=2)
    train(small, settings, CPU, Store(None), Watch(progress=lambda *args: told.append(args), losses=count))
    assert taken == [2, 6, 6, 6, 2, 2]
    assert told[7][1].startswith("training scale 2/6, 6/6")
    assert told[-1][1].startswith("training scale 6/6, 2/2")
    assert told[-1][0] == pytest.approx(1)
    assert [EXACT.iterations_at(scale) for scale in (0, 3, 4, 10)] == [2000] * 4
    assert FAST.iterations_at(3) > FAST.iterations_at(4)


def weights(pyramid: Pyramid) -> list[torch.Tensor]:
    return [tensor for g in pyramid.generators for tensor in g.state_dict().values()]


def tiny_reals(holes: bool = False) -> list[Real]:
    job = hole_job()
    known = job.known if holes else np.ones_like(job.known)
    return reals(job.image, known, pyramid_sizes(*known.shape, TINY), CPU)


@pytest.mark.parametrize("holes", [False, True])
def test_killed_and_resumed_is_as_never_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, holes: bool
) -> None:
    """A kill leaves what was last saved; being stopped politely saves first. Both go on to the same bits."""
    monkeypatch.setattr("outpaint_singan.train.SECONDS_BETWEEN_SAVES", 0.0)
    small = tiny_reals(holes)
    seen_iterations: list[tuple[int, int]] = []

    def snapshot(scale: int, iteration: int, losses: Losses) -> None:
        seen_iterations.append((scale, iteration))
        if (scale, iteration) == (1, 3):  # on disk lies what was saved after iteration 2
            shutil.copytree(tmp_path / "whole", tmp_path / "killed")

    whole = train(small, TINY, CPU, Store(tmp_path / "whole"), Watch(losses=snapshot))
    assert len(seen_iterations) == 3 * len(small)

    again: list[tuple[int, int]] = []
    killed = Watch(losses=lambda scale, iteration, losses: again.append((scale, iteration)))
    resumed = train(small, TINY, CPU, Store(tmp_path / "killed"), killed)
    assert again[0] == (1, 3)
    assert len(again) == 3 * (len(small) - 1) - 2

    count = 0

    def stop() -> None:
        nonlocal count
        count += 1
        if count > 8:
            raise Cancelled("stopped")

    with pytest.raises(Cancelled):
        train(small, TINY, CPU, Store(tmp_path / "stopped"), Watch(check=stop))
    finished = train(small, TINY, CPU, Store(tmp_path / "stopped"), Watch())
    for a, b, c in zip(weights(whole), weights(resumed), weights(finished), strict=True):
        assert torch.equal(a, b)
        assert torch.equal(a, c)
    assert whole.amplitudes == resumed.amplitudes == finished.amplitudes


def test_damaged_files_are_trained_again(tmp_path: Path) -> None:
    small = tiny_reals()
    first = train(small, TINY, CPU, Store(tmp_path / "a"), Watch())
    (tmp_path / "a" / "scale-01.safetensors").write_bytes(b"no such thing")
    trained: list[int] = []
    second = train(
        small, TINY, CPU, Store(tmp_path / "a"), Watch(losses=lambda scale, *rest: trained.append(scale))
    )
    assert set(trained) == set(range(len(small)))
    assert all(torch.equal(a, b) for a, b in zip(weights(first), weights(second), strict=True))


def test_seeds_differ_and_the_global_generator_is_left_alone() -> None:
    small = tiny_reals()
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first = train(small, TINY, CPU, Store(None), Watch())
    assert torch.equal(torch.rand(1), expected)
    second = train(small, replace(TINY, seed=1), CPU, Store(None), Watch())
    assert not all(torch.equal(a, b) for a, b in zip(weights(first), weights(second), strict=True))


def test_progress_rises_to_the_end_and_tells_the_time_left() -> None:
    told: list[tuple[float, str]] = []
    train(tiny_reals(), TINY, CPU, Store(None), Watch(progress=lambda *args: told.append(args)))
    shares = [share for share, _ in told]
    assert shares == sorted(shares)
    assert shares[-1] == pytest.approx(1)
    assert told[0][1].startswith("training scale 1/")
    assert "1/3" in told[0][1]
    assert told[-1][1].endswith("0:00 left")


def test_noise_depends_on_its_key_alone() -> None:
    a, b = Noise(CPU, 1, 2, 3).normal(4, 5), Noise(CPU, 1, 2, 3).normal(4, 5)
    assert torch.equal(a, b)
    assert not torch.equal(a, Noise(CPU, 1, 2, 4).normal(4, 5))
    coarsest = Noise(CPU, 1).normal(6, 7, coarsest=True)
    assert torch.equal(coarsest[:, 0], coarsest[:, 2])
    assert texture().shape == (40, 48, 3)
