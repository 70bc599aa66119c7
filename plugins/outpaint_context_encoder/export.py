"""The context encoders as self-describing ONNX files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from outpaint_cli.training.export import Port, export_onnx
from outpaint_context_encoder.network import ContextUNet

SCHEMA = "1"
PLUGIN = "context-encoder"
UNET = "context-unet"
MARGIN = 4  # zero padding shows as a frame in the outermost working pixels
PAPER = "van-hoorick-2019"
CRITIC = "van-hoorick-2019-discriminator"


def export_unet(
    network: ContextUNet,
    path: Path,
    fp16: bool = False,
    training: Mapping[str, Any] | None = None,
    licence: str = "",
    max_size: int = 128,
    max_unknown: float = 0.6,
) -> float:
    """Write our network: ``image`` (N, 3, H, W) in 0..1 and ``known`` (N, 1, H, W) in, ``picture`` out.

    N, H and W are free, H and W multiples of 32; ``picture`` is not clipped. ``max_size`` and ``max_unknown``
    are what the weights were trained for. The largest difference to PyTorch comes back; raises ModelError
    when it is above 1e-3.
    """
    generator = torch.Generator().manual_seed(0)
    image = torch.rand(2, 3, 96, 64, generator=generator)
    known = torch.zeros(2, 1, 96, 64)
    known[..., 17:80, 9:50] = 1
    free = {0: "N", 2: "H", 3: "W"}
    metadata = _metadata(
        UNET,
        {
            "size": {"multiple": 32, "min": 64, "max": max_size},
            "known": "any",
            "max_unknown": max_unknown,
            "max_batch": 8,
            "margin": MARGIN,
        },
        training,
        licence,
    )
    metadata["outpaint.mask"] = "1 = known"
    metadata["outpaint.config"] = json.dumps(network.config.as_dict())
    ports = (Port("image", free), Port("known", free))
    return export_onnx(network, (image, known), ports, "picture", path, metadata, fp16)


def export_paper(
    network: nn.Module,
    path: Path,
    fp16: bool = False,
    training: Mapping[str, Any] | None = None,
    licence: str = "",
    size: int = 192,
) -> float:
    """Write the paper's generator: ``image`` (N, 3, 192, 192), white outside the middle 128, ``picture`` out.

    ``picture`` is tanh, in -1..1: clip it to 0..1. The largest difference to PyTorch comes back; raises
    ModelError when it is above 1e-3.
    """
    generator = torch.Generator().manual_seed(0)
    image = torch.ones(2, 3, size, size)
    margin, side = size // 6, size * 2 // 3
    centre = slice(margin, margin + side)
    image[..., centre, centre] = torch.rand(2, 3, side, side, generator=generator)
    metadata = _metadata(
        PAPER,
        {
            "size": {"height": size, "width": size},
            "known": {"rect": [margin, margin, side, side]},
            "max_unknown": 0.5556,
            "max_batch": 8,
            "margin": MARGIN,
        },
        training,
        licence,
    )
    metadata["outpaint.fill"] = "1.0"
    return export_onnx(network, (image,), (Port("image", {0: "N"}),), "picture", path, metadata, fp16)


def export_critic(network: nn.Module, path: Path, fp16: bool = False) -> float:
    """Write the paper's discriminator: ``picture`` (N, 3, H, W) in 0..1 in, ``verdict`` (N, 1, H/8, W/8) out.

    ``outpaint evaluate --discriminator`` takes it. Raises ModelError when it differs from PyTorch.
    """
    picture = torch.rand(2, 3, 192, 192, generator=torch.Generator().manual_seed(0))
    metadata = {"outpaint.schema": SCHEMA, "outpaint.network": CRITIC, "outpaint.range": "0..1"}
    return export_onnx(
        network, (picture,), (Port("picture", {0: "N", 2: "H", 3: "W"}),), "verdict", path, metadata, fp16
    )


def _metadata(
    network: str, spec: Mapping[str, Any], training: Mapping[str, Any] | None, licence: str
) -> dict[str, str]:
    return {
        "outpaint.schema": SCHEMA,
        "outpaint.plugin": PLUGIN,
        "outpaint.network": network,
        "outpaint.fill_spec": json.dumps(spec),
        "outpaint.range": "0..1",
        "outpaint.training": json.dumps(training or {}),
        "outpaint.licence": licence,
    }
