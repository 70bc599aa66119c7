"""One picture in, one Pillow image out."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Unpack

from PIL import Image

from outpaint_cli import models, picture, registry, runtime
from outpaint_cli.api._given import (
    Frame,
    Photo,
    PictureOptions,
    file_of,
    geometry,
    options_by_plugin,
    rectangle,
)
from outpaint_cli.batch.discover import Source
from outpaint_cli.batch.engines import Engines
from outpaint_cli.batch.guides import read_guides
from outpaint_cli.batch.kinds import Kind
from outpaint_cli.batch.kinds.extend import Extend
from outpaint_cli.batch.kinds.harmonize import Harmonize
from outpaint_cli.batch.kinds.inpaint import Inpaint
from outpaint_cli.batch.masks import Masks
from outpaint_cli.batch.options import photo_seed
from outpaint_cli.batch.provenance import Provenance, plain_packet
from outpaint_cli.batch.settings import Settings, Task
from outpaint_cli.fill import run_fills
from outpaint_cli.plugin import OutpaintError, PictureError

if TYPE_CHECKING:
    from outpaint_cli.batch.kinds import Made


class ExtendOptions(Frame, PictureOptions, total=False):
    """Options of :func:`extend`."""


def extend(
    photo: Photo,
    *,
    overlap: int = 0,
    model: str = models.DEFAULT_MODEL,
    harmonize: str = "auto",
    **options: Unpack[ExtendOptions],
) -> Image.Image:
    """The photo grown beyond its borders; without a size 1.5 times as wide and high.

    ``photo`` is a path or a Pillow image; its EXIF orientation is applied. At most one size: ``scale`` (a
    factor), ``size`` ((width, height) or "1920x1080"), ``aspect`` ((16, 9) or "16:9"), ``pad`` (a length for
    all sides, or four: left, top, right, bottom), or any of ``left``, ``top``, ``right``, ``bottom``. A length
    is in pixels, or a text: "10%", "3mm" at the photo's own dots an inch or ``dpi``. ``anchor`` (center, left,
    top-left, ...) places the photo; ``fit="shrink"`` makes one larger than ``size`` smaller; up to ``overlap``
    pixels inside its edge may change. ``model`` is a name or a file, ``harmonize`` auto, none, or a
    harmonizer's name. Further options: :class:`PictureOptions`.

    The result has the photo's own mode, ICC profile, EXIF and dots an inch, and its pixels where
    ``image.info["outpaint"]["source"]`` says (x, y, width, height). Pillow has no 16-bit colour: such photos
    come back with 8 bits (use :func:`extend_files` to keep them).

    Raises UsageError (options that make no sense), PictureError (the photo), ModelError and DeviceError (what
    is not to be had), PluginError (a model that fails).
    """
    kind = Extend(geometry(options), overlap)
    return _run(photo, kind, model, harmonize, options)


def inpaint(
    photo: Photo,
    mask: Photo = "alpha",
    *,
    mask_invert: bool = False,
    model: str = "pconv",
    harmonize: str = "auto",
    **options: Unpack[PictureOptions],
) -> Image.Image:
    """The photo with its holes filled; all other pixels stay as they are.

    ``mask``, a path or a Pillow image of the photo's shape at any size, is white where the holes are
    (``mask_invert``: black), cut at half; "alpha" takes the photo's own transparent pixels and makes them
    opaque. Everything else is as for :func:`extend`.
    """
    masks = None if mask == "alpha" else _masks(mask, mask_invert)
    return _run(photo, Inpaint(masks), model, harmonize, options, masks)


def harmonize(
    photo: Photo,
    method: str = "singan",
    *,
    mask: Photo | None = None,
    mask_invert: bool = False,
    source: tuple[int, int, int, int] | None = None,
    upscale: float = 1.0,
    **options: Unpack[PictureOptions],
) -> Image.Image:
    """The picture with its generated part given the photo's own texture by ``method``, a harmonizer's name.

    The generated part is the white of ``mask``, or all outside ``source`` (x, y, width, height), or all outside
    the place that the picture's XMP notes, as :func:`extend` and the command line leave it. With ``upscale``, 1
    to 8, the finished picture becomes that many times as large, where the harmonizer can. Everything else is as
    for :func:`extend`. Raises PictureError too where nothing says what is generated.
    """
    masks = None if mask is None else _masks(mask, mask_invert)
    return _run(photo, Harmonize(rectangle(source), masks, upscale), "", method, options, masks)


def _masks(mask: Photo, invert: bool) -> Masks:
    return Masks.given(file_of(mask)[0], invert)


def _run(
    photo: Photo,
    kind: Kind,
    model: str,
    harmonizer: str,
    options: Mapping[str, Any],
    masks: Masks | None = None,
) -> Image.Image:
    settings = Settings(
        model=model,
        harmonize=harmonizer,
        options=options_by_plugin(options.get("options", {})),
        guides=read_guides([str(path) for path in options.get("guides", ())]),
        device=options.get("device", "auto"),
        seed=options.get("seed", 0),
        provenance=options.get("provenance", True),
        max_pixels=options.get("max_pixels", picture.MAX_PIXELS),
    )
    runtime.check_device(settings.device)
    if harmonizer not in ("auto", "none"):
        registry.find_harmonizer(harmonizer)
    data, name = file_of(photo)
    try:
        return _made(data, name, kind, settings, options, masks)
    except PictureError as error:
        raise PictureError(f"{name}: {error}") from error


def _made(
    data: bytes, name: str, kind: Kind, settings: Settings, options: Mapping[str, Any], masks: Masks | None
) -> Image.Image:
    info = picture.probe(data, max_pixels=settings.max_pixels)
    source = Source(None, PurePath(name))
    layout = kind.layout(source, info, data)
    if layout.frame.rect.area > settings.max_pixels:
        raise PictureError(
            f"the output would be {layout.frame.width}x{layout.frame.height}, more than {settings.max_pixels} pixels"
        )
    own = picture.read(data, max_pixels=settings.max_pixels)
    variant = options.get("variant", 0)
    task = Task(source, None, None, layout, info, info.format, variant, data)
    work = kind.work(task, own, masks.data if masks else None)
    if isinstance(work, str):
        return picture.to_pillow(own)
    content = hashlib.sha256(data).hexdigest()
    seed = photo_seed(settings.seed, variant, content)
    told: dict[str, Any] = {}
    with _LOCK:
        engines = _engines(settings, kind, options)
        guess = None
        if engines.filler is not None and engines.ref is not None:
            work.ready(engines.filler, seed, variant)
            guess = run_fills([work.steps()], engines.filler, engines.context(engines.ref.plugin, name=name))[
                0
            ]
            if isinstance(guess, OutpaintError):
                raise guess
        made = work.make(guess, seed, engines.finish(name, content, seed, told))
        by = Provenance.of(engines, engines.ref, settings.seed, task)
    packet = by.packet(own.xmp, made) if settings.provenance else plain_packet(own.xmp, made)
    return _image(made, {**told, **made.info}, packet)


def _image(made: Made, info: Mapping[str, Any], packet: bytes) -> Image.Image:
    """What was made, as a Pillow image whose XMP says where the photo sits in it and who made the rest."""
    at = made.photo
    image = picture.to_pillow(replace(made.picture, xmp=packet))
    image.info["outpaint"] = {"source": (at.x, at.y, at.width, at.height), **info}
    return image


_LOCK = threading.Lock()
"""Models are called one at a time: calls from several threads wait for each other."""

_LOADED: dict[tuple[Any, ...], Engines] = {}
_MOST = 4
"""So many models and harmonizers stay loaded between calls."""


def _engines(settings: Settings, kind: Kind, options: Mapping[str, Any]) -> Engines:
    """The model and the harmonizer for ``settings``, kept from an earlier call where they are the same."""
    ref = None
    if kind.fills:
        ref = models.variant(models.resolve(settings.model), settings.device, settings.options)
    plugin_options = sorted((name, *sorted(values.items())) for name, values in settings.options.items())
    checked = (
        type(kind),
        getattr(kind, "upscale", 1.0) > 1,
    )  # what a model or harmonizer is asked before it runs
    key = (checked, ref, settings.harmonize, settings.device, bool(settings.guides), repr(plugin_options))
    progress = options.get("progress")

    def tell(name: str, share: float, what: str) -> None:
        if progress is not None:
            progress(share, what)

    if key not in _LOADED:
        engines = Engines(settings, kind, ref, lambda: False)
        engines.load()
        if len(_LOADED) >= _MOST:
            del _LOADED[next(iter(_LOADED))]
        _LOADED[key] = engines
    kept = _LOADED[key]
    if kept.harmonizer is not None:
        kind.check_harmonizer(kept.harmonize, kept.harmonizer)
    engines = replace(kept, settings=settings, kind=kind, progress=tell)
    engines.harmonize = kept.harmonize
    return engines
