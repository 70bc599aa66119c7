"""The preset ``exact`` against a plain implementation of the published algorithm, step by step.

The plain one is written from Shaham et al. 2019 and the authors' published training procedure, with nothing
shared but random numbers, initial weights and the cubic resize: nn.Sequential and nn.BatchNorm2d, one
backward pass a term, every lower scale run anew. Two departures from the authors' code, in both: the
generator's adversarial loss is computed anew after each of its steps (theirs derives a graph whose weights
have changed, which PyTorch now refuses), and the reconstruction noise is drawn once, as the paper says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from outpaint_singan import train as training
from outpaint_singan.noise import Noise
from outpaint_singan.pyramid import Real, pyramid_sizes, reals
from outpaint_singan.scale import Losses, Trainer
from outpaint_singan.settings import EXACT
from outpaint_singan.store import Store
from outpaint_singan.train import Watch, train
from torch import Tensor, nn

from .conftest import CPU, texture

ITERATIONS = 2
SETTINGS = replace(EXACT, iterations=ITERATIONS, decay=0.5)


class PlainNet(nn.Module):
    def __init__(self, out: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for first in (3, 32, 32, 32):
            layers += [nn.Conv2d(first, 32, 3), nn.BatchNorm2d(32), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(32, out, 3))

    def take(self, state: dict[str, Tensor]) -> None:
        """Weights of ours by their order."""
        for i in range(4):
            conv, norm = self.layers[3 * i], self.layers[3 * i + 1]
            conv.load_state_dict({k: state[f"convs.{i}.{k}"] for k in ("weight", "bias")})
            norm.load_state_dict({k: state[f"norms.{i}.{k}"] for k in norm.state_dict()})
        self.layers[12].load_state_dict({k: state[f"last.{k}"] for k in ("weight", "bias")})

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def plain_generate(net: PlainNet, z: Tensor, previous: Tensor) -> Tensor:
    return torch.tanh(net(z)) + previous[:, :, 5:-5, 5:-5]


def zero_pad(x: Tensor) -> Tensor:
    return nn.ZeroPad2d(5)(x)


def plain_singan(pictures: list[Tensor], start: tuple[PlainNet, PlainNet], numbers: list[Tensor]) -> list:
    """Losses of every step, in order; ``numbers`` are the random ones in the order of the algorithm."""
    queue = iter(numbers)
    z_star = next(queue)
    finished: list[tuple[PlainNet, float]] = []
    netg, netd = start
    log = []

    def lower(random: bool) -> Tensor:
        picture = torch.zeros_like(pictures[0])
        for i, (net, amplitude) in enumerate(finished):
            still = z_star if i == 0 else torch.zeros_like(picture)
            z = next(queue) if random else still
            padded = zero_pad(picture)
            with torch.no_grad():
                made = plain_generate(net, amplitude * zero_pad(z) + padded, padded)
            picture = F.interpolate(made, pictures[i + 1].shape[2:], mode="bicubic", antialias=True)
        return picture

    for n, real in enumerate(pictures):
        netg.train()
        adam_d = torch.optim.Adam(netd.parameters(), lr=5e-4, betas=(0.5, 0.999))
        adam_g = torch.optim.Adam(netg.parameters(), lr=5e-4, betas=(0.5, 0.999))
        falls = [int(np.ceil(0.5 * ITERATIONS))]
        schedules = [torch.optim.lr_scheduler.MultiStepLR(a, falls, 0.1) for a in (adam_d, adam_g)]
        rebuilt = lower(random=False)
        amplitude = 1.0 if n == 0 else 0.1 * F.mse_loss(real, rebuilt).sqrt().item()
        z_rec = zero_pad(z_star) if n == 0 else torch.zeros_like(zero_pad(real))
        for _ in range(ITERATIONS):
            z = zero_pad(next(queue))
            for _ in range(3):
                netd.zero_grad()
                loss_real = -netd(real).mean()
                loss_real.backward()
                previous = zero_pad(lower(random=True))
                fake = plain_generate(netg, amplitude * z + previous, previous)
                loss_fake = netd(fake.detach()).mean()
                loss_fake.backward()
                alpha = next(queue)
                mix = (alpha * real + (1 - alpha) * fake.detach()).requires_grad_(True)
                out = netd(mix)
                slope = torch.autograd.grad(out, mix, torch.ones_like(out), create_graph=True)[0]
                penalty = ((slope.norm(2, dim=1) - 1) ** 2).mean() * 0.1
                penalty.backward()
                adam_d.step()
                log += [("real", loss_real), ("fake", loss_fake), ("penalty", penalty)]
            for step in range(3):
                netg.zero_grad()
                if step > 0:
                    fake = plain_generate(netg, amplitude * z + previous, previous)
                adversarial = -netd(fake).mean()
                adversarial.backward()
                padded = zero_pad(rebuilt)
                again = 10 * F.mse_loss(plain_generate(netg, amplitude * z_rec + padded, padded), real)
                again.backward()
                adam_g.step()
                log += [("adversarial", adversarial), ("reconstruction", again)]
            for schedule in schedules:
                schedule.step()
        netg.eval()
        finished.append((netg, amplitude))
        fresh_g, fresh_d = PlainNet(3), PlainNet(1)
        fresh_g.load_state_dict(netg.state_dict())
        fresh_d.load_state_dict(netd.state_dict())
        netg, netd = fresh_g, fresh_d
    assert next(queue, None) is None  # all random numbers were used
    return [(name, value.item()) for name, value in log]


@pytest.fixture
def double() -> Iterator[None]:
    """In float32, Adam makes steps of rounding noise where a gradient is 0, as before a BatchNorm."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("double")
def test_losses_of_a_plain_implementation(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = texture(32, 36)
    sizes = pyramid_sizes(32, 36, SETTINGS)
    assert len(sizes) == 3
    small = [Real(r.picture.double()) for r in reals(picture, np.ones((32, 36), bool), sizes, CPU)]
    numbers: list[Tensor] = []
    first: dict[str, Any] = {}
    normal, uniform, start = Noise.normal, Noise.uniform, training._start

    def recorded_normal(self: Noise, *args: Any, **more: Any) -> Tensor:
        numbers.append(normal(self, *args, **more))
        return numbers[-1]

    def recorded_uniform(self: Noise) -> Tensor:
        numbers.append(uniform(self))
        return numbers[-1]

    def recorded_start(*args: Any) -> Trainer:
        trainer = start(*args)
        if not first:
            first["generator"] = {k: v.clone() for k, v in trainer.generator.state_dict().items()}
            first["critic"] = {k: v.clone() for k, v in trainer.critic.state_dict().items()}
        return trainer

    monkeypatch.setattr(Noise, "normal", recorded_normal)
    monkeypatch.setattr(Noise, "uniform", recorded_uniform)
    monkeypatch.setattr(training, "_start", recorded_start)
    ours: list[tuple[str, float]] = []

    def keep(scale: int, iteration: int, losses: Losses) -> None:
        for step in range(3):
            ours.extend((name, losses[name][step]) for name in ("real", "fake", "penalty"))
        for step in range(3):
            ours.extend((name, losses[name][step]) for name in ("adversarial", "reconstruction"))

    train(small, SETTINGS, CPU, Store(None), Watch(losses=keep))
    netg, netd = PlainNet(3), PlainNet(1)
    netg.take(first["generator"])
    netd.take(first["critic"])
    plain = plain_singan([real.picture for real in small], (netg, netd), numbers)
    assert [name for name, _ in ours] == [name for name, _ in plain]
    assert len(plain) == 3 * ITERATIONS * (3 * 3 + 3 * 2)
    a, b = np.array([v for _, v in ours]), np.array([v for _, v in plain])
    np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)


def test_initial_weights_are_the_originals() -> None:
    from outpaint_singan.network import Discriminator, Generator

    torch.manual_seed(0)
    for module in (Generator(64), Discriminator(64)):
        weights = torch.cat([conv.weight.detach().flatten() for conv in module.convs])
        assert abs(float(weights.std()) - 0.02) < 1e-3
        assert abs(float(weights.mean())) < 1e-3
        gains = torch.cat([norm.weight.detach() for norm in module.norms])
        assert abs(float(gains.mean()) - 1) < 0.01
        assert 0.01 < float(gains.std()) < 0.03
