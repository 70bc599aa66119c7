"""How the network that says what belongs where is trained: what is hidden is to be likely, given the photo.

The guess is a mean: where an edge cuts a black table and the rest of the photo is orange, it is brown, and of the
photo's parts the orange is nearest to it. The network tells no mean. It makes every place of the known part more or
less likely to be seen again at a hidden one; with a kernel around each, that is a mixture density (Bishop 1994,
Mixture density networks, equation 22), whose components are what the photo itself has to offer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .modes import shades
from .network import AffinityNet
from .texture import CHANNELS, FINE
from .train import GUESS, MUSH, TRUTH, TextureTask

if TYPE_CHECKING:
    from outpaint_cli.plugin import Floats
    from outpaint_cli.training.task import Batch

ROUGHNESS = 0.25 * (CHANNELS / 3) ** 0.5
"""The kernel's spread in each of the CHANNELS of texture, half decades, which say about as much as three would."""

POOL = 4
"""Cells a side of the places that are compared."""

PLACES = 160
"""Hidden places of each photo that a step looks at."""

STRANGE = -8.0
"""Log-likelihood of what the photo holds nothing like: a person who walks into it is nobody's mistake."""


class AffinityTask(TextureTask):
    """The hidden part's likelihood is made large."""

    kind = "affinity"

    def make(self) -> AffinityNet:
        """A network that has learnt nothing yet."""
        return AffinityNet()

    def truth(self, crop: Floats) -> Floats:
        """Texture and colours (h, w, CHANNELS + 3) of ``crop`` float32 (FINE h, FINE w, 3), in kernel spreads."""
        size = (crop.shape[1] // FINE, crop.shape[0] // FINE)
        small = cv2.resize(crop, size, interpolation=cv2.INTER_AREA)
        parts = (super().truth(crop) / np.float32(ROUGHNESS), shades(small))
        return np.concatenate(parts, -1)

    def _distance(self, network: nn.Module, batch: Batch) -> Tensor:
        embedding = network(batch.picture[:, GUESS], batch.known, batch.picture[:, MUSH])
        places = F.avg_pool2d(embedding, POOL // 2)
        return unlikeliness(
            places, F.avg_pool2d(batch.picture[:, TRUTH.start :], POOL), F.avg_pool2d(batch.known, POOL)
        )

    def validate(self, network: nn.Module) -> Mapping[str, float]:
        """Negative log-likelihood of the hidden part of photos that are not trained on; and if all is as likely."""
        network.eval()
        found: list[float] = []
        blind: list[float] = []
        for sample in self.samples:
            batch = sample.to(self.device)
            for kept, net in ((found, network), (blind, _Blind())):
                with torch.inference_mode(), torch.random.fork_rng():  # the same places, every time
                    torch.manual_seed(0)
                    kept.append(float(self._distance(net, batch)))
        return {"unlikeliness": float(np.mean(found)), "unlikeliness_blind": float(np.mean(blind))}

    def shown(self, batch: Batch, found: Tensor) -> list[Floats]:
        """The embedding's three principal components as colours."""
        flat = found[0].flatten(1).T.cpu()
        _, _, axes = torch.pca_lowrank(flat, 3)
        tones = ((flat - flat.mean(0)) @ axes).reshape(*found.shape[2:], 3).numpy()
        return [0.5 + tones / (6 * tones.std() + 1e-6)]


class _Blind(nn.Module):
    """All is as likely everywhere."""

    def forward(self, guess: Tensor, known: Tensor, texture: Tensor) -> Tensor:
        return guess.new_zeros(len(guess), 1, guess.shape[2] // 2, guess.shape[3] // 2)


def unlikeliness(embedding: Tensor, truth: Tensor, known: Tensor, places: int = PLACES) -> Tensor:
    """Mean negative log-likelihood of the hidden places' truth, in nats; those of a photo's that are drawn.

    ``embedding`` (N, c, h, w), ``truth`` (N, d, h, w) in spreads of the kernel, ``known`` (N, 1, h, w) 0..1. A
    hidden place t holds what is around a known place s with probability exp(-|t - s|^2) / n(s), normalised,
    where n(s) is the share of the photo that is like s: a sky is no likelier for being large, as what is judged
    in the search is one source at a time.
    """
    hidden, of_hidden = _draw(known < 0.01, places)
    shown, of_shown = _draw(known > 0.99, known[0].numel())
    some, of_some = shown[:, :places], of_shown[:, :places]
    wanted, sources = _take(truth, hidden), _take(truth, shown)
    with torch.no_grad():
        count = of_some.sum(1, keepdim=True).clamp(min=1)
        alike = (torch.exp(-0.5 * _apart(sources, _take(truth, some))) * of_some[:, None]).sum(2) / count
        kernel = -0.5 * _apart(wanted, sources)
    likely = -_apart(_take(embedding, hidden), _take(embedding, shown))
    likely = likely - torch.log(alike + 0.3 / count)[:, None]
    likely = likely.masked_fill(~of_shown[:, None], -1e9)
    log = torch.logsumexp(likely + kernel, 2) - torch.logsumexp(likely, 2)
    log = torch.logaddexp(log, log.new_tensor(STRANGE))
    counted = of_hidden & of_shown.any(1, keepdim=True)
    mean: Tensor = -(log * counted).sum() / counted.sum().clamp(min=1)
    return mean


def _draw(of: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """``count`` places (N, n) of each mask (N, 1, h, w), in any order, and which of them are ``of`` it (N, n)."""
    chance = (torch.rand(of.shape, device=of.device) + 1e-3) * of
    found, places = chance.flatten(1).topk(min(count, of[0].numel()), 1)
    return places, found > 0


def _take(planes: Tensor, places: Tensor) -> Tensor:
    """Of ``planes`` (N, c, h, w) those ``places`` (N, n): (N, n, c)."""
    return planes.flatten(2).transpose(1, 2).gather(1, places[..., None].expand(-1, -1, planes.shape[1]))


def _apart(a: Tensor, b: Tensor) -> Tensor:
    """Squared distances (N, n, m) of ``a`` (N, n, c) and ``b`` (N, m, c)."""
    squares = a.square().sum(2)[:, :, None] + b.square().sum(2)[:, None]
    return (squares - 2 * a @ b.transpose(1, 2)).clamp(min=0)
