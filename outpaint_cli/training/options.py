"""What a training run is asked to do. No PyTorch in here, so that the command line can use it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from outpaint_cli.plugin import UsageError


@dataclass(frozen=True)
class Cap:
    """Photos whose path starts with ``prefix`` make up at most ``share`` of the pictures drawn.

    It holds from the share ``start`` (0..1) of the run on, until a later cap on the same prefix begins.
    """

    prefix: str
    share: float
    start: float = 0.0

    @classmethod
    def parse(cls, text: str) -> Cap:
        """Read ``PREFIX=SHARE`` or ``PREFIX=SHARE@START``, as in ``soft_=0.4`` and ``soft_=0@0.8``."""
        prefix, equals, rest = text.rpartition("=")
        share, _, start = rest.partition("@")
        try:
            cap = cls(prefix, float(share), float(start or 0))
        except ValueError:
            cap = cls("", -1)
        if not (equals and prefix and 0 <= cap.share <= 1 and 0 <= cap.start <= 1):
            raise UsageError(f"--cap '{text}' is not PREFIX=SHARE or PREFIX=SHARE@START, as in web_=0.4")
        return cap


@dataclass(frozen=True)
class TrainOptions:
    """One run. Either ``steps`` or ``minutes`` is given; only a run in steps repeats bit for bit.

    ``batch`` is per process; ``lr`` None and ``batch`` 0 are the network's own choice. ``loss`` is a name
    that the network knows, "" its default. ``perceptual`` is a local file or "" (VGG16 from the Hub, fetched
    when a loss needs it). ``threads`` 0 is all cores. ``save_every`` counts steps, 0 means every few minutes.
    ``own`` are the network's own options (-O).
    """

    network: str
    photos: Path
    out: Path
    steps: int | None = None
    minutes: float | None = None
    batch: int = 0
    lr: float | None = None
    loss: str = ""
    init: Path | None = None
    perceptual: str = ""
    validate: Path | None = None
    precision: str = "auto"
    device: str = "auto"
    seed: int = 0
    threads: int = 0
    save_every: int = 0
    cache: Path | None = None
    offline: bool = False
    caps: Sequence[Cap] = ()
    own: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.minutes is None):
            raise UsageError("say how long to train: either --steps or --minutes")
        if (self.steps is not None and self.steps < 1) or (self.minutes is not None and self.minutes <= 0):
            raise UsageError("--steps and --minutes must be above 0")
        if self.precision not in ("auto", "fp32", "bf16"):
            raise UsageError(f"--precision '{self.precision}': use auto, fp32 or bf16")

    def choose(self, name: str, default: str) -> str:
        """The network's own option ``name``."""
        return self.own.get(name, default)

    def number(self, name: str, default: float) -> float:
        """The network's own option ``name`` as a number. Raises UsageError where it is none."""
        try:
            return float(self.own.get(name, default))
        except ValueError:
            raise UsageError(f"-O {self.network}.{name}={self.own[name]} is not a number") from None

    def told(self) -> dict[str, Any]:
        """What decides the result, as JSON values; paths of the photos and the run are left out, others are names."""
        left_out = ("photos", "out", "cache", "device", "offline", "save_every", "threads")
        plain = {key: value for key, value in asdict(self).items() if key not in left_out}
        for name in ("init", "validate", "perceptual"):
            plain[name] = Path(plain[name]).name if plain[name] else None
        own = {
            name: Path(value).name if Path(value).is_absolute() else value for name, value in self.own.items()
        }
        return {**plain, "own": own}
