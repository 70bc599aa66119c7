"""Files and folders in, files out: what the commands do, as a generator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

from outpaint_cli import models, picture
from outpaint_cli.api._given import Frame, PathLike, PictureOptions, geometry, options_by_plugin, rectangle
from outpaint_cli.batch.discover import discover
from outpaint_cli.batch.guides import read_guides
from outpaint_cli.batch.kinds import Kind
from outpaint_cli.batch.kinds.extend import Extend
from outpaint_cli.batch.kinds.harmonize import Harmonize
from outpaint_cli.batch.kinds.inpaint import Inpaint
from outpaint_cli.batch.masks import Masks
from outpaint_cli.batch.options import choice
from outpaint_cli.batch.session import Batch, open_batch
from outpaint_cli.batch.settings import Settings
from outpaint_cli.plugin import UsageError
from outpaint_cli.remote import location

FORMATS = ("keep", "png", "jpg", "webp", "tiff", "avif")


class FileOptions(PictureOptions, total=False):
    """Options of the functions on files; the names and defaults are the command line's (docs/cli.md).

    ``variant`` and ``progress`` have no meaning here; ``variants`` says how many a photo.
    """

    out: PathLike | None
    recursive: bool
    include: Sequence[str]
    exclude: Sequence[str]
    existing: str
    format: str
    quality: int
    strip_metadata: bool
    jobs: int
    shard: tuple[int, int]
    variants: int
    min_score: float | None
    fail_fast: bool


class ExtendFileOptions(Frame, FileOptions, total=False):
    """Options of :func:`extend_files`."""


def extend_files(
    inputs: Sequence[PathLike] | PathLike,
    *,
    overlap: int = 0,
    model: str = models.DEFAULT_MODEL,
    harmonize: str = "auto",
    **options: Unpack[ExtendFileOptions],
) -> Batch:
    """Grow the photos that ``inputs`` name: files, folders, globs. See :func:`outpaint_cli.extend` for sizes.

    Nothing happens before the batch is iterated; then each output is one :class:`Event`, in order of
    completion, whose ``status`` is ok, skipped or failed, and a failed one stops no other:

    >>> for event in extend_files("photos", out="wide", size=(1920, 1080), fit="shrink"):
    ...     if event.error:
    ...         print(event.input, event.error[1])

    ``len(batch)`` is the number of outputs, ``batch.planned()`` says what would be done.

    Raises UsageError, before anything is done: options that make no sense, inputs that are not there,
    outputs that clash; ModelError and DeviceError for what is not to be had.
    """
    return _batch(inputs, Extend(geometry(options), overlap), model, harmonize, options)


def inpaint_files(
    inputs: Sequence[PathLike] | PathLike,
    mask: PathLike = "alpha",
    *,
    mask_invert: bool = False,
    model: str = "pconv",
    harmonize: str = "auto",
    **options: Unpack[FileOptions],
) -> Batch:
    """Fill holes in the photos that ``inputs`` name.

    ``mask``: a file for all of them, a folder of the same names, or "alpha": their transparent pixels.
    Everything else as for :func:`extend_files`.
    """
    masks = None if mask == "alpha" else Masks.at(str(mask), mask_invert)
    return _batch(inputs, Inpaint(masks), model, harmonize, options, masks)


def harmonize_files(
    inputs: Sequence[PathLike] | PathLike,
    method: str = "singan",
    *,
    mask: PathLike | None = None,
    mask_invert: bool = False,
    source: tuple[int, int, int, int] | None = None,
    upscale: float = 1.0,
    **options: Unpack[FileOptions],
) -> Batch:
    """Give the generated part of the pictures that ``inputs`` name the photo's own texture.

    See :func:`outpaint_cli.harmonize` for what is generated, :func:`extend_files` for everything else.
    """
    masks = None if mask is None else Masks.at(str(mask), mask_invert)
    return _batch(inputs, Harmonize(rectangle(source), masks, upscale), "", method, options, masks)


def _batch(
    inputs: Sequence[PathLike] | PathLike,
    kind: Kind,
    model: str,
    harmonizer: str,
    options: Mapping[str, Any],
    masks: Masks | None = None,
) -> Batch:
    names = [str(inputs)] if isinstance(inputs, (str, Path)) else [str(path) for path in inputs]  # type: ignore[union-attr]
    if not names or "-" in names:
        raise UsageError("inputs must be files, folders or globs")
    known = set(Settings.__dataclass_fields__) - {"model", "harmonize", "guides", "options", "out"}
    out = options.get("out")
    max_pixels = options.get("max_pixels", picture.MAX_PIXELS)
    settings = Settings(
        out=None if out is None else location(str(out)),
        model=model,
        harmonize=harmonizer,
        guides=read_guides([str(path) for path in options.get("guides", ())], max_pixels=max_pixels),
        options=options_by_plugin(options.get("options", {})),
        **{name: value for name, value in options.items() if name in known},
    )
    choice("existing", settings.existing, ("skip", "overwrite", "error"))
    choice("format", settings.format, FORMATS)
    sources = discover(
        names,
        recursive=options.get("recursive", False),
        include=options.get("include", ()),
        exclude=options.get("exclude", ()),
        skip=[path for path in (settings.out, masks.path if masks else None) if path is not None],
    )
    return open_batch(sources, kind, settings)
