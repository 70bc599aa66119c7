"""Weights to start from: whatever form they come in, the network computes what it computed."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch")
pytest.importorskip("onnxscript", reason="export needs onnxscript")

from outpaint_context_encoder.checkpoint import read_onnx, read_unet, unfold  # noqa: E402
from outpaint_context_encoder.export import export_unet  # noqa: E402
from outpaint_context_encoder.network import ContextUNet, UNetConfig  # noqa: E402

from outpaint_cli.plugin import ModelError  # noqa: E402

SMALL = UNetConfig(widths=(8, 12), blocks=(1, 1), rim=4)


def network() -> ContextUNet:
    """A small network whose BatchNorm does something."""
    torch.manual_seed(0)
    net = ContextUNet(SMALL)
    torch.nn.init.normal_(net.last.weight, 0, 0.2)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0, 0.3)
    return net.eval()


def pictures(count: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    known = torch.zeros(count, 1, 32, 64)
    known[..., 5:27, 9:50] = 1
    return torch.rand(count, 3, 32, 64, generator=generator), known


def test_onnx_gives_back_a_network_that_computes_the_same_and_can_be_trained(tmp_path: Path):
    net = network()
    export_unet(net, tmp_path / "net.onnx", fp16=False, licence="CC0-1.0")
    config, folded = read_onnx(tmp_path / "net.onnx")
    again = ContextUNet(config)
    unfold(again, folded, [pictures()])
    with torch.no_grad():
        expected = net(*pictures())
        assert torch.allclose(again.eval()(*pictures()), expected, atol=1e-5)
        # with the batch that the statistics were taken from, training mode computes nearly the same
        assert torch.allclose(again.train()(*pictures()), expected, atol=2e-2)


def test_training_states_hold_the_network_under_several_names():
    net = network()
    state = net.state_dict()
    other = {key: value + 1 for key, value in state.items()}
    prefixed = {f"average.{key}": value for key, value in state.items()}
    for loaded in (
        state,
        {"net": other, "ema": state, "opt": {"lr": 1.0}, "step": 3},
        {**prefixed, **{f"player.network.{key}": value for key, value in other.items()}},
    ):
        found = read_unet(loaded)
        assert found is not None and found.config == SMALL
        assert torch.equal(found.last.weight, net.last.weight)


def test_what_is_no_context_encoder_is_not_recognised():
    state = network().state_dict()
    assert read_unet({**state, "extra": torch.zeros(1)}) is None
    assert read_unet({**state, "rim.weight": torch.zeros(4, 3, 3, 3)}) is None
    assert read_unet({}) is None
    assert read_unet([1, 2]) is None


def test_another_onnx_is_refused(tmp_path: Path):
    (tmp_path / "page.onnx").write_text("<html>")
    with pytest.raises(ModelError, match="not a"):
        read_onnx(tmp_path / "page.onnx")
