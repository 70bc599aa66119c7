"""The leaner context encoder: a U-Net that corrects a pyramid fill of the known pixels.

After van Hoorick 2019 (arXiv 1912.10960, section 3): an encoder-decoder that sees the whole photo and
imagines what lies around it. Unlike the paper's generator it is fully convolutional, knows from a fourth
channel which pixels are unknown, and starts from a smooth fill, so that colour and light go on across the
photo's edge before anything has been learned.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from outpaint_cli.training.blocks import ResidualBlock
from outpaint_cli.training.pyramid import pyramid_fill


@dataclass(frozen=True)
class UNetConfig:
    """Widths of the levels at 1/2, 1/4, 1/8, 1/16 and 1/32 of the working size, and blocks a level."""

    widths: tuple[int, ...] = (32, 64, 128, 192, 224)
    blocks: tuple[int, ...] = (1, 1, 1, 2, 1)
    rim: int = 16  # channels of the full-resolution layers at the end

    def as_dict(self) -> dict[str, object]:
        """The fields as plain JSON values."""
        return {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self).items()}


class ContextUNet(nn.Module):
    """RGB with holes and its mask in, the whole picture out; any H and W that are multiples of 32."""

    def __init__(self, config: UNetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or UNetConfig()
        widths = config.widths
        self.down = nn.ModuleList()
        self.encode = nn.ModuleList()
        self.up = nn.ModuleList()
        self.decode = nn.ModuleList()
        before = 4
        for width, count in zip(widths, config.blocks, strict=True):
            size = 5 if before == 4 else 3
            self.down.append(
                nn.Sequential(
                    nn.Conv2d(before, width, size, stride=2, padding=size // 2, bias=False),
                    nn.BatchNorm2d(width),
                    nn.LeakyReLU(0.1),
                )
            )
            self.encode.append(nn.Sequential(*(ResidualBlock(width) for _ in range(count))))
            before = width
        for coarse, fine in zip(widths[:0:-1], widths[-2::-1], strict=True):
            self.up.append(
                nn.Sequential(
                    nn.Conv2d(coarse + fine, fine, 1, bias=False), nn.BatchNorm2d(fine), nn.LeakyReLU(0.1)
                )
            )
            self.decode.append(ResidualBlock(fine))
        self.rim = nn.Conv2d(widths[0] + 4, config.rim, 3, padding=1)
        self.last = nn.Conv2d(config.rim, 3, 3, padding=1)
        nn.init.normal_(self.last.weight, 0, 1e-3)
        if self.last.bias is not None:
            nn.init.zeros_(self.last.bias)

    def forward(self, image: Tensor, known: Tensor) -> Tensor:
        """``image`` (N, 3, H, W) in 0..1 and ``known`` (N, 1, H, W) of 0 and 1: the picture (N, 3, H, W).

        The result is not clipped: values may overshoot 0..1 a little. What unknown pixels of ``image``
        hold has no influence.
        """
        filled = pyramid_fill(image, known)
        x = first = torch.cat((filled - 0.5, known), 1)
        skips = []
        for down, encode in zip(self.down, self.encode, strict=True):
            x = encode(down(x))
            skips.append(x)
        for up, decode, skip in zip(self.up, self.decode, skips[-2::-1], strict=True):
            x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = decode(up(torch.cat((x, skip), 1)))
        x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
        x = F.leaky_relu(self.rim(torch.cat((x, first), 1)), 0.1)
        picture: Tensor = filled + self.last(x).float()
        return picture
