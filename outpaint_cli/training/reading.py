"""Checkpoint files read safely: nothing in them is ever run."""

from __future__ import annotations

import pickle
import warnings
import zipfile
from pathlib import Path
from typing import Any

from outpaint_cli.plugin import ModelError, UsageError


def load_checkpoint(path: Path) -> Any:
    """What a PyTorch or safetensors checkpoint holds: tensors, numbers, strings, lists and dicts.

    Raises UsageError when there is no such file, ModelError when it is neither, is damaged, or holds Python
    objects, which could run code when loaded.
    """
    if not path.is_file():
        raise UsageError(f"{path}: there is no such checkpoint")
    if path.suffix == ".onnx":
        raise ModelError(
            f"{path}: an ONNX file, whose layers have been folded into each other; give the checkpoint it was "
            "made of (a training run keeps it as last.safetensors)"
        )
    if _is_safetensors(path):
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except SafetensorError as error:
            raise ModelError(f"{path}: a damaged safetensors file ({error})") from error
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about old formats; they are still read safely
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        if zipfile.is_zipfile(path) or ("weights_only" in str(error).lower() and _is_pickle(path)):
            raise ModelError(
                f"{path}: refused, because it holds Python objects, which could run code when loaded; only "
                "plain tensors are read: save its state_dict() alone"
            ) from error
        raise ModelError(f"{path}: not a PyTorch or safetensors checkpoint") from error
    except Exception as error:  # torch.load meets damage with RuntimeError, EOFError, KeyError and others
        first = " ".join(str(error).split())[:120]
        raise ModelError(f"{path}: not a readable checkpoint ({type(error).__name__}: {first})") from error


def _is_safetensors(path: Path) -> bool:
    """Eight bytes of header length, then JSON."""
    with path.open("rb") as file:
        start = file.read(9)
    return len(start) == 9 and start[8:] == b"{" and int.from_bytes(start[:8], "little") < path.stat().st_size


def _is_pickle(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(1) == pickle.PROTO
