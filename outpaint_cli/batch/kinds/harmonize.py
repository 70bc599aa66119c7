"""harmonize: what was generated around or in a photo gets the photo's own texture."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from outpaint_cli import models, picture, registry
from outpaint_cli.batch.bucket_journal import BucketJournal
from outpaint_cli.batch.discover import Source
from outpaint_cli.batch.journal import Journal
from outpaint_cli.batch.kinds import Finish, Made
from outpaint_cli.batch.kinds.place import UPSCALED, journaled_place, noted_place
from outpaint_cli.batch.masks import SOFT_EDGES, Masks, read_mask
from outpaint_cli.batch.pixels import mended, resized_like
from outpaint_cli.batch.settings import Layout, Task
from outpaint_cli.compose import known_mask
from outpaint_cli.fill import FillSteps
from outpaint_cli.frame import Frame, round_half_up
from outpaint_cli.holes import bounds
from outpaint_cli.plugin import (
    Context,
    Filler,
    HarmonizeJob,
    Harmonizer,
    OutpaintError,
    PictureError,
    Rect,
    Upscaler,
    UsageError,
)
from outpaint_cli.remote import Location

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Samples

MOST = 8  # --upscale
REMEDY = "say where the photo sits with --source X,Y,W,H, or which part is new with --mask"


@dataclass(frozen=True)
class Harmonize:
    """Finish what outpaint or another tool generated.

    The generated part is the white of ``masks``, or all outside ``source``, or outside the photo's place as
    the picture's XMP or the journal of its folder tells it. The finished picture becomes ``upscale`` (1 to
    :data:`MOST`) times as large.
    """

    source: Rect | None = None
    masks: Masks | None = None
    upscale: float = 1.0
    verb: str = "harmonized"
    doing: str = "harmonizing"
    fills: bool = False
    _journals: dict[Location, Journal | BucketJournal] = field(
        default_factory=dict, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if not 1 <= self.upscale <= MOST:
            raise UsageError(f"--upscale {self.upscale:g}: use a factor from 1 to {MOST}")

    def identity(self) -> list[Any]:
        """The options as plain JSON; the mask's content counts by itself."""
        rect = self.source
        given = [rect and [rect.x, rect.y, rect.width, rect.height], self.masks and self.masks.invert]
        return [*given, self.upscale] if self.upscale > 1 else given

    def check_inputs(self, sources: list[Source]) -> None:
        """Masks must be findable."""
        if self.masks:
            self.masks.check_inputs(sources)

    def check_filler(self, name: str, filler: Filler) -> None:
        """There is no model."""

    def check_harmonizer(self, name: str, harmonizer: Harmonizer) -> None:
        """Raise UsageError where it is to enlarge and can't."""
        if self.upscale > 1 and not isinstance(harmonizer, Upscaler):
            others = " or ".join(_upscalers()) or "another one"
            raise UsageError(f"--upscale: harmonizer '{name}' can't enlarge pictures; use --method {others}")

    def layout(self, source: Source, info: picture.PictureInfo, given: picture.Given) -> Layout:
        """The picture itself, or enlarged, is the frame.

        Raises PictureError where nothing says what is new in it.
        """
        found = self._found(source, info, given)
        if self.upscale == 1:
            return found
        return replace(found, frame=enlarged(found.frame, self.upscale), before=found.frame)

    def _found(self, source: Source, info: picture.PictureInfo, given: picture.Given) -> Layout:
        whole = Rect(0, 0, info.width, info.height)
        if self.masks is not None:
            mask = self.masks.find(source, info)
            return Layout(Frame(info.width, info.height, whole), mask)
        if self.source is not None:
            if not whole.contains(self.source):
                raise PictureError(
                    f"--source reaches beyond the picture ({info.width}x{info.height}); give it in its pixels"
                )
            return Layout(Frame(info.width, info.height, self.source))
        noted = noted_place(given)
        if noted is None and source.path is not None:
            noted = journaled_place(source.path, self._journals)
        if noted is None:
            raise PictureError(f"neither its XMP nor a journal says where the photo sits; {REMEDY}")
        if noted.size not in (None, (info.width, info.height)) or not whole.contains(noted.rect):
            raise PictureError(
                f"where the photo sits was noted for another size than {info.width}x{info.height}: the picture "
                f"was changed since; {REMEDY}"
            )
        return Layout(Frame(info.width, info.height, noted.rect), None, noted.scale)

    def work(self, task: Task, photo: picture.Picture, mask: bytes | None) -> Touch | str:
        """The picture and what of it is known."""
        assert task.layout is not None
        frame, soft = task.layout.before or task.layout.frame, False
        if mask is None:
            known = known_mask(frame, frame.photo)
        else:
            assert self.masks is not None
            new, soft = read_mask(mask, self.masks.invert, photo.width, photo.height)
            known = ~new
            if not known.any():
                raise PictureError(
                    f"its mask {task.layout.mask} leaves nothing of the photo known; is it inverted?"
                )
        if known.all() and self.upscale == 1:
            return "nothing in it is generated"
        return Touch(photo, known, task.layout.scale, soft, self.upscale, task.layout.frame)


@dataclass
class Touch:
    """One picture whose unknown part is to be finished; ``frame`` is the output, ``upscale`` times as large."""

    photo: picture.Picture
    known: Bools
    scale: float
    soft: bool = False
    upscale: float = 1.0
    frame: Frame | None = None

    def ready(self, filler: Filler, seed: int, variant: int) -> None:
        """Nothing is filled."""

    def steps(self) -> FillSteps[None]:
        """Nothing is filled."""
        yield from ()

    def make(self, guess: Any, seed: int, finish: Finish | None) -> Made:
        """The picture finished, and its known pixels back."""
        assert finish is not None
        own = picture.to_srgb(self.photo)
        at = bounds(self.known)
        painted = own
        if not self.known.all():
            painted = finish(HarmonizeJob(own.copy(), self.known, at, None, (), self.scale))
            restore(painted, own, self.known)
        info: dict[str, Any] = {"mask": SOFT_EDGES} if self.soft else {}
        if self.upscale > 1:
            return self._enlarged(painted, at, info, finish)
        made = mended(self.photo, own, painted, self.known)
        return Made(made, painted, lambda: self.known, at, info=info)

    def _enlarged(self, painted: Samples, at: Rect, info: dict[str, Any], finish: Finish) -> Made:
        """All pixels are new; the photo's place is noted at the new size."""
        assert self.frame is not None
        larger = finish.upscale(HarmonizeJob(painted, self.known, at), self.upscale)
        size = self.frame.height, self.frame.width

        def known() -> Bools:
            return np.ascontiguousarray(
                cv2.resize(self.known.astype(np.uint8), size[::-1], interpolation=cv2.INTER_NEAREST) > 0
            )

        place = enlarged(Frame(self.photo.width, self.photo.height, at), self.upscale).photo
        made = resized_like(self.photo, larger)
        info = {**info, "upscaled": self.upscale}
        return Made(made, larger, known, place, False, info, {UPSCALED: f"{self.upscale:g}"})


def enlarged(frame: Frame, factor: float) -> Frame:
    """``frame`` and the photo's place in it, ``factor`` times as large, in whole pixels."""
    x, y = round_half_up(frame.photo.x * factor), round_half_up(frame.photo.y * factor)
    right, bottom = round_half_up(frame.photo.right * factor), round_half_up(frame.photo.bottom * factor)
    photo = Rect(x, y, right - x, bottom - y)
    return Frame(round_half_up(frame.width * factor), round_half_up(frame.height * factor), photo)


def _upscalers() -> list[str]:
    """The installed harmonizers that can enlarge."""
    names = []
    for name in registry.harmonizers():
        try:
            harmonizer = models.load_harmonizer(name, lambda plugin: Context(device="cpu"))
        except OutpaintError:
            continue
        if isinstance(harmonizer, Upscaler):
            names.append(name)
    return names


def restore(painted: Any, own: Any, known: Bools) -> None:
    """Put ``own`` (H, W, 3) back into ``painted`` wherever ``known`` (H, W) is true, in place, by rows."""
    for row in range(0, len(known), 256):
        part = slice(row, row + 256)
        np.copyto(painted[part], own[part], where=known[part, :, None])
