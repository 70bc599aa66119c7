"""What the report says of the settings, the model and the machine, as titled lists of names and values."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeAlias

import outpaint_cli
from outpaint_cli import registry
from outpaint_cli.batch.kinds import Kind
from outpaint_cli.batch.settings import Settings
from outpaint_cli.frame import Aspect, Geometry, Pad, Scale, Size
from outpaint_cli.plugin import ModelRef, Rect

Facts: TypeAlias = Mapping[str, str]

LIBRARIES = ("numpy", "opencv-python-headless", "pillow", "onnxruntime", "onnxruntime-gpu", "torch")


def settings_facts(settings: Settings, kind: Kind) -> dict[str, str]:
    """The settings that are not the defaults, and the kind's own."""
    found = {**_differing(kind), **_differing(settings)}
    found.setdefault("seed", str(settings.seed))
    return found


def _differing(values: Any) -> dict[str, str]:
    assert is_dataclass(values)
    found = {}
    for part in fields(values):
        value = getattr(values, part.name)
        if part.name.startswith("_") or part.name in ("verb", "doing", "fills", "score"):
            continue
        if (value != part.default and value not in (None, "", (), {})) or isinstance(value, Geometry):
            found[part.name.replace("_", " ")] = _told(value)
    return found


def _told(value: Any) -> str:
    if isinstance(value, Geometry):
        anchored = f", {value.anchor}" if value.anchor != "center" else ""
        return _told(value.target) + anchored + (", shrunk to fit" if value.fit == "shrink" else "")
    if isinstance(value, Scale):
        return f"{value.factor:g} times"
    if isinstance(value, Size):
        return f"{value.width}x{value.height}"
    if isinstance(value, Aspect):
        return f"{value.width:g}:{value.height:g}"
    if isinstance(value, Pad):
        return ", ".join(f"{side.name} {_length(getattr(value, side.name))}" for side in fields(value))
    if isinstance(value, Rect):
        return f"{value.x},{value.y},{value.width},{value.height}"
    if isinstance(value, Mapping):
        return ", ".join(f"{p}.{name}={v}" for p, own in value.items() for name, v in own.items())
    if isinstance(value, tuple):
        return "/".join(map(str, value)) if all(isinstance(part, int) for part in value) else str(len(value))
    path = getattr(value, "path", None)
    return str(path) if isinstance(path, Path) else str(value)


def _length(value: Any) -> str:
    return f"{value.value:g}{'' if value.unit == 'px' else value.unit}"


def model_facts(ref: ModelRef | None, harmonizer: str, device: str) -> dict[str, str]:
    """The model with its licence and training data, the harmonizer, and where they ran."""
    found: dict[str, str] = {}
    if ref is not None:
        found["model"] = ref.name
        found["revision"] = ref.revision
        plugin, card = registry.model_cards().get(ref.name, (None, None))
        if card is not None and plugin is not None and plugin.name == ref.plugin:
            found |= {"summary": card.summary, "licence": card.licence, "trained on": card.training_data}
        found["plugin"] = next((f.distribution for f in registry.find_plugins() if f.name == ref.plugin), "")
    found |= {"harmonizer": harmonizer, "device": device}
    return {name: value for name, value in found.items() if value}


def machine_facts() -> dict[str, str]:
    """Processor, system and versions; nothing that names the machine or its user."""
    found = {
        "outpaint": outpaint_cli.__version__,
        "system": f"{platform.system()} {platform.release()}",
        "processor": f"{_processor()}, {os.cpu_count() or 1} cores",
        "Python": platform.python_version(),
    }
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    if sys.platform == "linux":
        try:
            lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
        except (OSError, StopIteration):
            pass
    return platform.processor() or platform.machine()
