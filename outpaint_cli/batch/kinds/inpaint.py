"""inpaint: holes in a photo are filled, at full resolution."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from outpaint_cli import models, picture, registry
from outpaint_cli.batch.discover import Source
from outpaint_cli.batch.kinds import Finish, Made
from outpaint_cli.batch.kinds.place import guess_step, noted_place
from outpaint_cli.batch.masks import SOFT_EDGES, Masks, alpha_mask, read_mask
from outpaint_cli.batch.pixels import mended
from outpaint_cli.batch.settings import Layout, Task
from outpaint_cli.fill import FillSteps, Layer
from outpaint_cli.frame import Frame
from outpaint_cli.holes import Hole, plan_holes
from outpaint_cli.mend import finish_holes, hole_steps, paint_holes
from outpaint_cli.plugin import (
    AnyMask,
    Context,
    Filler,
    FillSpec,
    Harmonizer,
    HubFile,
    OutpaintError,
    PictureError,
    Rect,
    UsageError,
)

if TYPE_CHECKING:
    from outpaint_cli.plugin import Bools, Samples


@dataclass(frozen=True)
class Inpaint:
    """Fill what ``masks`` mark, or, without them, the photo's own transparent pixels."""

    masks: Masks | None
    verb: str = "inpainted"
    doing: str = "inpainting"
    fills: bool = True

    def identity(self) -> list[Any]:
        """The options as plain JSON; the mask's content counts by itself."""
        return ["alpha" if self.masks is None else self.masks.invert]

    def check_inputs(self, sources: list[Source]) -> None:
        """Masks must be findable."""
        if self.masks:
            self.masks.check_inputs(sources)

    def check_filler(self, name: str, filler: Filler) -> None:
        """Raise UsageError for models that can't take a hole inside the photo."""
        if isinstance(filler.spec.known, AnyMask):
            return
        others = " or ".join(_any_mask_models()) or "another one"
        raise UsageError(f"model '{name}' only fills around a photo, not holes in it; use -m {others}")

    def check_harmonizer(self, name: str, harmonizer: Harmonizer) -> None:
        """Any harmonizer will do."""

    def layout(self, source: Source, info: picture.PictureInfo, given: picture.Given) -> Layout:
        """The photo itself; where it is an extended one, its place stays noted. Raises PictureError."""
        frame = Frame(info.width, info.height, Rect(0, 0, info.width, info.height))
        if self.masks is None and not info.has_alpha:
            raise PictureError("it has no transparency that could say where the hole is; give --mask a file")
        mask = self.masks.find(source, info) if self.masks else None
        noted = noted_place(given)
        if noted is None or noted.size != (info.width, info.height):
            return Layout(frame, mask)
        return Layout(replace(frame, photo=noted.rect), mask, noted.scale)

    def work(self, task: Task, photo: picture.Picture, mask: bytes | None) -> Mending | str:
        """The photo and its hole."""
        assert task.layout is not None
        if self.masks is None or mask is None:
            hole, soft = alpha_mask(photo)
        else:
            hole, soft = read_mask(mask, self.masks.invert, photo.width, photo.height)
        name = f"its mask {task.layout.mask}" if task.layout.mask else "its transparency"
        unknown = hole
        if photo.alpha is not None:
            unknown = hole | (photo.alpha == 0)  # colours that nobody sees mean nothing
        if not hole.any():
            return f"{name} marks nothing"
        if unknown.all():
            raise PictureError(
                f"{name} marks all of it, so that nothing is known to fill it from; is it inverted?"
            )
        return Mending(photo, task.layout, hole, unknown, self.masks is None, soft)


@dataclass
class Mending:
    """One photo on its way; ``opaque`` says that the filled hole is to be opaque."""

    photo: picture.Picture
    layout: Layout
    hole: Bools
    unknown: Bools
    opaque: bool
    soft: bool
    seed: int = 0
    variant: int = 0
    spec: FillSpec | None = None
    holes: list[Hole] = field(default_factory=list)

    def ready(self, filler: Filler, seed: int, variant: int) -> None:
        """Plan the windows."""
        self.seed, self.variant, self.spec = seed, variant, filler.spec
        zoom = 1 + 0.5 * float(np.random.default_rng([seed, variant]).random()) if variant else 1.0
        self.holes = plan_holes(self.hole, self.unknown, filler.spec, zoom=zoom)

    def steps(self) -> FillSteps[list[Layer]]:
        """Window by window."""
        assert self.spec is not None
        mirror = self.variant % 2 == 1
        return hole_steps(self._crop, self.unknown, self.holes, self.spec, seed=self.seed, mirror=mirror)

    def _crop(self, part: Rect) -> Samples:
        return picture.to_srgb(self.photo, self.photo.pixels[part.slices()])

    def make(self, guess: Any, seed: int, finish: Finish | None) -> Made:
        """The photo with its hole painted and finished."""
        own = picture.to_srgb(self.photo)
        painted = own.copy()
        paint_holes(painted, self.hole, self.holes, guess, seed=seed)
        if finish is not None:
            finish_holes(painted, self.hole, self.unknown, self.holes, guess, finish)
        known = ~self.hole
        made = mended(self.photo, own, painted, known)
        if self.opaque and made.alpha is not None:
            alpha = made.alpha.copy()
            alpha[self.hole] = np.iinfo(alpha.dtype).max
            made = replace(made, alpha=alpha)
        # What an earlier run noted stays true: where the photo sits, and how coarse the guess around it is.
        properties = guess_step(self.layout.scale)
        return Made(made, painted, lambda: known, self.layout.frame.photo, True, self._info(), properties)

    def _info(self) -> dict[str, Any]:
        info: dict[str, Any] = {"hole": float(self.hole.mean()), "windows": len(self.holes)}
        if self.soft:
            info["mask"] = SOFT_EDGES
        if any(one.crowded for one in self.holes):
            assert self.spec is not None
            most = round(100 * self.spec.max_unknown)
            info["notes"] = [
                f"more is missing than the model was made for (at most {most} %); look at the result"
            ]
        return info


def _any_mask_models() -> list[str]:
    """The models that are here and take any mask; none is fetched for that."""
    names = []
    for name, (_, card) in registry.model_cards().items():
        if isinstance(card.source, HubFile):
            continue
        try:
            filler = models.load(models.resolve(name), Context(device="cpu"))
        except OutpaintError:
            continue
        if isinstance(filler.spec.known, AnyMask):
            names.append(name)
    return names
