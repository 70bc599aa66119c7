"""Training a pyramid, scale by scale, from where the store left it."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from outpaint_singan.apply import generate
from outpaint_singan.both import Both
from outpaint_singan.crops import Box, pad
from outpaint_singan.losses import reconstruction
from outpaint_singan.network import REACH, Discriminator, Generator
from outpaint_singan.noise import Noise
from outpaint_singan.pyramid import Real, Size, resize
from outpaint_singan.scale import Draw, Losses, Task, Trainer
from outpaint_singan.settings import Settings
from outpaint_singan.store import Store

FIXED, AMPLE, INITIAL = 1 << 40, 1 << 41, 1 << 42  # keys of noise that belongs to no iteration
BANK_PIXELS = 2_500_000
OVERHEAD = 5e7  # of an iteration, in multiplications: what the smallest picture takes, too
SECONDS_BETWEEN_SAVES = 20.0


@dataclass
class Pyramid:
    """Trained generators from coarse to fine. ``amplitudes`` are those of each scale's noise."""

    sizes: list[Size]
    settings: Settings
    device: torch.device
    bf16: bool = False
    generators: list[Generator] = field(default_factory=list)
    amplitudes: list[float] = field(default_factory=list)
    seconds: float = 0.0  # spent on training, in all
    no_graph: str = ""  # why steps were sent one by one to a GPU, if they were
    both: Both = field(default_factory=Both)

    def add(self, generator: Generator, amplitude: float) -> None:
        """One more scale."""
        generator.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        generator.zero_grad()  # gradients would hold a recording's memory
        self.generators.append(generator.eval().requires_grad_(False))
        self.amplitudes.append(amplitude)


@dataclass(frozen=True)
class Watch:
    """Who is told of the training: ``check`` may raise to end it, ``losses`` gets (scale, iteration, losses)."""

    check: Callable[[], None] = lambda: None
    progress: Callable[[float, str], None] = lambda share, text: None
    losses: Callable[[int, int, Losses], None] = lambda scale, iteration, losses: None


def train(
    reals: Sequence[Real],
    settings: Settings,
    device: torch.device,
    store: Store,
    watch: Watch,
    both: Both | None = None,
) -> Pyramid:
    """The pyramid of ``reals``: loaded where it is kept, else trained on from where it was left.

    Whatever ends it, what was trained so far stays in ``store``.
    """
    sizes = [real.size for real in reals]
    pyramid = Pyramid(sizes, settings, device, precision(settings, device) == "bf16", both=both or Both())
    kept = store.load(len(sizes))
    pyramid.seconds = kept.seconds
    for number, (weights, amplitude) in enumerate(kept.scales):
        generator = Generator(settings.width_at(number))
        generator.load_state_dict(weights)
        pyramid.add(generator, amplitude)
    if len(pyramid.generators) == len(sizes):
        return pyramid
    lower = _Lower(pyramid, reals, watch.check)
    state = dict(kept.state)
    clock = _Clock(sizes, settings, watch)
    for number in range(len(pyramid.generators), len(sizes)):
        real = reals[number]
        amplitude = 1.0 if number == 0 else settings.noise * _rmse(lower.rebuilt, real)
        task = Task(number, real, lower.draw(), pad(lower.rebuilt), pad(lower.fixed), amplitude)
        trainer = _start(task, pyramid, state, kept.done if kept.at == number else 0)
        _train_scale(trainer, pyramid, store, watch, clock)
        state = {name: tensor.clone() for name, tensor in trainer.state().items()}
        if settings.crop:
            trainer.settle()
        if trainer.replays is not None and trainer.replays.failed:
            pyramid.no_graph = trainer.replays.failed
        pyramid.add(trainer.generator, amplitude)
        store.save_scale(number, trainer.generator.state_dict(), amplitude)
        if number + 1 < len(sizes):
            lower.advance(watch.check)
    store.finish(sizes, pyramid.seconds)
    return pyramid


def _start(task: Task, pyramid: Pyramid, state: dict[str, Tensor], done: int) -> Trainer:
    """Networks for a scale: its own half-trained ones, those of the scale below if as wide, or new ones."""
    settings, device = pyramid.settings, pyramid.device
    torch_state = torch.random.get_rng_state()
    torch.manual_seed(Noise(torch.device("cpu"), settings.seed, task.scale, INITIAL).below(1 << 31))
    width = settings.width_at(task.scale)
    generator, critic = Generator(width), Discriminator(width)
    torch.random.set_rng_state(torch_state)
    trainer = Trainer(task, settings, generator, critic, device, pyramid.bf16, both=pyramid.both)
    if done:
        trainer.restore(state, done)
    elif task.scale > 0 and width == settings.width_at(task.scale - 1):
        trainer.inherit(state)
    return trainer


def _train_scale(trainer: Trainer, pyramid: Pyramid, store: Store, watch: Watch, clock: _Clock) -> None:
    scale = trainer.task.scale
    saved = now = time.monotonic()
    before = pyramid.seconds

    def save() -> None:
        pyramid.seconds = before + time.monotonic() - started
        store.save_state(trainer.state(), scale, trainer.done, pyramid.seconds)

    started = now
    try:
        for losses in trainer.run():
            watch.losses(scale, trainer.done, losses)
            clock.tick(scale, trainer.done)
            watch.check()
            now = time.monotonic()
            if now - saved > SECONDS_BETWEEN_SAVES:
                save()
                saved = now
    finally:
        save()


class _Lower:
    """What the finished scales make of noise, at the size of the scale that is trained next."""

    def __init__(self, pyramid: Pyramid, reals: Sequence[Real], check: Callable[[], None]) -> None:
        self.pyramid, self.reals = pyramid, reals
        device = pyramid.device
        height, width = reals[0].size
        seed = pyramid.settings.seed
        self.fixed = Noise(device, seed, 0, FIXED).normal(height, width, coarsest=True)
        self.rebuilt = torch.zeros(1, 3, height, width, device=device)
        self.bank = [torch.zeros(1, 3, height, width, device=device) for _ in range(pyramid.settings.bank)]
        self.scale = 0
        while self.scale < len(pyramid.generators):
            self.advance(check)

    def advance(self, check: Callable[[], None]) -> None:
        """One scale up."""
        pyramid, scale = self.pyramid, self.scale
        if scale + 1 >= len(pyramid.sizes):
            self.scale += 1
            return
        size = pyramid.sizes[scale + 1]
        fixed = self.fixed if scale == 0 else None
        self.rebuilt = resize(step(pyramid, scale, self.rebuilt, fixed, check), size)
        few = min(len(self.bank), max(4, BANK_PIXELS // (size[0] * size[1])))
        for number, picture in enumerate(self.bank[:few]):
            height, width = pyramid.sizes[scale]
            noise = Noise(pyramid.device, pyramid.settings.seed, scale, AMPLE + number)
            z = noise.normal(height, width, coarsest=scale == 0)
            self.bank[number] = resize(step(pyramid, scale, picture, z, check), size)
        del self.bank[few:]
        self.fixed = torch.zeros_like(self.rebuilt)
        self.scale += 1

    def draw(self) -> Draw:
        """Where a scale's training gets its input from: the bank, or, as the original does, anew each time."""
        if self.pyramid.settings.bank:
            padded = [pad(picture) for picture in self.bank]
            return lambda noise, box: box.cut_padded(padded[noise.below(len(padded))])
        return functools.partial(_draw_anew, self.pyramid, self.scale)


def _draw_anew(pyramid: Pyramid, scale: int, noise: Noise, box: Box) -> Tensor:
    picture = torch.zeros(1, 3, *pyramid.sizes[0], device=pyramid.device)
    for number in range(scale):
        z = noise.normal(*pyramid.sizes[number], coarsest=number == 0)
        picture = resize(step(pyramid, number, picture, z), pyramid.sizes[number + 1])
    return box.cut_padded(pad(picture))


def step(
    pyramid: Pyramid,
    scale: int,
    previous: Tensor,
    z: Tensor | None,
    check: Callable[[], None] = lambda: None,
) -> Tensor:
    """One scale's generator over ``previous`` (1, 3, h, w), padded as in training; noise ``z`` or none."""
    padded = pad(previous)
    noisy = padded if z is None else pad(pyramid.amplitudes[scale] * z + previous)
    return generate(pyramid.generators[scale], noisy, padded, pyramid.bf16, check=check, both=pyramid.both)


def _rmse(rebuilt: Tensor, real: Real) -> float:
    return float(reconstruction(rebuilt, real.picture, real.known).sqrt())


# --------------------------------------------------------------------------------------------- telling


class _Clock:
    """Progress and the time left, from what each scale's iterations cost."""

    def __init__(self, sizes: Sequence[Size], settings: Settings, watch: Watch) -> None:
        self.watch, self.each = watch, [_cost(i, size, settings) for i, size in enumerate(sizes)]
        self.iterations = [settings.iterations_at(i) for i in range(len(sizes))]
        self.all = [cost * count for cost, count in zip(self.each, self.iterations, strict=True)]
        self.total = sum(self.all)
        self.started = time.monotonic()
        self.first: float | None = None

    def tick(self, scale: int, done: int) -> None:
        """After an iteration."""
        work = sum(self.all[:scale]) + self.each[scale] * done
        if self.first is None:
            self.first = work - self.each[scale]
        fresh = (work - self.first) / max(time.monotonic() - self.started, 1e-6)
        left = (self.total - work) / fresh
        of = f"{scale + 1}/{len(self.each)}, {done}/{self.iterations[scale]}"
        text = f"training scale {of}, {_duration(left)} left"
        self.watch.progress(work / self.total, text)


def _cost(scale: int, size: Size, settings: Settings) -> float:
    """Multiplications of one iteration, up to a factor."""
    width = settings.width_at(scale)
    crop = settings.crop_at(scale) or max(size)
    pixels = (min(crop, size[0]) + REACH) * (min(crop, size[1]) + REACH)
    return OVERHEAD + pixels * (54 * width + 27 * width * width)


def _duration(seconds: float) -> str:
    whole = int(seconds + 0.5)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def precision(settings: Settings, device: torch.device) -> str:
    """What these settings train in here: "bf16" or "fp32"."""
    return "bf16" if settings.half and bf16_wins(device.type) else "fp32"


@functools.lru_cache
def bf16_wins(device: str) -> bool:
    """Whether convolutions train faster in bfloat16 here, by a fifth at least: measured once a process."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    times = {}
    for dtype in (torch.float32, torch.bfloat16):
        x = torch.ones(1, 64, 58, 58, dtype=dtype).to(memory_format=torch.channels_last).requires_grad_(True)
        weight = torch.full((64, 64, 3, 3), 0.01, dtype=dtype).to(memory_format=torch.channels_last)
        best = float("inf")
        for _ in range(6):
            start = time.perf_counter()
            F.conv2d(x, weight.requires_grad_(True)).sum().backward()  # type: ignore[no-untyped-call]
            best = min(best, time.perf_counter() - start)
        times[dtype] = best
    return times[torch.bfloat16] < 0.8 * times[torch.float32]
