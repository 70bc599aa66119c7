"""Fillers for ONNX models that describe themselves: all that the host must know is in their metadata."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from outpaint_cli.plugin import (
    AnyMask,
    Context,
    FillSpec,
    Fixed,
    KnownRect,
    ModelError,
    ModelRef,
    Multiple,
    OnnxDescription,
    Rect,
)
from outpaint_cli.runtime import Session

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Floats


LARGEST = 1 << 16


def parse_spec(text: str) -> FillSpec:
    """The FillSpec in a model file's ``outpaint.fill_spec`` (JSON).

    Raises ValueError, KeyError or TypeError where it can't be read or makes no sense.
    """
    fields: dict[str, Any] = json.loads(text)
    size = fields["size"]
    known = fields.get("known", "any")
    spec = FillSpec(
        size=Multiple(int(size["multiple"]), int(size["min"]), int(size["max"]))
        if "multiple" in size
        else Fixed(int(size["height"]), int(size["width"])),
        known=KnownRect(Rect(*map(int, known["rect"]))) if isinstance(known, dict) else AnyMask(),
        max_unknown=float(fields.get("max_unknown", 0.6)),
        max_batch=int(fields.get("max_batch", 1)),
        margin=int(fields.get("margin", 0)),
    )
    _check(spec)
    return spec


def _check(spec: FillSpec) -> None:
    """Raise ValueError where the numbers make no sense together."""
    size = spec.size
    sides: list[int] = []
    if isinstance(size, Multiple):
        sides = [size.k, size.min, size.max]
    elif isinstance(size, Fixed):
        sides = [size.height, size.width]
    if not all(0 < side <= LARGEST for side in sides) or not 0 < spec.max_unknown <= 1:
        raise ValueError("sizes or shares out of range")
    if isinstance(size, Multiple) and -(-size.min // size.k) * size.k > size.max:
        raise ValueError("no multiple lies between min and max")
    if not 1 <= spec.max_batch <= 1024 or not 0 <= 2 * spec.margin < min(sides[-2:]):
        raise ValueError("batch or margin out of range")
    if isinstance(spec.known, KnownRect):
        whole = Rect(0, 0, sides[-1], sides[-2])
        if spec.known.rect.width < 1 or spec.known.rect.height < 1 or not whole.contains(spec.known.rect):
            raise ValueError("the known rectangle does not lie inside the picture")


class DescribedFiller:
    """Runs on onnxruntime a network that takes a picture and a mask, or a picture alone.

    ``outpaint.fill_spec`` is its FillSpec; ``outpaint.fill`` is what unknown pixels hold (default 0). Its
    picture is in 0..1, to be clipped.
    """

    def __init__(self, ref: ModelRef, ctx: Context) -> None:
        if ref.path is None:
            raise ModelError(f"model '{ref.name}' has no file")
        self._session = Session(ref.path, ctx.device, ctx.threads)
        metadata = self._session.description.metadata
        try:
            self.spec = parse_spec(metadata["outpaint.fill_spec"])
            self._fill = float(metadata.get("outpaint.fill", "0"))
        except (ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"{ref.path.name}: its outpaint.fill_spec can't be read; export it again"
            ) from error
        self._takes_mask = any(t.name == "known" for t in self._session.description.inputs)
        self.device: str = self._session.device

    def fill(self, images: Floats, known: Bools, ctx: Context) -> Floats:
        """Images float32 (N, H, W, 3) sRGB 0..1, known bool (N, H, W): the same shape, clipped to 0..1."""
        n, height, width, channels = images.shape
        planes = np.empty((n, channels, height, width), np.float32)
        for channel in range(channels):
            planes[:, channel] = np.where(known, images[..., channel], np.float32(self._fill))
        inputs = {"image": planes}
        if self._takes_mask:
            inputs["known"] = known[:, None].astype(np.float32)
        picture = np.asarray(self._session.run(inputs)[0], np.float32)
        out = np.empty_like(images)
        return np.clip(picture.transpose(0, 2, 3, 1), 0, 1, out=out)


def describes_itself(description: OnnxDescription, plugin: str) -> bool:
    """Whether the file's metadata names ``plugin`` and its inputs are as :class:`DescribedFiller` feeds them."""
    names = {t.name for t in description.inputs}
    return (
        description.metadata.get("outpaint.plugin") == plugin
        and "outpaint.fill_spec" in description.metadata
        and names in ({"image", "known"}, {"image"})
        and all(t.type == "tensor(float)" and len(t.shape) == 4 for t in description.inputs)
        and len(description.outputs) >= 1
    )
