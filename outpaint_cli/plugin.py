"""The plugin API: everything that a plugin may use of the host, and all that the host asks of a plugin.

A plugin is one :class:`Plugin` object, found through the entry point group ``outpaint.plugins``. It offers
fillers (they imagine what lies outside the photo), harmonizers (they make a rough guess picture), trainers,
checkpoint layouts that it can convert, and ONNX contracts that it recognises. This module imports nothing
heavy, so that listing plugins stays quick.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float32]
    Bools: TypeAlias = NDArray[np.bool_]
    Samples: TypeAlias = NDArray[Any]  # uint8 or uint16

API_VERSION = 1
"""Raised when a change to this module breaks plugins; a plugin states the one it was written for."""

ENTRY_POINT_GROUP = "outpaint.plugins"


# --------------------------------------------------------------------------------------------- errors


class OutpaintError(Exception):
    """Base of all errors that are told in one line, without a traceback. ``exit_code`` as in docs/cli.md."""

    exit_code = 3


class UsageError(OutpaintError):
    """The call does not make sense or names a path that is not there (exit code 2)."""

    exit_code = 2


class PictureError(OutpaintError):
    """One input or output picture can't be used; the rest of the batch goes on (exit code 3)."""


class ModelError(OutpaintError):
    """A model or a plugin is not to be had (exit code 4)."""

    exit_code = 4


class DeviceError(OutpaintError):
    """The device asked for is not there (exit code 5)."""

    exit_code = 5


class PluginError(OutpaintError):
    """A plugin raised, or returned something else than its contract promises (exit code 3)."""


class Cancelled(OutpaintError):
    """The run is being stopped; raised by :meth:`Context.check` inside long work."""


# ------------------------------------------------------------------------------------------- geometry


@dataclass(frozen=True, order=True)
class Rect:
    """A rectangle in whole pixels, x to the right and y down. Width and height may not be negative."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """The first column to the right of the rectangle."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """The first row below the rectangle."""
        return self.y + self.height

    @property
    def area(self) -> int:
        """Pixels inside."""
        return self.width * self.height

    def contains(self, other: Rect) -> bool:
        """Whether ``other`` lies wholly inside."""
        return (
            self.x <= other.x
            and self.y <= other.y
            and other.right <= self.right
            and other.bottom <= self.bottom
        )

    def intersect(self, other: Rect) -> Rect:
        """The common part; its area is 0 where there is none."""
        x, y = max(self.x, other.x), max(self.y, other.y)
        width = max(0, min(self.right, other.right) - x)
        height = max(0, min(self.bottom, other.bottom) - y)
        return Rect(x, y, width, height)

    def slices(self) -> tuple[slice, slice]:
        """Row and column slices for an array that starts at the origin."""
        return slice(self.y, self.bottom), slice(self.x, self.right)


# ------------------------------------------------------------------------------------- what travels


@dataclass(frozen=True)
class Context:
    """What the host lends a plugin for one piece of work.

    ``seed`` comes from --seed and the file's content, so that order and batching don't matter; where a batch
    holds windows of several photos, ``seeds`` has one for each image. ``options``
    are the plugin's own (``-O plugin.option=value``), as strings, without the plugin's name. ``memory`` is
    the budget in bytes that the work should stay within.
    """

    device: str = "auto"
    seed: int = 0
    seeds: Sequence[int] = ()
    threads: int = 0
    memory: int = 2 << 30
    cache: Path | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    progress: Callable[[float, str], None] = lambda share, what: None
    cancelled: Callable[[], bool] = lambda: False

    def check(self) -> None:
        """Raise :class:`Cancelled` when the run is being stopped; call it now and then in long work."""
        if self.cancelled():
            raise Cancelled("stopped")


# -------------------------------------------------------------------------------------------- fillers


@dataclass(frozen=True)
class Fixed:
    """The filler takes pictures of exactly this size, in pixels."""

    height: int
    width: int


@dataclass(frozen=True)
class Multiple:
    """Both sides are multiples of ``k`` pixels from ``min`` to ``max``."""

    k: int
    min: int
    max: int


@dataclass(frozen=True)
class Native:
    """The filler takes a picture whole at any size; above ``max_pixels`` the host scales it down first."""

    max_pixels: int = 32_000_000


@dataclass(frozen=True)
class AnyMask:
    """Any pixels may be known."""


@dataclass(frozen=True)
class Border:
    """The known pixels are one rectangle, anywhere in the picture."""


@dataclass(frozen=True)
class KnownRect:
    """The known pixels are always this one rectangle; the host hides whatever is known beyond it."""

    rect: Rect


@dataclass(frozen=True)
class FillSpec:
    """What a filler can be asked for. The host never asks for more: it scales, cuts windows, goes in rings.

    ``max_unknown`` is the largest unknown share (0..1) of a picture's area that the filler was made for;
    a larger extension is grown ring by ring. ``max_batch`` is the largest batch; every batch is padded to
    one size, so that who else is in it changes nothing. ``margin`` is a rim of the canvas, in its pixels,
    that the host leaves unknown and throws away, for networks that are unsure at their picture's edge.
    """

    size: Fixed | Multiple | Native
    known: AnyMask | Border | KnownRect = AnyMask()
    max_unknown: float = 0.6
    max_batch: int = 1
    margin: int = 0


@dataclass(frozen=True)
class Filled:
    """What a filler returns when it can also say how sure it is.

    ``images`` float32 (N, H, W, 3) sRGB 0..1; ``confidence`` float32 (N, H, W), 1 sure to 0 mush.
    """

    images: Floats
    confidence: Floats | None = None


@runtime_checkable
class Filler(Protocol):
    """Imagines unknown pixels. ``device`` is read back from the session: "cpu", "cuda:0"."""

    @property
    def spec(self) -> FillSpec:
        """What it can be asked for."""
        ...

    @property
    def device(self) -> str:
        """Where it really runs."""
        ...

    def fill(self, images: Floats, known: Bools, ctx: Context) -> Floats | Filled:
        """``images`` float32 (N, H, W, 3) sRGB 0..1, ``known`` bool (N, H, W): images of the same shape.

        Unknown pixels hold 0. What is returned at known pixels is not used, except that the host compares
        it with the photo near the edge to take out a step in colour.
        """
        ...


# ----------------------------------------------------------------------------------------- harmonizers


@dataclass(frozen=True)
class Whole:
    """What a photo's windows are cut from: ``image`` uint8 or uint16 (H, W, 3) sRGB, ``known`` bool (H, W).

    Unknown is all that was missing at first, also where it has been finished since.
    """

    image: Samples
    known: Bools


@dataclass(frozen=True)
class HarmonizeJob:
    """A picture whose unknown part holds a rough guess.

    ``image`` uint8 or uint16 (H, W, 3) sRGB; ``known`` bool (H, W); ``photo`` the rectangle that bounds the
    known pixels; ``confidence`` float32 of any size over the same frame, or None; ``guides`` further
    pictures (H, W, 3) of the same depth; ``scale`` full-resolution pixels a pixel of the guess (1 = sharp).
    ``whole`` is the same for all windows of one photo, at their own resolution, where the job is one of them.
    """

    image: Samples
    known: Bools
    photo: Rect
    confidence: Floats | None = None
    guides: Sequence[Samples] = ()
    scale: float = 1.0
    whole: Whole | None = None


@dataclass(frozen=True)
class Harmonized:
    """``image`` of the same shape and depth, known pixels untouched; ``info`` goes into the JSON line."""

    image: Samples
    info: Mapping[str, Any] = field(default_factory=dict)


@runtime_checkable
class Harmonizer(Protocol):
    """Turns a rough guess into picture, at full resolution.

    One that trains, or uses trained weights, may say so with an attribute ``trained = True``: outputs then tell
    in their metadata that a trained model took part. Fillers count as trained where they have weights.
    It is used by one thread at a time, unless it has an attribute ``parallel`` that is true.
    """

    @property
    def device(self) -> str:
        """Where it really runs."""
        ...

    def harmonize(self, job: HarmonizeJob, ctx: Context) -> Harmonized:
        """Finish the unknown part of ``job.image``."""
        ...


@runtime_checkable
class Upscaler(Harmonizer, Protocol):
    """A harmonizer that can also enlarge what it finished (super-resolution), for ``--upscale``."""

    def upscale(self, job: HarmonizeJob, factor: float, ctx: Context) -> Harmonized:
        """``job.image``, finished already, ``factor`` (over 1) times as large, in the same depth.

        H and W become floor(factor * H + 0.5) and floor(factor * W + 0.5). All pixels may be new;
        ``job.known`` still says which of the small ones are the photo's.
        """
        ...


# --------------------------------------------------------------------------------------------- models


@dataclass(frozen=True)
class HubFile:
    """A file on the Hugging Face Hub. In a :class:`ModelCard` the revision is a commit, all 40 digits of it."""

    repo: str
    revision: str
    file: str


@dataclass(frozen=True)
class ModelCard:
    """What weights are. ``source`` is a file in the plugin's package, a :class:`HubFile`, or None: none needed.

    ``bytes`` and ``sha256`` describe the file, and a file from the Hub is refused where they differ;
    ``licence`` is an SPDX name: one that is not permissive the user is asked to accept. ``scores`` are
    figures by name, as in docs/models/.
    """

    name: str
    summary: str
    source: Path | HubFile | None = None
    bytes: int = 0
    sha256: str = ""
    licence: str = ""
    training_data: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class ModelRef:
    """A resolved reference to a model: what is pickled and handed to :attr:`Plugin.load`.

    ``path`` is a checked local file, or None for models without weights. ``revision`` is what the JSON line
    calls the model's version: the file's sha256, shortened, or ""; a contract that the user chose follows
    after a colon. ``contract`` is the name of the
    :class:`OnnxContract` by which a file was recognised, or that the user chose; "" for named models.
    """

    name: str
    plugin: str
    path: Path | None = None
    revision: str = ""
    contract: str = ""


@dataclass(frozen=True)
class OnnxTensor:
    """An input or output of an ONNX model: symbolic dimensions are strings, unknown ones None."""

    name: str
    type: str
    shape: tuple[int | str | None, ...]


@dataclass(frozen=True)
class OnnxDescription:
    """What an ONNX file says of itself, for :class:`OnnxContract`."""

    inputs: tuple[OnnxTensor, ...]
    outputs: tuple[OnnxTensor, ...]
    metadata: Mapping[str, str]


@dataclass(frozen=True)
class OnnxContract:
    """A kind of ONNX model that a plugin can run; ``recognises`` must be sure, not merely hopeful.

    ``accepts``, where there is one, lets the user choose the contract (``--onnx-contract NAME``) for files
    that can't be told by what they say of themselves: it returns "", or why this file can't be run so.
    ``summary`` says in a few words what such a model takes and gives.
    """

    name: str
    recognises: Callable[[OnnxDescription], bool]
    accepts: Callable[[OnnxDescription], str] | None = None
    summary: str = ""


# ------------------------------------------------------------------------------------------- training


@dataclass(frozen=True)
class CheckpointLayout:
    """A PyTorch checkpoint that a plugin can turn into ONNX, recognised by keys and shapes alone.

    ``recognises`` gets the loaded object (safe loading: tensors, numbers, strings, lists and dicts);
    ``convert`` gets it, the output file and whether to store fp16, and returns the largest difference
    between PyTorch and onnxruntime on the same random input.
    """

    name: str
    summary: str
    recognises: Callable[[Any], bool]
    convert: Callable[[Any, Path, bool], float]


@dataclass(frozen=True)
class PluginOption:
    """An option ``-O plugin.name=value``."""

    name: str
    help: str
    default: str = ""
    choices: tuple[str, ...] = ()


# --------------------------------------------------------------------------------------------- plugin

LoadFiller: TypeAlias = Callable[[ModelRef, Context], Filler]
LoadHarmonizer: TypeAlias = Callable[[Context], Harmonizer]


@dataclass(frozen=True)
class Plugin:
    """All that a plugin offers. Everything but ``name`` may be left out.

    ``load`` runs once a process for each model; the filler it returns is used by one thread at a time.
    ``trainers`` map a network's name to what ``outpaint train`` calls (see ``outpaint_cli.training``).
    ``variant`` may choose another of the plugin's ``models`` to run in place of the named one, one that is quicker on
    a device: it is given the name and a context, with ``device`` "cpu" or "cuda" as far as that can be told
    beforehand, and returns a name.
    """

    name: str
    summary: str = ""
    api_version: int = API_VERSION
    models: tuple[ModelCard, ...] = ()
    load: LoadFiller | None = None
    harmonizers: Mapping[str, LoadHarmonizer] = field(default_factory=dict)
    trainers: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    layouts: tuple[CheckpointLayout, ...] = ()
    contracts: tuple[OnnxContract, ...] = ()
    options: tuple[PluginOption, ...] = ()
    variant: Callable[[str, Context], str] | None = None
