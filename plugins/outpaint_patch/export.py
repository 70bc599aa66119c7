"""The networks that say what to expect as ONNX files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from outpaint_cli.training.export import Port, export_onnx

from .network import AffinityNet, TextureNet
from .texture import CHANNELS


def export(
    network: TextureNet | AffinityNet,
    path: Path,
    fp16: bool = False,
    training: Mapping[str, Any] | None = None,
) -> float:
    """Write ``network``: ``guess``, ``known``, ``texture`` in, ``expected`` or ``embedding`` out, as in network.py.

    N, H and W are free, H and W multiples of 16. The largest difference to PyTorch comes back; raises
    ModelError when it is above 1e-3.
    """
    generator = torch.Generator().manual_seed(0)
    guess = torch.rand(2, 3, 96, 64, generator=generator)
    known = torch.zeros(2, 1, 96, 64)
    known[..., 16:80, 10:50] = 1
    texture = torch.rand(2, CHANNELS, 96, 64, generator=generator) * 2 - 2.5
    free = {0: "N", 2: "H", 3: "W"}
    ports = (Port("guess", free), Port("known", free), Port("texture", free))
    kind, result = ("affinity", "embedding") if isinstance(network, AffinityNet) else ("texture", "expected")
    metadata = {
        "outpaint.schema": "1",
        "outpaint.network": f"{kind}-unet",
        "outpaint.range": "0..1",
        "outpaint.mask": "1 = known",
        "outpaint.training": json.dumps(training or {}),
        "outpaint.licence": "Apache-2.0",
    }
    return export_onnx(network, (guess, known, texture), ports, result, path, metadata, fp16)
