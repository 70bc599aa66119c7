"""The preset ``exact`` against a plain implementation of the published algorithm, step by step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from outpaint_singan import train as training
from outpaint_singan.network import Discriminator, Generator
from outpaint_singan.noise import Noise
from outpaint_singan.pyramid import Real, pyramid_sizes, reals
from outpaint_singan.scale import Losses, Trainer
from outpaint_singan.settings import EXACT
from outpaint_singan.store import Store
from outpaint_singan.train import Watch, train
from torch import Tensor

from .conftest import CPU, texture
from .plain import Log, PlainNet, PlainScale

ITERATIONS = 2
SETTINGS = replace(EXACT, iterations=ITERATIONS, decay=0.5)


def take(plain: PlainNet, state: dict[str, Tensor]) -> PlainNet:
    """Weights of ours by their order."""
    for i in range(4):
        conv, norm = plain.layers[3 * i], plain.layers[3 * i + 1]
        conv.load_state_dict({k: state[f"convs.{i}.{k}"] for k in ("weight", "bias")})
        norm.load_state_dict({k: state[f"norms.{i}.{k}"] for k in norm.state_dict()})
    plain.layers[12].load_state_dict({k: state[f"last.{k}"] for k in ("weight", "bias")})
    return plain


def copied(plain: PlainNet, out: int) -> PlainNet:
    fresh = PlainNet(32, out)
    fresh.load_state_dict(plain.state_dict())
    return fresh


def plain_singan(pictures: list[Tensor], nets: tuple[PlainNet, PlainNet], numbers: list[Tensor]) -> Log:
    """Losses of every step; ``numbers`` are the random ones in the order of the algorithm."""
    queue = iter(numbers)
    z_star = next(queue)
    finished: list[tuple[PlainNet, float]] = []
    log: Log = []
    for _ in pictures:
        scale = PlainScale(nets, pictures, tuple(finished), z_star, ITERATIONS, ITERATIONS // 2)
        for losses in scale.run(lambda _: next(queue), lambda: next(queue)):
            log += losses
        nets[0].eval()
        finished.append((nets[0], scale.amplitude))
        nets = copied(nets[0], 3), copied(nets[1], 1)
    assert next(queue, None) is None  # all random numbers were used
    return log


@pytest.fixture
def double() -> Iterator[None]:
    """In float32, Adam makes steps of rounding noise where a gradient is 0, as before a BatchNorm."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("double")
def test_losses_of_a_plain_implementation(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = pyramid_sizes(32, 36, SETTINGS)
    assert len(sizes) == 3
    small = [Real(r.picture.double()) for r in reals(texture(32, 36), np.ones((32, 36), bool), sizes, CPU)]
    numbers: list[Tensor] = []
    first: list[dict[str, Tensor]] = []
    normal, uniform, start = Noise.normal, Noise.uniform, training._start

    def recorded_normal(self: Noise, *args: Any, **more: Any) -> Tensor:
        numbers.append(normal(self, *args, **more))
        return numbers[-1]

    def recorded_uniform(self: Noise) -> Tensor:
        numbers.append(uniform(self))
        return numbers[-1]

    def recorded_start(*args: Any) -> Trainer:
        trainer = start(*args)
        for net in (trainer.generator, trainer.critic):
            first.append({k: v.clone() for k, v in net.state_dict().items()})
        return trainer

    monkeypatch.setattr(Noise, "normal", recorded_normal)
    monkeypatch.setattr(Noise, "uniform", recorded_uniform)
    monkeypatch.setattr(training, "_start", recorded_start)
    ours: Log = []

    def keep(scale: int, iteration: int, losses: Losses) -> None:
        for names in (("real", "fake", "penalty"), ("adversarial", "reconstruction")):
            for step in range(3):
                ours.extend((name, losses[name][step]) for name in names)

    train(small, SETTINGS, CPU, Store(None), Watch(losses=keep))
    nets = take(PlainNet(32, 3), first[0]), take(PlainNet(32, 1), first[1])
    plain = plain_singan([real.picture for real in small], nets, numbers)
    assert [name for name, _ in ours] == [name for name, _ in plain]
    assert len(plain) == 3 * ITERATIONS * (3 * 3 + 3 * 2)
    # rounding grows with every step, by how much depends on the processor: 2.7e-6 is the most that was seen
    np.testing.assert_allclose([v for _, v in ours], [v for _, v in plain], rtol=2e-5, atol=1e-9)


def test_initial_weights_are_the_originals() -> None:
    torch.manual_seed(0)
    for module in (Generator(64), Discriminator(64)):
        weights = torch.cat([conv.weight.detach().flatten() for conv in module.convs])
        assert abs(float(weights.std()) - 0.02) < 1e-3
        assert abs(float(weights.mean())) < 1e-3
        gains = torch.cat([norm.weight.detach() for norm in module.norms])
        assert abs(float(gains.mean()) - 1) < 0.01
        assert 0.01 < float(gains.std()) < 0.03
