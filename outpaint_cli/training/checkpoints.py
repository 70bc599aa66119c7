"""The state of a run in one safetensors file: weights, averages, optimizers, and a JSON header.

One file, written beside and renamed, so that a kill at any moment leaves either the old state or the new.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from outpaint_cli.plugin import ModelError

HEADER = "outpaint.run"
SCHEMA = 1


def save_state(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Write named tensors and a JSON-able ``header`` to ``path``, whole or not at all."""
    from safetensors.torch import save

    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    metadata = {HEADER: json.dumps({"schema": SCHEMA, **header})}
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("wb") as file:
            file.write(save(plain, metadata))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def load_state(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and header of a file written by :func:`save_state`. Raises ModelError when it is none."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "pt") as file:
            header = json.loads((file.metadata() or {})[HEADER])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise ModelError(f"{path}: not the state of a training run ({error})") from error
    if header.get("schema") != SCHEMA:
        raise ModelError(f"{path}: written by another version of outpaint (schema {header.get('schema')})")
    return tensors, header


def under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose name starts with ``prefix.``, without it."""
    return {
        name.removeprefix(f"{prefix}."): t for name, t in tensors.items() if name.startswith(f"{prefix}.")
    }


def pack_module(prefix: str, module: nn.Module) -> dict[str, Tensor]:
    """A module's parameters and buffers, their names under ``prefix``."""
    return {f"{prefix}.{name}": tensor for name, tensor in module.state_dict().items()}


def pack_optimizer(prefix: str, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """What an optimizer remembers of each parameter, as ``prefix.<parameter's number>.<name>``."""
    state = optimizer.state_dict()["state"]
    return {
        f"{prefix}.{number}.{name}": value
        for number, values in state.items()
        for name, value in values.items()
        if isinstance(value, Tensor)
    }


def unpack_optimizer(prefix: str, optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Put back what :func:`pack_optimizer` took, in each parameter's own memory layout.

    The layout matters: sums over other strides may round differently, and a resumed run is to give the same
    bits as one that was never stopped. Counts of steps go to the GPU where the optimizer keeps them there.
    """
    groups = [(p, group) for group in optimizer.param_groups for p in group["params"]]
    optimizer.state.clear()
    for key, value in under(prefix, tensors).items():
        number, name = key.split(".", 1)
        parameter, group = groups[int(number)]
        if value.shape == parameter.shape:
            value = torch.empty_like(parameter).copy_(value)
        elif group.get("capturable") or group.get("fused"):
            value = value.to(parameter.device)
        optimizer.state[parameter][name] = value.clone()
