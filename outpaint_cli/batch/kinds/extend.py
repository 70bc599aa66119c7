"""extend: the photo in a larger frame."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from outpaint_cli import picture
from outpaint_cli.batch.discover import Source
from outpaint_cli.batch.kinds import Finish, Made
from outpaint_cli.batch.pixels import fill_samples, framed, resized
from outpaint_cli.batch.settings import Layout, Task
from outpaint_cli.compose import harmonize_job, inset, known_mask, paint_frame
from outpaint_cli.fill import FillSteps, Guess, fill_steps, working_pixels
from outpaint_cli.frame import Frame, Geometry, plan_frame
from outpaint_cli.plugin import Filler, FillSpec, Harmonizer, Rect

if TYPE_CHECKING:
    from outpaint_cli.plugin import Samples


@dataclass(frozen=True)
class Extend:
    """Grow photos to ``geometry``; up to ``overlap`` pixels inside their edge may change."""

    geometry: Geometry = field(default_factory=Geometry)
    overlap: int = 0
    verb: str = "extended"
    doing: str = "extending"
    fills: bool = True

    def identity(self) -> list[Any]:
        """The options as plain JSON."""
        return [repr(self.geometry), self.overlap]

    def check_inputs(self, sources: list[Source]) -> None:
        """Any input will do."""

    def check_filler(self, name: str, filler: Filler) -> None:
        """Any model will do."""

    def check_harmonizer(self, name: str, harmonizer: Harmonizer) -> None:
        """Any harmonizer will do."""

    def layout(self, source: Source, info: picture.PictureInfo, given: picture.Given) -> Layout:
        """The frame that the geometry asks for."""
        return Layout(plan_frame(info.width, info.height, self.geometry, info.dpi))

    def work(self, task: Task, photo: picture.Picture, mask: bytes | None) -> Extension | str:
        """The photo, made smaller where the frame asks for that."""
        frame = task.frame
        assert frame is not None
        if frame.resized:
            photo = resized(photo, frame.photo.width, frame.photo.height)
        return Extension(photo, frame, inset(frame.photo, frame.rect, self.overlap), task.format == "JPEG")


@dataclass
class Extension:
    """One photo on its way into its frame; ``known`` is the part of it that stays itself.

    ``jpeg`` says that JPEG will be written.
    """

    photo: picture.Picture
    frame: Frame
    known: Rect
    jpeg: bool = False
    seed: int = 0
    variant: int = 0
    spec: FillSpec | None = None
    samples: Samples | None = None

    def ready(self, filler: Filler, seed: int, variant: int) -> None:
        """The photo at the filler's size."""
        self.seed, self.variant, self.spec = seed, variant, filler.spec
        self.samples = fill_samples(self.photo, self.frame.photo, self.known, working_pixels(filler.spec))

    def steps(self) -> FillSteps[Guess]:
        """Ring by ring."""
        assert self.samples is not None
        assert self.spec is not None
        return fill_steps(
            self.samples, self.known, self.frame, self.spec, seed=self.seed, variant=self.variant
        )

    def make(self, guess: Any, seed: int, finish: Finish | None) -> Made:
        """The frame painted, finished, and the photo's own pixels back."""
        assert isinstance(guess, Guess)
        known, frame, at = self.known, self.frame, self.frame.photo
        own = picture.to_srgb(self.photo)
        painted = paint_frame(own, frame, guess, seed=seed, spare=self.jpeg and finish is None)
        properties: dict[str, str] = {}
        if known != frame.rect:
            if finish is not None:
                painted = finish(harmonize_job(painted, frame, known, guess))
                # Whatever a harmonizer does: the photo's own pixels are the photo's.
                painted[known.slices()] = own[
                    known.y - at.y : known.bottom - at.y, known.x - at.x : known.right - at.x
                ]
            elif guess.step > 1:
                properties["GuessStep"] = (
                    f"{guess.step:.3f}"  # so that outpaint harmonize knows how coarse it is
                )
        made = framed(self.photo, own, painted, at, known, frame.rect)
        kept = known == at and not frame.resized
        return Made(
            made, painted, lambda: known_mask(frame, known), at, kept, {}, properties, known != frame.rect
        )
