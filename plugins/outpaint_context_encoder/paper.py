"""The networks of van Hoorick 2019, Image outpainting and harmonization using GANs (arXiv 1912.10960).

Layer numbers are those of the published checkpoints, so that their state dicts load as they are.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class PaperConfig:
    """Widths going down, of the bottleneck, and going up.

    The older published layout has one layer less going up: what it computes is half the size.
    """

    down: tuple[int, ...] = (64, 64, 128, 256, 512)
    bottleneck: int = 4000
    up: tuple[int, ...] = (512, 256, 128, 64, 64)

    def as_dict(self) -> dict[str, object]:
        """The fields as plain JSON values."""
        return {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self).items()}


NORM_EPS = 0.8  # published so: the second argument of BatchNorm2d, meant as the momentum


class PaperGenerator(nn.Module):
    """Six layers down, six up (section 3.1): 192 pixels, white outside the middle, to the whole picture."""

    def __init__(self, config: PaperConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or PaperConfig()
        layers: list[nn.Module] = []
        before = 3
        for number, width in enumerate(config.down):
            layers.append(nn.Conv2d(before, width, 4, 2, 1))
            if number:
                layers.append(nn.BatchNorm2d(width, NORM_EPS))
            layers.append(nn.LeakyReLU(0.2))
            before = width
        layers.append(nn.Conv2d(before, config.bottleneck, 1))
        before = config.bottleneck
        for width in config.up:
            layers += [nn.ConvTranspose2d(before, width, 4, 2, 1), nn.BatchNorm2d(width, NORM_EPS), nn.ReLU()]
            before = width
        layers += [nn.Conv2d(before, 3, 3, 1, 1), nn.Tanh()]
        self.model = nn.Sequential(*layers)
        self.apply(normal_weights)

    def forward(self, image: Tensor) -> Tensor:
        """``image`` (N, 3, H, W) in 0..1, 1.0 where unknown: the picture (N, 3, H, W), -1..1, to be clipped.

        A network without the extra upsampling computes it at half the size; it is enlarged here.
        """
        picture: Tensor = self.model(image)
        missing = len(self.config.down) - len(self.config.up)
        if missing:
            picture = F.interpolate(picture, scale_factor=2.0**missing, mode="bilinear", align_corners=False)
        return picture


class PaperDiscriminator(nn.Module):
    """Whole-image PatchGAN (section 3.2): (N, 3, H, W) to (N, 1, H/8, W/8), about 1 where it looks real."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for width, stride, norm in ((64, 2, False), (128, 2, True), (256, 2, True), (512, 1, True)):
            layers.append(nn.Conv2d(before, width, 3, stride, 1))
            if norm:
                layers.append(nn.InstanceNorm2d(width))
            layers.append(nn.LeakyReLU(0.2))
            before = width
        layers.append(nn.Conv2d(before, 1, 3, 1, 1))
        self.model = nn.Sequential(*layers)
        self.apply(normal_weights)

    def forward(self, picture: Tensor) -> Tensor:
        """How real each place of ``picture`` (N, 3, H, W) in 0..1 looks."""
        found: Tensor = self.model(picture)
        return found


def normal_weights(module: nn.Module) -> None:
    """The published initial weights: normal(0, 0.02), BatchNorm normal(1, 0.02) with bias 0."""
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1, 0.02)
        nn.init.zeros_(module.bias)
