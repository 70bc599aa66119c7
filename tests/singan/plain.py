"""SinGAN written plainly from Shaham et al. 2019 and the authors' published training procedure.

Shares nothing with outpaint_singan: nn.Sequential and nn.BatchNorm2d, one backward pass a term, nothing frozen,
every lower scale run anew for every step. Two departures from the authors' code: the generator's adversarial
loss is computed anew after each of its steps (theirs derives a graph whose weights have changed, which PyTorch
now refuses), and the reconstruction noise is drawn once, as the paper says.

Also what benchmarks/singan.py measures as "the original's steps".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Log = list[tuple[str, float]]


class PlainNet(nn.Module):
    """Generator (``out`` 3) or discriminator (``out`` 1)."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for first in (3, width, width, width):
            layers += [nn.Conv2d(first, width, 3), nn.BatchNorm2d(width), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(width, out, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Five convolutions without padding."""
        made: Tensor = self.layers(x)
        return made


def zero_pad(x: Tensor) -> Tensor:
    """Five zeros around it."""
    padded: Tensor = nn.ZeroPad2d(5)(x)
    return padded


def generate(net: PlainNet, noisy: Tensor, previous: Tensor) -> Tensor:
    """Both padded."""
    return torch.tanh(net(noisy)) + previous[:, :, 5:-5, 5:-5]


def lower_scales(
    finished: Sequence[tuple[PlainNet, float]], pictures: Sequence[Tensor], noise: Callable[[int], Tensor]
) -> Tensor:
    """What the finished scales make of ``noise(scale)``, at the next scale's size."""
    picture = torch.zeros_like(pictures[0])
    for i, (net, amplitude) in enumerate(finished):
        padded = zero_pad(picture)
        with torch.no_grad():
            made = generate(net, amplitude * zero_pad(noise(i)) + padded, padded)
        picture = F.interpolate(made, pictures[i + 1].shape[2:], mode="bicubic", antialias=True)
    return picture


class PlainScale:
    """One scale in training."""

    def __init__(
        self,
        nets: tuple[PlainNet, PlainNet],
        pictures: Sequence[Tensor],
        finished: Sequence[tuple[PlainNet, float]],
        z_star: Tensor,
        iterations: int,
        decay: int,
    ) -> None:
        """``nets`` generator and discriminator; ``pictures`` the photo at all scales up to this one and the next."""
        self.netg, self.netd = nets
        self.netg.train()
        self.pictures, self.finished, self.iterations = pictures, finished, iterations
        scale = len(finished)
        self.real = real = pictures[scale]

        def still(i: int) -> Tensor:
            return z_star if i == 0 else torch.zeros_like(pictures[i])

        self.rebuilt = lower_scales(finished, pictures, still)
        self.amplitude = 1.0 if scale == 0 else 0.1 * F.mse_loss(real, self.rebuilt).sqrt().item()
        self.z_rec = zero_pad(z_star if scale == 0 else torch.zeros_like(real))
        self.adam_d = torch.optim.Adam(self.netd.parameters(), lr=5e-4, betas=(0.5, 0.999))
        self.adam_g = torch.optim.Adam(self.netg.parameters(), lr=5e-4, betas=(0.5, 0.999))
        self.schedules = [
            torch.optim.lr_scheduler.MultiStepLR(adam, [decay], 0.1) for adam in (self.adam_d, self.adam_g)
        ]

    def run(self, noise: Callable[[int], Tensor], uniform: Callable[[], Tensor]) -> Iterator[Log]:
        """All iterations; yields the losses of each, in order."""
        for _ in range(self.iterations):
            yield self.iterate(noise, uniform)

    def iterate(self, noise: Callable[[int], Tensor], uniform: Callable[[], Tensor]) -> Log:
        """Three steps of the discriminator, three of the generator."""
        netg, netd, real, amplitude = self.netg, self.netd, self.real, self.amplitude
        log: list[tuple[str, Tensor]] = []
        z = zero_pad(noise(len(self.finished)))
        for _ in range(3):
            netd.zero_grad()
            loss_real = -netd(real).mean()
            loss_real.backward()
            previous = zero_pad(lower_scales(self.finished, self.pictures, noise))
            fake = generate(netg, amplitude * z + previous, previous)
            loss_fake = netd(fake.detach()).mean()
            loss_fake.backward()
            alpha = uniform()
            mix = (alpha * real + (1 - alpha) * fake.detach()).requires_grad_(True)
            out = netd(mix)
            slope = torch.autograd.grad(out, mix, torch.ones_like(out), create_graph=True)[0]
            penalty = ((slope.norm(2, dim=1) - 1) ** 2).mean() * 0.1
            penalty.backward()
            self.adam_d.step()
            log += [("real", loss_real), ("fake", loss_fake), ("penalty", penalty)]
        for step in range(3):
            netg.zero_grad()
            if step > 0:
                fake = generate(netg, amplitude * z + previous, previous)
            adversarial = -netd(fake).mean()
            adversarial.backward()
            padded = zero_pad(self.rebuilt)
            again = 10 * F.mse_loss(generate(netg, amplitude * self.z_rec + padded, padded), real)
            again.backward()
            self.adam_g.step()
            log += [("adversarial", adversarial), ("reconstruction", again)]
        for schedule in self.schedules:
            schedule.step()
        return [(name, loss.item()) for name, loss in log]
