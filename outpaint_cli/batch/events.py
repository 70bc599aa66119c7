"""What happened to a file: one event an output, and a summary; the JSON lines of docs/cli.md."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from outpaint_cli.plugin import Rect

SCHEMA = 1
Status = Literal["ok", "skipped", "failed", "planned"]


def plain(value: Any) -> Any:
    """``value`` as JSON has it: a plugin's numpy numbers become plain ones, what is not finite null."""
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(part) for part in value]
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return plain(value.tolist()) if hasattr(value, "tolist") else str(value)


@dataclass
class Event:
    """One output's end. ``seconds`` is the time its stages took; ``source`` is where the photo sits.

    ``flagged`` says which scores are off; ``fault`` marks a failure that is the program's own.
    """

    status: Status
    input: str
    output: str | None = None
    width: int = 0
    height: int = 0
    source: Rect | None = None
    model: str = ""
    revision: str = ""
    device: str = ""
    harmonizer: str = "none"
    seed: int = 0
    seconds: float = 0.0
    core_exact: bool = False
    scores: dict[str, float] = field(default_factory=dict)
    info: dict[str, Any] = field(default_factory=dict)
    error: tuple[str, str] | None = None
    flagged: str = ""
    fault: bool = False

    def as_json(self) -> str:
        """One line, keys as promised; what does not apply is null."""
        rect = self.source
        data: dict[str, Any] = {
            "schema": SCHEMA,
            "input": self.input,
            "output": self.output,
            "status": self.status,
            "width": self.width or None,
            "height": self.height or None,
            "source": rect and {"x": rect.x, "y": rect.y, "width": rect.width, "height": rect.height},
            "model": self.model,
            "revision": self.revision,
            "device": self.device,
            "harmonizer": self.harmonizer,
            "seed": self.seed,
            "seconds": round(self.seconds, 4),
            "core_exact": self.core_exact,
            "scores": plain({name: round(value, 5) for name, value in self.scores.items()}),
            "info": plain(self.info),
            "error": self.error and {"type": self.error[0], "message": self.error[1]},
        }
        if self.flagged:
            data["flagged"] = self.flagged
        return json.dumps(data)


@dataclass
class Summary:
    """Counts of a run. ``faults`` counts failures that are the program's own."""

    ok: int = 0
    skipped: int = 0
    failed: int = 0
    planned: int = 0
    flagged: int = 0
    faults: int = 0
    seconds: float = 0.0

    def count(self, event: Event) -> None:
        """Take one event in."""
        setattr(self, event.status, getattr(self, event.status) + 1)
        self.flagged += bool(event.flagged)
        self.faults += event.fault

    def as_json(self) -> str:
        """The last line."""
        rate = self.ok / self.seconds if self.seconds > 0 else 0.0
        data: dict[str, Any] = {
            "schema": SCHEMA,
            "status": "summary",
            "ok": self.ok,
            "skipped": self.skipped,
            "failed": self.failed,
            "seconds": round(self.seconds, 3),
            "images_per_second": round(rate, 3),
        }
        if self.planned:
            data["planned"] = self.planned
        if self.flagged:
            data["flagged"] = self.flagged
        return json.dumps(data)
