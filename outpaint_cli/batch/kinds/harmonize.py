"""harmonize: what was generated around or in a photo gets the photo's own texture."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from outpaint_cli import picture
from outpaint_cli.batch.discover import Source
from outpaint_cli.batch.journal import Journal
from outpaint_cli.batch.kinds import Finish, Made
from outpaint_cli.batch.kinds.place import journaled_place, noted_place
from outpaint_cli.batch.masks import SOFT_EDGES, Masks, read_mask
from outpaint_cli.batch.pixels import mended
from outpaint_cli.batch.settings import Layout, Task
from outpaint_cli.compose import known_mask
from outpaint_cli.fill import FillSteps
from outpaint_cli.frame import Frame
from outpaint_cli.holes import bounds
from outpaint_cli.plugin import Filler, HarmonizeJob, PictureError, Rect

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools

REMEDY = "say where the photo sits with --source X,Y,W,H, or which part is new with --mask"


@dataclass(frozen=True)
class Harmonize:
    """Finish what outpaint or another tool generated.

    The generated part is the white of ``masks``, or all outside ``source``, or outside the photo's place as
    the picture's XMP or the journal of its folder tells it.
    """

    source: Rect | None = None
    masks: Masks | None = None
    verb: str = "harmonized"
    doing: str = "harmonizing"
    fills: bool = False
    _journals: dict[Path, Journal] = field(default_factory=dict, repr=False, compare=False)

    def identity(self) -> list[Any]:
        """The options as plain JSON; the mask's content counts by itself."""
        rect = self.source
        return [rect and [rect.x, rect.y, rect.width, rect.height], self.masks and self.masks.invert]

    def check_inputs(self, sources: list[Source]) -> None:
        """Masks must be findable."""
        if self.masks:
            self.masks.check_inputs(sources)

    def check_filler(self, name: str, filler: Filler) -> None:
        """There is no model."""

    def layout(self, source: Source, info: picture.PictureInfo, data: bytes | None) -> Layout:
        """The picture itself is the frame. Raises PictureError where nothing says what is new in it."""
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
        given = data if data is not None else source.path
        noted = noted_place(given) if given is not None else None
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
        frame, soft = task.layout.frame, False
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
        if known.all():
            return "nothing in it is generated"
        return Touch(photo, known, task.layout.scale, soft)


@dataclass
class Touch:
    """One picture whose unknown part is to be finished."""

    photo: picture.Picture
    known: Bools
    scale: float
    soft: bool = False

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
        painted = finish(HarmonizeJob(own.copy(), self.known, at, None, (), self.scale))
        restore(painted, own, self.known)
        made = mended(self.photo, own, painted, self.known)
        info: dict[str, Any] = {"mask": SOFT_EDGES} if self.soft else {}
        return Made(made, painted, lambda: self.known, at, info=info)


def restore(painted: Any, own: Any, known: Bools) -> None:
    """Put ``own`` (H, W, 3) back into ``painted`` wherever ``known`` (H, W) is true, in place, by rows."""
    for row in range(0, len(known), 256):
        part = slice(row, row + 256)
        np.copyto(painted[part], own[part], where=known[part, :, None])
