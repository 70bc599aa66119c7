"""What the user asked for, and one output to make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from outpaint_cli import picture
from outpaint_cli.batch.discover import Source
from outpaint_cli.batch.guides import Guide
from outpaint_cli.frame import Frame
from outpaint_cli.plugin import OutpaintError
from outpaint_cli.remote import Location


@dataclass(frozen=True)
class Settings:
    """What the user asked for, apart from the inputs and from what only one command knows (see ``kinds``).

    ``score`` has results scored without a limit to flag them by; ``min_score`` implies it.
    """

    out: Location | None = None
    model: str = "context-encoder"
    harmonize: str = "auto"
    options: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    guides: tuple[Guide, ...] = ()
    existing: str = "skip"
    format: str = "keep"
    quality: int = 95
    strip_metadata: bool = False
    provenance: bool = True
    device: str = "auto"
    jobs: int = 0
    batch_size: int = 0
    timeout: float | None = None
    shard: tuple[int, int] = (1, 1)
    ray: str | None = None
    seed: int = 0
    variants: int = 1
    min_score: float | None = None
    score: bool = False
    max_pixels: int = picture.MAX_PIXELS
    fail_fast: bool = False

    @property
    def scored(self) -> bool:
        """Whether results are scored."""
        return self.score or self.min_score is not None


@dataclass(frozen=True)
class Layout:
    """What a kind of job knows of an output before any pixels are read.

    ``frame`` is the output and where the photo sits in it; ``mask`` the file that says which part is new;
    ``scale`` how many pixels a pixel of the guess covers, where the input holds a guess (1: sharp);
    ``before`` the input's own frame, where the output is an enlarged one.
    """

    frame: Frame
    mask: Location | None = None
    scale: float = 1.0
    before: Frame | None = None


@dataclass(frozen=True)
class Task:
    """One output to make. ``output`` None is standard output. ``error`` says why it can't be made."""

    source: Source
    output: Location | None
    folder: Location | None
    layout: Layout | None
    info: picture.PictureInfo | None
    format: str = ""
    variant: int = 0
    data: bytes | None = None
    error: OutpaintError | None = None

    @property
    def name(self) -> str:
        """What messages call the input."""
        return "stdin" if self.source.path is None else str(self.source.path)

    @property
    def frame(self) -> Frame | None:
        """The output and where the photo sits in it."""
        return self.layout.frame if self.layout else None
