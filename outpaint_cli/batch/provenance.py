"""What an output says of its making: that part of it is algorithmic, with which model and seed."""

from __future__ import annotations

from dataclasses import dataclass

import outpaint_cli
from outpaint_cli import picture
from outpaint_cli.batch.engines import Engines
from outpaint_cli.batch.kinds import Made
from outpaint_cli.batch.settings import Task
from outpaint_cli.plugin import ModelRef

VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"
TRAINED = "compositeWithTrainedAlgorithmicMedia"
"""IPTC: augmentation, correction or enhancement using a generative AI model, as by inpainting or outpainting."""
UNTRAINED = "algorithmicallyEnhanced"
"""IPTC: modification by algorithm without changing the main content. Nothing in IPTC's list says "composite" of
elements that no generative model made: compositeSynthetic means generative AI."""
STRONGER = (TRAINED, "trainedAlgorithmicMedia", "compositeSynthetic")
"""What stays true of a picture whatever an untrained method does to it later."""


@dataclass(frozen=True)
class Provenance:
    """Who made the new pixels. ``trained`` says that a trained model took part; ``model`` may be ""."""

    model: str
    revision: str
    harmonizer: str
    seed: int
    variant: int
    trained: bool

    @classmethod
    def of(cls, engines: Engines, ref: ModelRef | None, seed: int, task: Task) -> Provenance:
        """That of an output of this run."""
        weights = ref is not None and ref.path is not None
        trained = bool(getattr(engines.filler, "trained", weights))
        trained = trained or bool(getattr(engines.harmonizer, "trained", False))
        name, revision = (ref.name, ref.revision) if ref else ("", "")
        return cls(name, revision, engines.harmonize, seed, task.variant, trained)

    def packet(self, existing: bytes | None, made: Made, *, keep: bool = True) -> bytes:
        """The XMP of what was ``made`` of a photo with ``existing`` XMP, the rest of which may be kept."""
        if not made.generated:
            return plain_packet(existing, made, keep=keep)
        size, extra = (made.picture.width, made.picture.height), {**made.properties, **self.ours(existing)}
        return picture.photo_xmp(existing, made.photo, size, keep=keep, extra=extra, iptc=self.iptc(existing))

    def ours(self, existing: bytes | None) -> dict[str, str]:
        """Properties of our namespace; a run without a model keeps what ``existing`` XMP says of the guess's."""
        found = {"Tool": f"outpaint {outpaint_cli.__version__}", "Seed": str(self.seed)}
        if self.model:
            found |= {"Model": self.model, "ModelRevision": self.revision}
        else:
            before = picture.photo_properties(existing)
            found |= {name: before[name] for name in ("Model", "ModelRevision") if name in before}
        if self.harmonizer != "none":
            found["Harmonizer"] = self.harmonizer
        if self.variant:
            found["Variant"] = str(self.variant)
        return {name: value for name, value in found.items() if value}

    def iptc(self, existing: bytes | None) -> dict[str, str]:
        """IPTC extension properties; ``existing`` XMP that says generative AI is not talked down."""
        before = picture.iptc_properties(existing)
        kind = before.get("DigitalSourceType", "").rpartition("/")[2]
        if not self.trained and kind in STRONGER:
            return before
        if not self.trained:
            return {"DigitalSourceType": VOCABULARY + UNTRAINED}
        model = f" ({' '.join(filter(None, (self.model, self.revision)))})" if self.model else ""
        return {
            "DigitalSourceType": VOCABULARY + TRAINED,
            "AISystemUsed": f"outpaint{model}",
            "AISystemVersionUsed": outpaint_cli.__version__,
        }


def plain_packet(existing: bytes | None, made: Made, *, keep: bool = True) -> bytes:
    """As :meth:`Provenance.packet`, but with the photo's place and nothing of the making."""
    size = made.picture.width, made.picture.height
    return picture.photo_xmp(existing, made.photo, size, keep=keep, extra=made.properties)
