"""What this plugin offers to train and convert. PyTorch is imported when one of these is called."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from outpaint_cli.plugin import CheckpointLayout, PluginOption

if TYPE_CHECKING:
    import torch

    from outpaint_cli.training.options import TrainOptions
    from outpaint_cli.training.photos import Progress
    from outpaint_cli.training.task import Task


def make_task(options: TrainOptions, device: torch.device, progress: Progress) -> Task:
    """What ``outpaint train pconv`` trains."""
    from outpaint_pconv import train

    return train.make_task(options, device, progress)


def is_paper(loaded: Any) -> bool:
    """Whether ``loaded`` holds the paper's network, in the published layout or our own."""
    from outpaint_pconv.checkpoint import read_paper

    return read_paper(loaded) is not None


def convert_paper(loaded: Any, path: Path, fp16: bool) -> float:
    """Write it as ONNX; the largest difference to PyTorch comes back."""
    from outpaint_pconv.checkpoint import read_paper
    from outpaint_pconv.export import export

    network = read_paper(loaded)
    assert network is not None
    return export(network, path, fp16)


def is_lean(loaded: Any) -> bool:
    """Whether ``loaded`` holds our network, bare or within the state of a training run."""
    from outpaint_pconv.checkpoint import read_lean

    return read_lean(loaded) is not None


def convert_lean(loaded: Any, path: Path, fp16: bool) -> float:
    """Write it as ONNX; the largest difference to PyTorch comes back."""
    from outpaint_pconv.checkpoint import read_lean
    from outpaint_pconv.export import export

    network = read_lean(loaded)
    assert network is not None
    return export(network, path, fp16)


TRAINERS = {"pconv": make_task}

LAYOUTS = (
    CheckpointLayout(
        "liu-2018",
        "U-Net of naoto0804/pytorch-inpainting-with-partial-conv (enc_1.conv.input_conv.weight ... "
        "dec_1.conv.input_conv.bias), or our own training state of it",
        is_paper,
        convert_paper,
    ),
    CheckpointLayout(
        "pconv-lean",
        "outpaint's own partial convolution network (down.0.conv.weight ... last.bias), bare or a training state",
        is_lean,
        convert_lean,
    ),
)

OPTIONS = (
    PluginOption("network", "the network to train", "lean", ("lean", "paper")),
    PluginOption("stage", "2 freezes the encoder's BatchNorm, to fine-tune --init", "1", ("1", "2")),
    PluginOption("widths", "channels of the levels of lean", "32,64,128,192,224,224"),
    PluginOption("blocks", "residual blocks of the levels of lean", "0,1,1,1,1,0"),
    PluginOption("valid", "weight of known pixels in --loss full", "1"),
    PluginOption("hole", "weight of unknown pixels in --loss full", "6"),
    PluginOption("perceptual", "weight of the perceptual terms in --loss full", "0.05"),
    PluginOption("style", "weight of the style terms in --loss full", "120"),
    PluginOption("tv", "weight of total variation in --loss full", "0.1"),
)
