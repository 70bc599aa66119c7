"""What a pyramid is trained with: the original's numbers, the fast recipe, and a user's options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from outpaint_cli.plugin import UsageError
from outpaint_singan.network import width_of


@dataclass(frozen=True)
class Settings:
    """How a pyramid is trained. The defaults are those of Shaham et al. 2019 and their public code.

    Lengths in pixels of the scale at hand. ``crop`` 0 trains on the whole picture; ``bank`` 0 draws the
    lower scales' output anew for every step, as the original does.
    """

    factor: float = 0.75  # between neighbouring scales, before it is fitted to the picture
    coarsest: int = 25  # short side of scale 0
    size: int = 250  # long side of the finest scale, at most
    iterations: int = 2000  # a scale
    coarse: int = 1  # times as many at the scales above the coarsest where the networks are narrow
    decay: float = 0.8  # share of the iterations after which the learning rate falls to a tenth
    rate: float = 5e-4
    critic_steps: int = 3  # an iteration
    generator_steps: int = 3
    penalty: float = 0.1  # weight of the gradient penalty
    penalty_every: int = 1  # iterations; where it is left out it counts as much more when it is not
    reconstruction: float = 10.0  # weight of the reconstruction loss
    noise: float = 0.1  # noise amplitude above scale 0, in RMSE of the reconstruction
    widest: int = 128  # channels, at most
    crop: int = 0
    wide_crop: int = 0  # from scale 8 on
    penalty_crop: int = 0
    bank: int = 0  # pictures of the lower scales kept at hand
    half: bool = False  # bf16 where it is faster
    seed: int = 0

    def __post_init__(self) -> None:
        for name, low, high in (("size", 25, 8192), ("iterations", 1, 1_000_000), ("seed", 0, 1 << 31)):
            value = getattr(self, name)
            if not low <= value <= high:
                raise UsageError(f"-O singan.{name}={value}: use {low} to {high}")

    def iterations_at(self, scale: int) -> int:
        """Iterations at a scale."""
        narrow = scale > 0 and self.width_at(scale) == self.width_at(0)
        return self.iterations * (self.coarse if narrow else 1)

    def crop_at(self, scale: int) -> int:
        """Side of the crops at a scale."""
        return self.wide_crop if scale >= 8 else self.crop

    def width_at(self, scale: int) -> int:
        """Channels of the networks at a scale."""
        return width_of(scale, self.widest)

    def as_dict(self) -> dict[str, Any]:
        """The fields as plain JSON values."""
        return asdict(self)


EXACT = Settings()

FAST = Settings(
    size=1024,
    iterations=240,
    coarse=4,
    critic_steps=1,
    generator_steps=1,
    penalty_every=4,
    widest=64,
    crop=96,
    wide_crop=80,
    penalty_crop=64,
    bank=16,
    half=True,
)


@dataclass(frozen=True)
class Options:
    """A user's options: how to train, and at which scale to put the picture in (None: choose it)."""

    settings: Settings = FAST
    preset: str = "fast"
    scale: int | None = None


def read_options(options: Mapping[str, str]) -> Options:
    """``-O singan.name=value`` as text, to what they mean. Raises UsageError."""
    preset = options.get("preset") or "fast"
    if preset not in ("fast", "exact"):
        raise UsageError(f"-O singan.preset={preset}: use fast or exact")
    settings = FAST if preset == "fast" else EXACT

    def number(name: str, default: int) -> int:
        return _number(name, options[name]) if options.get(name) else default

    settings = replace(
        settings,
        size=number("size", settings.size),
        iterations=number("iterations", settings.iterations),
        seed=number("seed", settings.seed),
    )
    scale = options.get("scale") or "auto"
    return Options(settings, preset, None if scale == "auto" else _number("scale", scale))


def _number(name: str, text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = -1
    if value < 0:
        raise UsageError(f"-O singan.{name}={text}: not a whole number")
    return value
