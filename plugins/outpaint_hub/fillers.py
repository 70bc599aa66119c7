"""MI-GAN and LaMa on onnxruntime. Both see square canvases of 512 pixels, so that nothing is squashed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from outpaint_cli.plugin import AnyMask, Context, FillSpec, Fixed, ModelError, ModelRef, UsageError
from outpaint_cli.runtime import Session
from outpaint_hub.contracts import picture_and_mask, side
from outpaint_hub.mirror import with_context

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]

RIM = 64
"""Pixels of mirrored context, of 512."""


class _Published:
    """What both have in common: one picture at a time, square, any mask."""

    def __init__(self, ref: ModelRef, ctx: Context, max_unknown: float) -> None:
        if ref.path is None:
            raise ModelError(f"model '{ref.name}' has no file")
        self._session = Session(ref.path, ctx.device, ctx.threads)
        try:
            self._image, self._mask = picture_and_mask(self._session.description)
            size = side(self._session.description)
        except ValueError as error:
            raise ModelError(f"{ref.path.name}: is not of the kind it should be: {error}") from error
        self.spec = FillSpec(Fixed(size, size), AnyMask(), max_unknown, 1)
        self.device: str = self._session.device

    def fill(self, images: Floats, known: Bools, ctx: Context) -> Floats:
        """Images float32 (N, S, S, 3) sRGB 0..1, known bool (N, S, S): the same shape, known pixels as given."""
        out = images.copy()
        for image, mask, result in zip(images, known, out, strict=True):
            ctx.check()
            if not mask.all():
                result[~mask] = self.imagine(image, mask, ctx.options)[~mask]
        return out

    def imagine(self, image: Floats, known: Bools, options: Mapping[str, str]) -> Floats:
        """One picture (S, S, 3) with all that the network makes of it."""
        raise NotImplementedError


class Lama(_Published):
    """LaMa, Suvorov et al. 2022 (Resolution-robust large mask inpainting with Fourier convolutions).

    Its authors call it weak where a hole has context on one side only; there it gets mirrored context on the
    other (``-O hub.mirror``). ``white`` is what its output calls white: 255, or 1 for other exports.
    """

    def __init__(self, ref: ModelRef, ctx: Context, white: float = 255.0) -> None:
        super().__init__(ref, ctx, max_unknown=0.5)
        self._white = np.float32(white)
        _rim(ctx.options)

    def imagine(self, image: Floats, known: Bools, options: Mapping[str, str]) -> Floats:
        """In: RGB 0..1 with 0 in the hole, mask 1 = hole."""
        framed = with_context(image, known, round(_rim(options) * image.shape[0] / 512))
        inputs = {
            self._image: np.ascontiguousarray(framed.image.transpose(2, 0, 1)[None], np.float32),
            self._mask: (~framed.known)[None, None].astype(np.float32),
        }
        filled = np.asarray(self._session.run(inputs)[0][0], np.float32).transpose(1, 2, 0)
        return np.clip(framed.back(filled / self._white), 0, 1)


class Migan(_Published):
    """MI-GAN, Sargsyan et al. 2023 (MI-GAN: a simple baseline for image inpainting on mobile devices).

    The published pipeline cuts out the hole's bounding box with 128 pixels around and squeezes that into a
    square of 512, whatever its shape. Two corner pixels that are called hole make the whole canvas, which is
    such a square, the bounding box: it then comes through as it is.
    """

    def __init__(self, ref: ModelRef, ctx: Context) -> None:
        super().__init__(ref, ctx, max_unknown=0.6)

    def imagine(self, image: Floats, known: Bools, options: Mapping[str, str]) -> Floats:
        """In: RGB 0..255, mask 255 = known."""
        mask = known.astype(np.uint8) * np.uint8(255)
        mask[0, 0] = mask[-1, -1] = 0
        pixels = np.round(np.clip(image, 0, 1) * 255).astype(np.uint8)
        inputs = {
            self._image: np.ascontiguousarray(pixels.transpose(2, 0, 1)[None]),
            self._mask: mask[None, None],
        }
        filled = np.asarray(self._session.run(inputs)[0][0], np.float32).transpose(1, 2, 0)
        return filled / np.float32(255)


def _rim(options: Mapping[str, str]) -> int:
    text = options.get("mirror", str(RIM))
    if not text.isdecimal() or int(text) > 160:
        raise UsageError(f"-O hub.mirror={text}: give pixels from 0 to 160, of the 512 that the network sees")
    return int(text)
