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
    """What ``outpaint train context-encoder`` trains."""
    from outpaint_context_encoder import train

    return train.make_task(options, device, progress)


def is_paper(loaded: Any) -> bool:
    """Whether ``loaded`` is a generator in the published layout."""
    from outpaint_context_encoder.checkpoint import read_paper

    return read_paper(loaded) is not None


def convert_paper(loaded: Any, path: Path, fp16: bool) -> float:
    """Write it as ONNX; the largest difference to PyTorch comes back."""
    from outpaint_context_encoder.checkpoint import read_paper
    from outpaint_context_encoder.export import export_paper

    network = read_paper(loaded)
    assert network is not None
    return export_paper(network, path, fp16)


def is_unet(loaded: Any) -> bool:
    """Whether ``loaded`` holds our network, bare or within the state of a training run."""
    from outpaint_context_encoder.checkpoint import read_unet

    return read_unet(loaded) is not None


def convert_unet(loaded: Any, path: Path, fp16: bool) -> float:
    """Write it as ONNX; the largest difference to PyTorch comes back."""
    from outpaint_context_encoder.checkpoint import read_unet
    from outpaint_context_encoder.export import export_unet

    network = read_unet(loaded)
    assert network is not None
    return export_unet(network, path, fp16)


def is_critic(loaded: Any) -> bool:
    """Whether ``loaded`` is the discriminator in the published layout."""
    from outpaint_context_encoder.checkpoint import read_critic

    return read_critic(loaded) is not None


def convert_critic(loaded: Any, path: Path, fp16: bool) -> float:
    """Write it as ONNX, for ``outpaint evaluate --discriminator``; the largest difference to PyTorch."""
    from outpaint_context_encoder.checkpoint import read_critic
    from outpaint_context_encoder.export import export_critic

    network = read_critic(loaded)
    assert network is not None
    return export_critic(network, path, fp16)


TRAINERS = {"context-encoder": make_task}

LAYOUTS = (
    CheckpointLayout(
        "van-hoorick-2019",
        "generator of basilevh/image-outpainting (model.0.weight ... model.30.bias), also with module.",
        is_paper,
        convert_paper,
    ),
    CheckpointLayout(
        "van-hoorick-2019-discriminator",
        "discriminator of the same (model.0.weight ... model.11.bias), for evaluate --discriminator",
        is_critic,
        convert_critic,
    ),
    CheckpointLayout(
        "context-unet",
        "outpaint's own context encoder (down.0.0.weight ... last.bias), bare or a training state",
        is_unet,
        convert_unet,
    ),
)

OPTIONS = (
    PluginOption("network", "the network to train", "unet", ("unet", "paper")),
    PluginOption("widths", "channels of the levels of unet", "32,64,128,192,224"),
    PluginOption("blocks", "residual blocks of the levels of unet", "1,1,1,2,1"),
    PluginOption("perceptual", "weight of the perceptual loss in --loss full", "0.15"),
    PluginOption("style", "weight of the style loss in --loss full", "0.05"),
    PluginOption("adversarial", "weight of the adversarial loss in --loss full", "0.01"),
)
