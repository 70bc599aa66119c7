"""What the commands do with one photo; the pipeline around them is the same.

A :class:`Kind` lays an output out before pixels are read, then makes a :class:`Work` of the decoded photo. The
Work says what a filler is to imagine and makes the finished picture; reading, batching, writing, the journal
and the events are the pipeline's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from outpaint_cli import picture
from outpaint_cli.batch.discover import Source
from outpaint_cli.batch.settings import Layout, Task
from outpaint_cli.fill import FillSteps
from outpaint_cli.plugin import Filler, HarmonizeJob, Harmonizer, Rect

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Samples


class Finish(Protocol):
    """Runs the harmonizer on a job; the known pixels of what comes back may have been touched."""

    def __call__(self, job: HarmonizeJob, /) -> Samples:
        """The picture finished."""

    def upscale(self, job: HarmonizeJob, factor: float) -> Samples:
        """The finished picture, ``factor`` times as large."""


@dataclass
class Made:
    """A finished picture.

    ``picture`` in the photo's own colours and depth; ``image`` the same in sRGB (H, W, 3); ``known`` makes
    the bool (H, W) mask of what was there before; ``photo`` where the photo sits; ``kept`` whether all its
    pixels are as they were; ``properties`` go into the XMP beside the photo's place; ``generated`` whether
    any pixel was imagined.
    """

    picture: picture.Picture
    image: Samples
    known: Callable[[], Bools]
    photo: Rect
    kept: bool = True
    info: dict[str, Any] = field(default_factory=dict)
    properties: Mapping[str, str] = field(default_factory=dict)
    generated: bool = True


class Work(Protocol):
    """One photo on its way."""

    def ready(self, filler: Filler, seed: int, variant: int) -> None:
        """Make small copies of what the filler will see; runs in a decoding thread."""

    def steps(self) -> FillSteps[Any]:
        """What to fill, as ``fill.run_fills`` asks for it; a fresh start at each call."""

    def make(self, guess: Any, seed: int, finish: Finish | None) -> Made:
        """The finished picture from what :meth:`steps` returned (None where the kind has no filler)."""


class Kind(Protocol):
    """What one command does, with its own options."""

    @property
    def verb(self) -> str:
        """What was done, as outputs are named after: "extended"."""

    @property
    def doing(self) -> str:
        """The progress bar's word: "extending"."""

    @property
    def fills(self) -> bool:
        """Whether a model imagines pixels."""

    def identity(self) -> list[Any]:
        """The options as plain JSON: outputs made with others are stale."""

    def check_inputs(self, sources: list[Source]) -> None:
        """Raise UsageError for inputs that can't go with the options."""

    def check_filler(self, name: str, filler: Filler) -> None:
        """Raise UsageError for a model that can't do this."""

    def check_harmonizer(self, name: str, harmonizer: Harmonizer) -> None:
        """Raise UsageError for a harmonizer that can't do this."""

    def layout(self, source: Source, info: picture.PictureInfo, given: picture.Given) -> Layout:
        """The output for a photo, whose header may be read again from ``given``. Raises PictureError."""

    def work(self, task: Task, photo: picture.Picture, mask: bytes | None) -> Work | str:
        """The work on a decoded photo, or why there is none: then the photo is copied. Raises PictureError."""
