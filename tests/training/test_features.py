"""Feature networks: recognised by their keys, and computing what their authors describe."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from outpaint_cli import metrics
from outpaint_cli.plugin import ModelError, UsageError
from outpaint_cli.training.features import VGG16, MobileNetV2, _pad_same, load_features, numpy_features


def test_networks_are_recognised_by_keys_whatever_else_is_there(tmp_path: Path):
    torch.manual_seed(0)
    for make in (VGG16, MobileNetV2):
        state = {k: v.contiguous().half() for k, v in make().state_dict().items()}
        save_file({**state, "head.weight": torch.zeros(3)}, tmp_path / "any.safetensors")
        found = load_features(str(tmp_path / "any.safetensors"))
        assert type(found) is make
        assert not any(p.requires_grad for p in found.parameters())


def test_other_files_are_refused(tmp_path: Path):
    with pytest.raises(UsageError, match="no such file"):
        load_features(str(tmp_path / "none"))
    save_file({"x": torch.zeros(1)}, tmp_path / "x.safetensors")
    with pytest.raises(ModelError, match="neither VGG16"):
        load_features(str(tmp_path / "x.safetensors"))
    (tmp_path / "y.safetensors").write_bytes(b"junk")
    with pytest.raises(ModelError, match="not a readable safetensors file"):
        load_features(str(tmp_path / "y.safetensors"))


def test_vgg_gives_pool_1_to_3():
    torch.manual_seed(0)
    network = VGG16().eval()
    picture = torch.rand(1, 3, 32, 48)
    with torch.no_grad():
        maps = network(picture)
    assert [tuple(m.shape) for m in maps] == [(1, 64, 16, 24), (1, 128, 8, 12), (1, 256, 4, 6)]
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    x = (picture - mean.view(3, 1, 1)) / std.view(3, 1, 1)
    state = network.state_dict()
    for index in (0, 2):
        x = F.relu(F.conv2d(x, state[f"features.{index}.weight"], state[f"features.{index}.bias"], padding=1))
    assert torch.allclose(maps[0], F.max_pool2d(x, 2), atol=1e-5)


def test_mobilenet_taps_and_padding():
    torch.manual_seed(0)
    network = MobileNetV2().eval()
    with torch.no_grad():
        maps = network(torch.rand(1, 3, 50, 64))
    assert [tuple(m.shape[1:]) for m in maps] == [(24, 13, 16), (32, 7, 8), (64, 4, 4), (96, 4, 4)]
    x = torch.rand(1, 1, 8, 7)  # SAME, stride 2: an even side grows after it, an odd one on both sides
    assert torch.equal(_pad_same(x, 3, 2), F.pad(x, (1, 1, 0, 1)))
    assert torch.equal(_pad_same(x, 3, 1), F.pad(x, (1, 1, 1, 1)))


def test_features_serve_the_perceptual_score():
    torch.manual_seed(0)
    features = numpy_features(MobileNetV2().eval())
    rng = np.random.default_rng(0)
    truth = rng.random((64, 64, 3)).astype(np.float32)
    known = np.zeros((64, 64), bool)
    known[16:48, 16:48] = True
    assert metrics.scores(truth, truth, known, features)["perceptual"] == pytest.approx(0, abs=1e-5)
    assert metrics.scores(1 - truth, truth, known, features)["perceptual"] > 0.001
