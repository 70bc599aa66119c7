"""Iterations that are recorded once and replayed, here with a recorder that computes when it is told to replay."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from outpaint_singan import train as training
from outpaint_singan.crops import Box, Part, pad
from outpaint_singan.network import Discriminator, Generator
from outpaint_singan.pyramid import Real, pyramid_sizes, reals
from outpaint_singan.replay import WARM, Replays, Tensors
from outpaint_singan.scale import Losses, Task, Trainer, _set_rate
from outpaint_singan.settings import Settings
from outpaint_singan.store import Store
from outpaint_singan.train import Watch

from outpaint_cli.training.checkpoints import pack_optimizer, unpack_optimizer

from .conftest import CPU, TINY, texture

SETTINGS = replace(TINY, iterations=14, decay=0.5, critic_steps=2, generator_steps=2)


class Recorder:
    """Keeps the work; a replay does it, on what lies in its inputs' memory by then."""

    def __init__(self) -> None:
        self.recorded = self.replayed = 0

    def __call__(self, work: Callable[[], Tensors]) -> tuple[Callable[[], None], Tensors]:
        self.recorded += 1
        results: Tensors = {}

        def replay() -> None:
            self.replayed += 1
            results.update(work())

        return replay, results


def fails(work: Callable[[], Tensors]) -> tuple[Callable[[], None], Tensors]:
    raise RuntimeError("operation not permitted when stream is capturing\nand more")


@pytest.fixture(autouse=True)
def double() -> Iterator[None]:
    """Crops by slices and by indices lie differently in memory, and sums round."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def trained(
    replays: Replays | None, device: torch.device = CPU, holes: bool = True, settings: Settings = SETTINGS
) -> tuple[list[Losses], dict[str, torch.Tensor]]:
    """Losses of all iterations, and the networks at the end."""
    torch.manual_seed(1)
    picture = torch.rand(1, 3, 44, 48, device=device) * 2 - 1
    known = torch.ones(1, 1, 44, 48, device=device)
    known[..., 30:40, 33:43] = 0
    zeros = pad(torch.zeros_like(picture))
    task = Task(
        1,
        Real(picture, known if holes else None),
        lambda noise, box: box.cut_padded(zeros),
        zeros,
        zeros,
        0.5,
    )
    networks = Generator(32), Discriminator(32)
    trainer = Trainer(task, settings, *networks, device, replays=replays)
    losses = list(trainer.run())
    return losses, trainer.state()


@pytest.mark.parametrize("holes", [False, True])
def test_replayed_iterations_are_the_same_iterations(holes: bool) -> None:
    plain, plain_state = trained(None, holes=holes)
    recorder = Recorder()
    replayed, state = trained(Replays(recorder), holes=holes)
    assert recorder.recorded == 2, "with the penalty and without"
    assert recorder.replayed == 14 - 2 * WARM
    for one, other in zip(plain, replayed, strict=True):
        assert one.keys() == other.keys()
        for name in one:
            assert other[name] == pytest.approx(one[name], rel=1e-6, abs=1e-9)
    assert len({tuple(losses["fake"]) for losses in replayed}) == 14, "inputs do change"
    for name, tensor in plain_state.items():
        torch.testing.assert_close(state[name], tensor, rtol=1e-5, atol=1e-8)


def test_where_recording_fails_training_goes_on_as_it_comes() -> None:
    plain, _ = trained(None)
    replays = Replays(fails)
    losses, _ = trained(replays)
    assert replays.failed == "operation not permitted when stream is capturing"
    for one, other in zip(plain, losses, strict=True):
        assert other["reconstruction"] == pytest.approx(one["reconstruction"], rel=1e-6)


def test_a_pyramid_says_why_its_steps_were_not_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.set_default_dtype(torch.float32)
    start = training._start

    def refused(*args: Any) -> Trainer:
        trainer = start(*args)
        trainer.replays = Replays(fails)
        return trainer

    monkeypatch.setattr(training, "_start", refused)
    settings = replace(TINY, iterations=2 * WARM + 2)
    small = reals(texture(32, 36), np.ones((32, 36), bool), pyramid_sizes(32, 36, settings)[:1], CPU)
    pyramid = training.train(small, settings, CPU, Store(None), Watch())
    assert pyramid.no_graph == "operation not permitted when stream is capturing"
    monkeypatch.undo()
    assert not training.train(small, settings, CPU, Store(None), Watch()).no_graph


def test_other_shapes_are_another_recording() -> None:
    recorder = Recorder()
    replays = Replays(recorder)
    for size in (3, 4, 3, 4, 3, 4, 3, 4, 3, 4):
        given = {"x": torch.full((size,), float(size))}
        assert float(replays("sum", given, lambda inputs: {"total": inputs["x"].sum()})["total"]) == size**2
        given["x"].zero_()  # a recording has its own memory
    assert recorder.recorded == 2


def test_a_part_is_the_same_by_indices() -> None:
    picture = torch.rand(1, 3, 20, 30)
    box = Box(4, 7, 9, 11)
    inputs = box.indices(".0", CPU)
    assert torch.equal(Part(box, inputs, ".0").cut(picture), Part(box, {}, ".0").cut(picture))


def test_the_rate_changes_where_a_recorded_optimizer_reads_it() -> None:
    weight = torch.nn.Parameter(torch.ones(3))
    rate = torch.tensor(0.1)
    recorded = torch.optim.Adam([weight], rate, foreach=False, capturable=True)
    _set_rate(recorded, 0.25)
    assert recorded.param_groups[0]["lr"] is rate
    assert float(rate) == 0.25
    plain = torch.optim.Adam([weight], 0.1)
    _set_rate(plain, 0.25)
    assert plain.param_groups[0]["lr"] == 0.25


def test_counts_of_steps_go_where_a_recorded_optimizer_keeps_them() -> None:
    meta = torch.device("meta")  # stands for a GPU: a device that is not the file's
    weight = torch.nn.Parameter(torch.ones(3))
    adam = torch.optim.Adam([weight], 0.1)
    weight.grad = torch.ones(3)
    adam.step()
    packed = pack_optimizer("adam", adam)
    there = torch.optim.Adam([torch.nn.Parameter(torch.ones(3, device=meta))], 0.1, capturable=True)
    unpack_optimizer("adam", there, packed)
    (state,) = there.state.values()
    assert state["step"].device == state["exp_avg"].device == meta
    here = torch.optim.Adam([weight], 0.1)
    unpack_optimizer("adam", here, packed)
    assert here.state[weight]["step"].device == CPU
    assert float(here.state[weight]["step"]) == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_a_cuda_graph_trains_as_plain_steps_do() -> None:
    device = torch.device("cuda")
    replays = Replays()
    graph, _ = trained(replays, device)
    assert not replays.failed
    plain, _ = trained(Replays(fails), device)
    for one, other in zip(plain, graph, strict=True):
        assert other["reconstruction"] == pytest.approx(one["reconstruction"], rel=0.05)
