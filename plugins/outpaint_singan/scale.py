"""Training one scale: the original's steps, or fewer of them on crops."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from outpaint_cli.training.checkpoints import pack_module, pack_optimizer, under, unpack_optimizer
from outpaint_singan.both import Both
from outpaint_singan.crops import Box, Part, place
from outpaint_singan.losses import gradient_penalty, mean_score, reconstruction
from outpaint_singan.network import REACH, Discriminator, Generator
from outpaint_singan.noise import Noise
from outpaint_singan.pyramid import Real
from outpaint_singan.replay import Replays, Tensors
from outpaint_singan.settings import Settings

BETAS = (0.5, 0.999)
SETTLING = 32
SETTLED = 1 << 45  # key of noise
Losses = dict[str, list[float]]
Draw = Callable[[Noise, "Box"], Tensor]
Gradients: TypeAlias = "Sequence[Tensor | None]"


@dataclass
class Task:
    """What one scale is trained on.

    ``draw`` gives what the lower scales make of noise, padded, for a crop; ``rebuilt`` (1, 3, h + 10, w + 10)
    what they make of the reconstruction noise; ``fixed`` that noise at this scale (zero but at scale 0);
    ``amplitude`` that of this scale's noise.
    """

    scale: int
    real: Real
    draw: Draw
    rebuilt: Tensor
    fixed: Tensor
    amplitude: float


@dataclass
class Trainer:
    """Networks and optimizers of one scale while they are trained."""

    task: Task
    settings: Settings
    generator: Generator
    critic: Discriminator
    device: torch.device
    bf16: bool = False
    done: int = 0  # iterations
    iterations: int = 0
    both: Both = field(default_factory=Both)
    replays: Replays | None = None  # recordings of iterations; made where they help
    _adams: list[torch.optim.Adam] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.iterations = self.settings.iterations_at(self.task.scale)
        for module in (self.generator, self.critic):
            module.to(self.device)
            module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            module.train()
            self._adams.append(self._adam(module))
        if self.device.type == "cuda" and self.replays is None:
            self.replays = Replays()

    def state(self) -> dict[str, Tensor]:
        """All that a run needs to go on after ``done`` iterations."""
        return {
            **pack_module("generator", self.generator),
            **pack_module("critic", self.critic),
            **pack_optimizer("adam.generator", self._adams[0]),
            **pack_optimizer("adam.critic", self._adams[1]),
        }

    def restore(self, tensors: dict[str, Tensor], done: int) -> None:
        """Go on where :meth:`state` was taken."""
        self.generator.load_state_dict(under("generator", tensors))
        self.critic.load_state_dict(under("critic", tensors))
        unpack_optimizer("adam.generator", self._adams[0], tensors)
        unpack_optimizer("adam.critic", self._adams[1], tensors)
        self.done = done

    def inherit(self, tensors: dict[str, Tensor]) -> None:
        """Start from the networks of the scale below."""
        self.generator.load_state_dict(under("generator", tensors))
        self.critic.load_state_dict(under("critic", tensors))

    def run(self) -> Iterator[Losses]:
        """Train; yields the losses of each iteration after it."""
        while self.done < self.iterations:
            losses = self.iterate(Noise(self.device, self.settings.seed, self.task.scale, self.done))
            self.done += 1
            yield losses

    @torch.no_grad()
    def settle(self) -> None:
        """Average the generator's BatchNorm statistics anew over :data:`SETTLING` crops, with its last weights.

        In training they follow the last few crops only, and it is with them that the generator is used.
        """
        task = self.task
        norms = [module for module in self.generator.modules() if isinstance(module, nn.BatchNorm2d)]
        momenta = [norm.momentum for norm in norms]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # a plain mean
        for number in range(SETTLING):
            noise = Noise(self.device, self.settings.seed, task.scale, SETTLED + number)
            box = self._box(noise)
            z = self._noise(noise, box)
            previous = task.draw(noise, box)
            self._generate(task.amplitude * z + previous, previous)
            self._generate(*self._to_rebuild(box))
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum

    # ------------------------------------------------------------------------------------ one iteration

    def iterate(self, noise: Noise) -> Losses:
        """One iteration: the critic's steps, then the generator's."""
        settings = self.settings
        late = self.done >= settings.decay * self.iterations
        for adam in self._adams:
            _set_rate(adam, settings.rate * (0.1 if late else 1.0))
        penalised = self.done % settings.penalty_every == 0
        inputs, parts = self._inputs(noise, penalised)

        def work(inputs: Tensors) -> Tensors:
            return self._steps(inputs, parts, penalised)

        if self.replays is None:
            found = work(inputs)
        else:
            for step, part in enumerate(parts):  # a place is part of a recording, a tensor may change
                inputs |= part.indices(f".{step}", self.device)
            found = self.replays("penalised" if penalised else "plain", inputs, work)
        losses: Losses = {"real": [], "fake": [], "penalty": [], "adversarial": [], "reconstruction": []}
        for name, value in found.items():
            losses[name.split(".")[0]].append(value.item())
        return losses

    def _inputs(self, noise: Noise, penalised: bool) -> tuple[Tensors, list[Box]]:
        """All that is drawn for an iteration, and the parts that the penalties look at."""
        task = self.task
        box = self._box(noise)
        inputs = {"real": box.cut(task.real.picture).contiguous(memory_format=torch.channels_last)}
        known = None if task.real.known is None else box.cut(task.real.known)
        if known is not None:
            inputs["known"] = known
        z = self._noise(noise, box)
        parts: list[Box] = []
        for step in range(self.settings.critic_steps):
            inputs[f"previous.{step}"] = previous = task.draw(noise, box)
            inputs[f"noisy.{step}"] = task.amplitude * z + previous
            inputs[f"share.{step}"] = noise.uniform()
            if penalised:
                parts.append(self._middle(box.height, box.width, noise, known))
        inputs["noisy.again"], inputs["previous.again"] = self._to_rebuild(box)
        return inputs, parts

    def _steps(self, inputs: Tensors, parts: Sequence[Box], penalised: bool) -> Tensors:
        """The steps themselves, without a look at a number: losses by name and step."""
        settings = self.settings
        found: Tensors = {}
        last = settings.critic_steps - 1
        fake = inputs["real"]
        for step in range(settings.critic_steps):
            part = Part(parts[step], inputs, f".{step}") if penalised else None
            fake = self._critic_step(inputs, step, part, found, step == last)
        for step in range(settings.generator_steps):
            if step > 0:  # the weights have changed, and so has what they make of the same noise
                fake = self._generate(inputs[f"noisy.{last}"], inputs[f"previous.{last}"])
            self._generator_step(inputs, fake, step, found)
        return found

    def _critic_step(
        self, inputs: Tensors, step: int, part: Part | None, found: Tensors, last: bool
    ) -> Tensor:
        """Teach the critic; returns what the generator made, with its graph in the ``last`` step."""
        settings = self.settings
        real, known = inputs["real"], inputs.get("known")
        self.critic.requires_grad_(True)
        weights = list(self.critic.parameters())

        def make() -> Tensor:
            with torch.set_grad_enabled(last):
                return self._generate(inputs[f"noisy.{step}"], inputs[f"previous.{step}"])

        def judge(picture: Tensor, known: Tensor | None, sign: float) -> tuple[Tensor, Gradients]:
            with self._autocast():
                loss = sign * mean_score(self.critic, picture, known)
            return loss.detach(), torch.autograd.grad(loss, weights)

        if part is not None:
            fake = make()

            def judge_both() -> tuple[tuple[Tensor, Gradients], tuple[Tensor, Gradients]]:
                return judge(real, known, -1), judge(fake.detach(), None, 1)

            def penalise() -> tuple[Tensor, Gradients]:
                here = None if known is None else part.cut(known)
                share = inputs[f"share.{step}"]
                with self._autocast():
                    penalty = settings.penalty * gradient_penalty(
                        self.critic, part.cut(real), part.cut(fake.detach()), share, here
                    )
                heavy = penalty * settings.penalty_every
                return penalty.detach(), torch.autograd.grad(heavy, weights, allow_unused=True)

            ((on_real, a), (on_fake, b)), (penalty, c) = self.both(judge_both, penalise)
            self._learn(1, weights, a, b, c)
            found[f"penalty.{step}"] = penalty
        else:

            def make_and_judge() -> tuple[Tensor, tuple[Tensor, Gradients]]:
                picture = make()
                return picture, judge(picture.detach(), None, 1)

            (fake, (on_fake, b)), (on_real, a) = self.both(make_and_judge, lambda: judge(real, known, -1))
            self._learn(1, weights, a, b)
        found[f"real.{step}"], found[f"fake.{step}"] = on_real, on_fake
        return fake

    def _generator_step(self, inputs: Tensors, fake: Tensor, step: int, found: Tensors) -> None:
        self.critic.requires_grad_(False)
        weights = list(self.generator.parameters())

        def fool() -> tuple[Tensor, Gradients]:
            with self._autocast():
                loss = -mean_score(self.critic, fake)
            return loss.detach(), torch.autograd.grad(loss, weights)

        def rebuild() -> tuple[Tensor, Gradients]:
            rebuilt = self._generate(inputs["noisy.again"], inputs["previous.again"])
            loss = reconstruction(rebuilt, inputs["real"], inputs.get("known")) * self.settings.reconstruction
            return loss.detach(), torch.autograd.grad(loss, weights)

        (adversarial, a), (again, b) = self.both(fool, rebuild)
        self._learn(0, weights, a, b)
        found[f"adversarial.{step}"], found[f"reconstruction.{step}"] = adversarial, again

    def _adam(self, module: nn.Module) -> torch.optim.Adam:
        """An optimizer; on a GPU one that keeps no number in Python, so that its steps can be recorded.

        Fused: so few weights cost less to move than the dozen calls that PyTorch's plain loop takes for each.
        """
        if self.device.type != "cuda":
            return torch.optim.Adam(module.parameters(), self.settings.rate, betas=BETAS, fused=True)
        rate = torch.tensor(self.settings.rate, device=self.device)
        return torch.optim.Adam(module.parameters(), rate, betas=BETAS, capturable=True)

    def _learn(self, which: int, weights: list[nn.Parameter], *gradients: Gradients) -> None:
        """One step of an optimizer down the sum of ``gradients``."""
        for number, weight in enumerate(weights):
            parts = [part for part in (g[number] for g in gradients) if part is not None]
            weight.grad = functools.reduce(torch.add, parts)
        self._adams[which].step()

    # ------------------------------------------------------------------------------------- small parts

    def _autocast(self) -> Any:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16)

    def _generate(self, noisy: Tensor, previous: Tensor) -> Tensor:
        with self._autocast():
            picture: Tensor = self.generator(noisy.contiguous(memory_format=torch.channels_last), previous)
        return picture

    def _to_rebuild(self, box: Box) -> tuple[Tensor, Tensor]:
        """What the generator makes the photo from: the reconstruction noise and the scale below's."""
        rebuilt = box.cut_padded(self.task.rebuilt)
        if self.task.scale > 0:
            return rebuilt, rebuilt
        return self.task.amplitude * box.cut_padded(self.task.fixed) + rebuilt, rebuilt

    def _box(self, noise: Noise) -> Box:
        """The whole picture, or a crop somewhere; one that the critic can see something known of."""
        height, width = self.task.real.size
        crop = self.settings.crop_at(self.task.scale) or max(height, width)
        high, wide = min(crop, height), min(crop, width)
        return place(height, width, high, wide, noise, self.task.real.known)

    def _middle(self, height: int, width: int, noise: Noise, known: Tensor | None) -> Box:
        """The part of a crop that the penalty looks at."""
        crop = self.settings.penalty_crop or max(height, width)
        return place(height, width, min(crop, height), min(crop, width), noise, known)

    def _noise(self, noise: Noise, box: Box) -> Tensor:
        """Noise for a crop and what lies around it; zero beyond the picture, as the original pads it."""
        height, width = self.task.real.size
        top, left = max(0, REACH - box.y), max(0, REACH - box.x)
        bottom = max(0, box.y + box.height + REACH - height)
        right = max(0, box.x + box.width + REACH - width)
        inside = box.height + 2 * REACH - top - bottom, box.width + 2 * REACH - left - right
        z = noise.normal(*inside, coarsest=self.task.scale == 0)
        return F.pad(z, (left, right, top, bottom))


def _set_rate(adam: torch.optim.Adam, rate: float) -> None:
    """The learning rate from now on, for recorded steps, too."""
    kept = adam.param_groups[0]["lr"]
    if isinstance(kept, Tensor):
        kept.fill_(rate)
    else:
        adam.param_groups[0]["lr"] = rate
