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
    """What ``outpaint train context-encoder`` trains."""
    from outpaint_context_encoder import train

    return train.make_task(options, device, progress)


TRAINERS = {"context-encoder": make_task}

LAYOUTS = (
    layout(
        "van-hoorick-2019",
        "generator of basilevh/image-outpainting (model.0.weight ... model.30.bias), also with module.",
        "outpaint_context_encoder.checkpoint:read_paper",
        "outpaint_context_encoder.export:export_paper",
    ),
    layout(
        "van-hoorick-2019-discriminator",
        "discriminator of the same (model.0.weight ... model.11.bias), for evaluate --discriminator",
        "outpaint_context_encoder.checkpoint:read_critic",
        "outpaint_context_encoder.export:export_critic",
    ),
    layout(
        "context-unet",
        "outpaint's own context encoder (down.0.0.weight ... last.bias), bare or a training state",
        "outpaint_context_encoder.checkpoint:read_unet",
        "outpaint_context_encoder.export:export_unet",
    ),
)

OPTIONS = (
    PluginOption(
        "precision", "arithmetic of the bundled model: auto is int8 on CPUs", "auto", ("auto", "int8", "full")
    ),
    PluginOption("network", "the network to train", "unet", ("unet", "paper")),
    PluginOption("widths", "channels of the levels of unet", "32,64,128,192,224"),
    PluginOption("blocks", "residual blocks of the levels of unet", "1,1,1,2,1"),
    PluginOption("size", "pixels that paper works at, 192 as published or 96", "192", ("192", "96")),
    PluginOption("width", "channels of paper, as a share of the published ones", "1"),
    PluginOption("perceptual", "weight of the perceptual loss in --loss full", "0.15"),
    PluginOption("style", "weight of the style loss in --loss full", "0.05"),
    PluginOption("adversarial", "weight of the adversarial loss in --loss full", "0.01"),
)
