"""Feature networks for perceptual and style losses: VGG16 by default, MobileNetV2 as the light one.

Both take pictures (N, 3, H, W) in 0..1 and return a few feature maps, the finest first. A file is recognised
by its keys. Weights are never trained.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from outpaint_cli.plugin import HubFile, ModelError, UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float32]

VGG_CONVS = (0, 2, 5, 7, 10, 12, 14)  # up to pool3
VGG_POOLED_AFTER = (2, 7, 14)
MOBILENET_STAGES = (  # expansion, channels, blocks, stride: Sandler et al. 2018 (arXiv 1801.04381, table 2)
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
)
MOBILENET_TAPS = (24, 32, 64, 96)  # 1/4, 1/8, 1/16, 1/16


class VGG16(nn.Module):
    """pool1, pool2 and pool3 of VGG16 (arXiv 1409.1556), as Liu et al. 2018 use them."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 64, 64, 128, 128, 256, 256, 256)
        self.features = nn.ModuleDict(
            {
                str(index): nn.Conv2d(a, b, 3, padding=1)
                for index, a, b in zip(VGG_CONVS, widths, widths[1:], strict=False)
            }
        )
        self.register_buffer("mean", torch.tensor((0.485, 0.456, 0.406)).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor((0.229, 0.224, 0.225)).view(3, 1, 1), persistent=False)

    def forward(self, picture: Tensor) -> list[Tensor]:
        """Three maps (N, 64, H/2, W/2), (N, 128, H/4, W/4), (N, 256, H/8, W/8)."""
        x = (picture - self.get_buffer("mean")) / self.get_buffer("std")
        maps = []
        for index in VGG_CONVS:
            x = F.relu(self.features[str(index)](x))
            if index in VGG_POOLED_AFTER:
                x = F.max_pool2d(x, 2)
                maps.append(x)
        return maps


class MobileNetV2(nn.Module):
    """MobileNetV2 1.0 up to 96 channels, BatchNorm folded into the convolutions (arXiv 1801.04381)."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 32, 3, 2)
        self.blocks = nn.ModuleList()
        self.taps: list[int] = []
        before = 32
        for expansion, channels, count, stride in MOBILENET_STAGES:
            for number in range(count):
                self.blocks.append(_Inverted(before, channels, expansion, stride if number == 0 else 1))
                before = channels
            if channels in MOBILENET_TAPS:
                self.taps.append(len(self.blocks) - 1)

    def forward(self, picture: Tensor) -> list[Tensor]:
        """Four maps: 24 channels at 1/4, 32 at 1/8, 64 and 96 at 1/16."""
        x = F.relu6(self.stem(_pad_same(picture * 2 - 1, 3, 2)))
        maps = []
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number in self.taps:
                maps.append(x)
        return maps


class _Inverted(nn.Module):
    """Expand, filter each channel, project; added to its input where the shapes allow."""

    def __init__(self, before: int, after: int, expansion: int, stride: int) -> None:
        super().__init__()
        inner = before * expansion
        self.expand = nn.Conv2d(before, inner, 1) if expansion != 1 else None
        self.depthwise = nn.Conv2d(inner, inner, 3, stride, groups=inner)
        self.project = nn.Conv2d(inner, after, 1)
        self.stride, self.residual = stride, stride == 1 and before == after

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.expand is None else F.relu6(self.expand(x))
        y = F.relu6(self.depthwise(_pad_same(y, 3, self.stride)))
        z: Tensor = self.project(y)
        return x + z if self.residual else z


def _pad_same(x: Tensor, kernel: int, stride: int) -> Tensor:
    """TensorFlow's SAME padding: the smaller half before."""
    height, width = (max((-(-n // stride) - 1) * stride + kernel - n, 0) for n in x.shape[-2:])
    return F.pad(x, (width // 2, width - width // 2, height // 2, height - height // 2))


def load_features(reference: str = "", offline: bool = False) -> nn.Module:
    """A frozen feature network: from a safetensors file, or VGG16 from the Hub for "" and "vgg16".

    Raises UsageError when the file is not there, ModelError when it can't be read, is no known network, or
    the Hub does not give it.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = _fetch_vgg(offline) if reference in ("", "vgg16") else Path(reference)
    if not path.is_file():
        raise UsageError(f"--perceptual {reference}: there is no such file")
    try:
        state = load_file(path)
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path.name}: not a readable safetensors file ({error})") from error
    network = recognise(state)
    if network is None:
        raise ModelError(f"{path.name}: neither VGG16 (features.0.weight) nor MobileNetV2 (stem.weight)")
    return network


def recognise(state: Mapping[str, Tensor]) -> nn.Module | None:
    """The feature network whose weights ``state`` holds (more keys may be there), or None."""
    for make in (VGG16, MobileNetV2):
        network = make()
        wanted = network.state_dict()
        if all(key in state and state[key].shape == tensor.shape for key, tensor in wanted.items()):
            network.load_state_dict({key: state[key].float() for key in wanted})
            return network.eval().requires_grad_(False)
    return None


def numpy_features(network: nn.Module) -> Callable[[Floats], Sequence[Floats]]:
    """``network`` as the callable that :func:`outpaint_cli.metrics.scores` takes: arrays in, arrays out."""

    def features(pictures: Floats) -> list[Floats]:
        with torch.inference_mode():
            batch = torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)))
            return [found.float().numpy() for found in network(batch)]

    return features


def _fetch_vgg(offline: bool) -> Path:
    from outpaint_cli import hub

    assert isinstance(hub.VGG16.source, HubFile)
    what = "VGG16, the perceptual network"
    return hub.fetch(hub.VGG16.source, what, hub.Wanted(sha256=hub.VGG16.sha256), offline=offline).path
