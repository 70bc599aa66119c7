"""The partial convolution networks as self-describing ONNX files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from outpaint_cli.training.export import Port, export_onnx, fold_batchnorm
from outpaint_pconv.layers import PartialConv2d
from outpaint_pconv.network import LeanPConv
from outpaint_pconv.paper import PaperPConv

SCHEMA = "1"
PLUGIN = "pconv"
LEAN, PAPER = "pconv-lean", "liu-2018"
SIZE = 256  # pixels: the longest side the weights were trained for
MAX_UNKNOWN = 0.6  # the largest class of holes


def export(
    network: LeanPConv | PaperPConv,
    path: Path,
    fp16: bool = False,
    training: Mapping[str, Any] | None = None,
    licence: str = "",
) -> float:
    """Write ``network``: ``image`` (N, 3, H, W) in 0..1 and ``known`` (N, 1, H, W) in, ``picture`` out.

    N, H and W are free, H and W multiples of the network's own; ``picture`` is not clipped. BatchNorm and
    the published normalisation are folded into the weights. The largest difference to PyTorch comes back;
    raises ModelError when it is above 1e-3.
    """
    lean = isinstance(network, LeanPConv)
    config = network.config
    plain = fold_batchnorm(network)
    for module in plain.modules():
        if isinstance(module, PartialConv2d):
            module.absorb()
    k = config.multiple
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(2, 3, 2 * k, 3 * k, generator=generator)
    known = torch.zeros(2, 1, 2 * k, 3 * k)
    known[..., k // 3 :, k // 2 : 2 * k] = 1
    known[..., k : k + k // 4, k:] = 0
    spec = {
        "size": {"multiple": k, "min": k, "max": SIZE} if lean else {"height": SIZE, "width": SIZE},
        "known": "any",
        "max_unknown": MAX_UNKNOWN,
        "max_batch": 8,
    }
    metadata = {
        "outpaint.schema": SCHEMA,
        "outpaint.plugin": PLUGIN,
        "outpaint.network": LEAN if lean else PAPER,
        "outpaint.fill_spec": json.dumps(spec),
        "outpaint.range": "0..1",
        "outpaint.mask": "1 = known",
        "outpaint.config": json.dumps(config.as_dict()),
        "outpaint.training": json.dumps(training or {}),
        "outpaint.licence": licence,
    }
    free = {0: "N", 2: "H", 3: "W"}
    ports = (Port("image", free), Port("known", free))
    return export_onnx(plain, (image, known), ports, "picture", path, metadata, fp16)
