"""The two small networks that say what to expect where the photo ends."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from outpaint_cli.plugin import ModelError

if TYPE_CHECKING:
    from outpaint_cli.runtime import Session

WEIGHTS = Path(__file__).parent / "weights"

MISSING = "patches go by colour alone: to expect texture, install the extra 'cpu' or 'gpu' (onnxruntime)"
"""What is told where there is no onnxruntime."""


@dataclass(frozen=True)
class Networks:
    """What expected.py runs: see network.py for what they were made to do."""

    texture: Session
    affinity: Session


@cache
def networks() -> Networks | None:
    """The bundled networks; None where onnxruntime is missing.

    They take milliseconds: one thread of the processor does, and adds up in the same order everywhere.
    """
    from outpaint_cli.runtime import Session, onnxruntime_module

    try:
        onnxruntime_module()
    except ModelError:
        return None
    return Networks(*(Session(WEIGHTS / f"{name}.onnx", "cpu", 1) for name in ("texture", "affinity")))
