"""Checkpoint layouts by the names of the functions that read and export them: PyTorch is imported on use."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from outpaint_cli.plugin import CheckpointLayout


def layout(name: str, summary: str, read: str, export: str) -> CheckpointLayout:
    """A layout whose ``read`` and ``export`` are given as "package.module:function".

    ``read(loaded)`` returns the network that the loaded object holds, or None; ``export(network, path, fp16)``
    writes it as ONNX and returns the largest difference to PyTorch.
    """

    def recognises(loaded: Any) -> bool:
        return _named(read)(loaded) is not None

    def convert(loaded: Any, path: Path, fp16: bool) -> float:
        network = _named(read)(loaded)
        assert network is not None
        return float(_named(export)(network, path, fp16))

    return CheckpointLayout(name, summary, recognises, convert)


def _named(function: str) -> Any:
    module, _, name = function.partition(":")
    return getattr(import_module(module), name)
