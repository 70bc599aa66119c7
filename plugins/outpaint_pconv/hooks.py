"""What this plugin offers to train and convert. PyTorch is imported when one of these is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from outpaint_cli.plugin import PluginOption
from outpaint_cli.training.layouts import layout

if TYPE_CHECKING:
    import torch

    from outpaint_cli.training.options import TrainOptions
    from outpaint_cli.training.photos import Progress
    from outpaint_cli.training.task import Task


def make_task(options: TrainOptions, device: torch.device, progress: Progress) -> Task:
    """What ``outpaint train pconv`` trains."""
    from outpaint_pconv import train

    return train.make_task(options, device, progress)


TRAINERS = {"pconv": make_task}

LAYOUTS = (
    layout(
        "liu-2018",
        "U-Net of naoto0804/pytorch-inpainting-with-partial-conv (enc_1.conv.input_conv.weight ... "
        "dec_1.conv.input_conv.bias), or our own training state of it",
        "outpaint_pconv.checkpoint:read_paper",
        "outpaint_pconv.export:export",
    ),
    layout(
        "pconv-lean",
        "outpaint's own partial convolution network (down.0.conv.weight ... last.bias), bare or a training state",
        "outpaint_pconv.checkpoint:read_lean",
        "outpaint_pconv.export:export",
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
