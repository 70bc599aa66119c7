"""Masks: which file belongs to a photo, and which of the photo's pixels it marks."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

import cv2
import numpy as np

from outpaint_cli import picture
from outpaint_cli.batch.discover import SUFFIXES, Source
from outpaint_cli.plugin import PictureError, UsageError
from outpaint_cli.remote import Location, RemoteError, Url, location

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Samples

SOFT = 0.05
"""Values further than this from black and white, as a share of the range, make a mask soft."""


SOFT_EDGES = "soft edges, cut at 50 %"


@dataclass(frozen=True)
class Masks:
    """``--mask``: one file for all photos, or a folder that mirrors theirs. White is marked, unless ``invert``.

    ``folder`` says that it is one; ``data`` is the file's content where it is no file on a disk.
    """

    path: Location
    invert: bool = False
    data: bytes | None = field(default=None, repr=False)
    folder: bool = False
    _stems: dict[Location, dict[str, list[Location]]] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def at(cls, text: str, invert: bool) -> Masks:
        """The masks that ``--mask text`` names. Raises UsageError where nothing is there."""
        path = location(text)
        try:
            there, folder = path.exists(), path.is_dir()
        except RemoteError as error:
            raise UsageError(f"--mask {path}: {error}") from error
        if not there:
            raise UsageError(f"--mask {path} is not there; check the path")
        return cls(path, invert, None, folder)

    @classmethod
    def given(cls, data: bytes, invert: bool) -> Masks:
        """One mask for all photos, as a picture file's content."""
        return cls(Path("given"), invert, data)

    def check_inputs(self, sources: list[Source]) -> None:
        """Raise UsageError where a picture without a name would need one to find its mask."""
        if self.folder and any(source.path is None for source in sources):
            raise UsageError(
                "a picture on standard input has no name to find its mask by; give --mask a file"
            )

    def find(self, source: Source, info: picture.PictureInfo) -> Location:
        """The mask of a photo, its shape checked against the photo's. Raises PictureError."""
        path = self.path
        if self.folder:
            path = self._matching(source.relative)
        try:
            mask = self._probe(path)
        except PictureError as error:
            raise PictureError(f"its mask {path}: {error}") from error
        check_shape(path, mask.width, mask.height, info)
        return path

    def _probe(self, path: Location) -> picture.PictureInfo:
        if isinstance(path, Url):
            with path.opened() as file:
                return picture.probe(file)
        return picture.probe(path if self.data is None else self.data)

    def _matching(self, relative: PurePath) -> Location:
        """The picture at the same relative path: the same name, or the same stem with another ending."""
        wanted = self.path / relative
        if isinstance(wanted, Path) and wanted.is_file():
            return wanted
        if wanted.parent not in self._stems:
            self._stems[wanted.parent] = _by_stem(wanted.parent)
        found = self._stems[wanted.parent].get(wanted.stem, [])
        same = [path for path in found if path.name == wanted.name]
        if same:
            return same[0]
        if not found:
            name = wanted.with_suffix("")
            raise PictureError(f"there is no mask {name}.* for it; add one, or --exclude the photo")
        if len(found) > 1:
            raise PictureError(f"there are two masks for it, {found[0]} and {found[1].name}; remove one")
        return found[0]


def _by_stem(folder: Location) -> dict[str, list[Location]]:
    """The pictures in ``folder`` by their names without the ending; none where it can't be read."""
    stems: dict[str, list[Location]] = {}
    try:
        paths: list[Location] = sorted(folder.iterdir(), key=str)
    except OSError:
        return stems
    for path in paths:
        if path.suffix.lower() in SUFFIXES and (isinstance(path, Url) or path.is_file()):
            stems.setdefault(path.stem, []).append(path)
    return stems


def check_shape(path: Location, width: int, height: int, photo: picture.PictureInfo) -> None:
    """Raise PictureError where a mask of that size is not the photo, scaled, to rounding."""
    if _scaled(width, height, photo.width, photo.height):
        return
    sizes = f"its mask {path} is {width}x{height}, the photo {photo.width}x{photo.height}"
    if photo.turned and _scaled(width, height, photo.height, photo.width):
        raise PictureError(
            f"{sizes} once turned upright as its EXIF says; the mask fits the unturned photo: turn the mask too"
        )
    raise PictureError(f"{sizes}: the shapes differ; make the mask for the whole photo")


def _scaled(a_width: int, a_height: int, b_width: int, b_height: int) -> bool:
    """Whether a is b at another size, sides rounded up or down."""
    low = max((a_width - 1) / b_width, (a_height - 1) / b_height)
    return low < min((a_width + 1) / b_width, (a_height + 1) / b_height)


def read_mask(data: bytes, invert: bool, width: int, height: int) -> tuple[Bools, bool]:
    """The marked pixels, bool (height, width), of a mask file of any size, and whether it had to be thresholded.

    White is marked; what is painted on a transparent layer counts as painted on black. Soft values are
    thresholded at half; another size is scaled by nearest neighbour. Raises PictureError.
    """
    try:
        mask = picture.read(data)
    except PictureError as error:
        raise PictureError(f"its mask can't be read: {error}") from error
    grey = _grey(mask)
    top = int(np.iinfo(grey.dtype).max)
    soft = bool(((grey > SOFT * top) & (grey < (1 - SOFT) * top)).any())
    marked = grey > top // 2
    if invert:
        marked = ~marked
    if marked.shape != (height, width):
        rows = (2 * np.arange(height) + 1) * marked.shape[0] // (2 * height)
        columns = (2 * np.arange(width) + 1) * marked.shape[1] // (2 * width)
        marked = marked[np.ix_(rows, columns)]
    return marked, soft


def alpha_mask(photo: picture.Picture) -> tuple[Bools, bool]:
    """The photo's own transparent pixels, bool (H, W), less than half opaque, and whether others lie between."""
    if photo.alpha is None:
        raise PictureError("it has no transparency that could say where the hole is; give --mask a file")
    top = int(np.iinfo(photo.alpha.dtype).max)
    soft = bool(((photo.alpha > SOFT * top) & (photo.alpha < (1 - SOFT) * top)).any())
    return photo.alpha <= top // 2, soft


def _grey(mask: picture.Picture) -> Samples:
    """The values of a mask, (H, W), as stored: a mask is no photo, and its profile means nothing."""
    if mask.mode == "L":
        grey: Samples = mask.pixels[..., 0]
    else:
        rgb = mask.pixels if mask.mode == "RGB" else picture.to_srgb(mask)
        grey = cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2GRAY)
    if mask.alpha is not None:
        top = np.uint32(np.iinfo(grey.dtype).max)
        grey = (grey.astype(np.uint32) * mask.alpha // top).astype(grey.dtype)
    return grey
