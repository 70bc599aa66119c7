"""The checkpoints that become a context encoder: recognised by keys and shapes alone.

What comes in is what safe loading gives: dicts of tensors, numbers and strings. Also ONNX files of our own
network, as a start for further training.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from outpaint_cli.plugin import ModelError
from outpaint_cli.training.states import State, count, fits, read
from outpaint_context_encoder.network import ContextUNet, UNetConfig
from outpaint_context_encoder.paper import PaperConfig, PaperDiscriminator, PaperGenerator


def read_unet(loaded: Any) -> ContextUNet | None:
    """Our network, in evaluation mode, if ``loaded`` holds its weights: bare, or within a training state."""
    return read(loaded, _unet)


def read_paper(loaded: Any) -> PaperGenerator | None:
    """The paper's generator, in evaluation mode, if ``loaded`` holds its weights in the published layout."""
    return read(loaded, _paper)


def read_critic(loaded: Any) -> PaperDiscriminator | None:
    """The paper's discriminator, in evaluation mode, if ``loaded`` holds its weights alone."""
    return read(
        loaded, lambda state: (PaperDiscriminator(), state) if fits(PaperDiscriminator, state) else None
    )


def _unet(state: State) -> tuple[ContextUNet, State] | None:
    config = unet_config(state)
    return (ContextUNet(config), state) if config else None


def _paper(state: State) -> tuple[PaperGenerator, State] | None:
    config = paper_config(state)
    return (PaperGenerator(config), state) if config else None


def unet_config(state: State) -> UNetConfig | None:
    """The leaner network's hyperparameters from its parameters' shapes, or None if it isn't one."""
    try:
        levels = count(state, r"down\.(\d+)\.0\.weight")
        config = UNetConfig(
            widths=tuple(int(state[f"down.{i}.0.weight"].shape[0]) for i in range(levels)),
            blocks=tuple(count(state, rf"encode\.{i}\.(\d+)\.conv1\.weight") for i in range(levels)),
            rim=int(state["rim.weight"].shape[0]),
        )
    except (KeyError, IndexError):
        return None
    return config if levels > 1 and fits(lambda: ContextUNet(config), state) else None


def paper_config(state: State) -> PaperConfig | None:
    """The paper's generator's hyperparameters from its parameters' shapes, or None if it isn't one."""
    down: list[int] = []
    up: list[int] = []
    bottleneck = 0
    for index in sorted(int(m[1]) for m in (re.fullmatch(r"model\.(\d+)\.weight", k) for k in state) if m):
        shape = tuple(state[f"model.{index}.weight"].shape)
        if len(shape) != 4:
            continue
        if shape[2:] == (1, 1):
            bottleneck = int(shape[0])
        elif shape[2:] == (4, 4):
            (up if bottleneck else down).append(int(shape[1] if bottleneck else shape[0]))
    config = PaperConfig(tuple(down), bottleneck, tuple(up))
    if not (bottleneck and down and len(down) - 1 <= len(up) <= len(down)):
        return None
    return config if fits(lambda: PaperGenerator(config), state) else None


def read_onnx(path: Path) -> tuple[UNetConfig, dict[str, Tensor]]:
    """Configuration and weights, BatchNorm folded into them, of an ONNX file that we exported.

    Raises ModelError when it is another model.
    """
    import json

    import onnx
    from onnx import numpy_helper

    try:
        model = onnx.load(str(path), load_external_data=False)
    except Exception as error:  # protobuf's DecodeError, which has no type stubs, and OSError
        raise ModelError(f"{path.name}: not a readable ONNX file") from error
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    if metadata.get("outpaint.network") != "context-unet" or "outpaint.config" not in metadata:
        raise ModelError(f"{path.name}: not a context-unet that outpaint exported")
    if metadata.get("outpaint.precision") == "int8":
        raise ModelError(f"{path.name}: its weights are in 8 bits; start from the file that it was made from")
    fields = json.loads(metadata["outpaint.config"])
    config = UNetConfig(tuple(fields["widths"]), tuple(fields["blocks"]), int(fields["rim"]))
    tensors = {i.name: torch.from_numpy(numpy_helper.to_array(i).copy()) for i in model.graph.initializer}
    return config, {name: tensor.float() for name, tensor in tensors.items()}


@torch.no_grad()
def unfold(network: ContextUNet, folded: State, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
    """Give ``network`` weights whose BatchNorm was folded away, and BatchNorm that changes nothing yet.

    The statistics are measured on ``batches`` of pictures and known masks, and scale and shift set such that
    in evaluation the network computes what the folded one did, and in training nearly so.
    Raises ModelError when the weights don't fit.
    """
    norms = dict(_norms(network))
    state = network.state_dict()
    for name, tensor in state.items():
        if name in folded and folded[name].shape == tensor.shape:
            tensor.copy_(folded[name])
        elif any(name.startswith(f"{norm}.") for norm in norms.values()):
            continue
        elif name not in folded and name.endswith(".bias"):
            tensor.zero_()  # the exporter leaves out biases that are zero
        else:
            raise ModelError(f"the weights to start from lack {name}; train without --init")
    sums: dict[str, list[Tensor]] = {}
    hooks = []
    for conv, norm in norms.items():
        layer = network.get_submodule(norm)
        assert isinstance(layer, nn.BatchNorm2d) and layer.running_mean is not None
        assert layer.running_var is not None
        layer.running_mean.zero_()
        layer.running_var.fill_(1 - layer.eps)
        layer.weight.fill_(1)
        layer.bias.copy_(folded.get(f"{conv}.bias", torch.zeros_like(layer.bias)))
        hooks.append(layer.register_forward_pre_hook(_measure(sums.setdefault(norm, []))))
    network.eval()
    for picture, known in batches:
        network(picture, known)
    for hook in hooks:
        hook.remove()
    for norm, moments in sums.items():
        layer = network.get_submodule(norm)
        assert isinstance(layer, nn.BatchNorm2d) and layer.running_mean is not None
        assert layer.running_var is not None
        mean, square = torch.stack(moments).mean(0)
        variance = (square - mean.square()).clamp(min=0)
        layer.running_mean.copy_(mean)
        layer.running_var.copy_(variance)
        layer.weight.copy_((variance + layer.eps).sqrt())
        layer.bias.add_(mean)


# ------------------------------------------------------------------------------------------ small parts


def _measure(into: list[Tensor]) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
    def hook(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        x = inputs[0].float()
        into.append(torch.stack((x.mean((0, 2, 3)), x.square().mean((0, 2, 3)))))

    return hook


def _norms(network: nn.Module) -> Iterable[tuple[str, str]]:
    """Names of every convolution that a BatchNorm follows, with that BatchNorm's."""
    for parent_name, parent in network.named_modules():
        before = ""
        for name, child in parent.named_children():
            full = f"{parent_name}.{name}" if parent_name else name
            if isinstance(child, nn.BatchNorm2d) and before:
                yield before, full
            before = full if isinstance(child, nn.Conv2d) else ""
