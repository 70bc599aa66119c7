"""The published checkpoint layout: through convert and onnxruntime as through an independent computation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="converting needs PyTorch")
pytest.importorskip("onnxscript", reason="converting needs onnxscript")
onnxruntime = pytest.importorskip("onnxruntime")

import torch.nn.functional as F  # noqa: E402
from outpaint_pconv.checkpoint import paper_config, plain, read_paper  # noqa: E402

from outpaint_cli.commands.convert import convert  # noqa: E402
from outpaint_cli.plugin import ModelError  # noqa: E402

SMALL = (6, 8, 10, 9)
PUBLISHED = (64, 128, 256, 512, 512, 512, 512)
KERNELS = (7, 5, 5, 3, 3, 3, 3)

pytestmark = pytest.mark.usefixtures("only_this_plugin")


def random_state(widths: tuple[int, ...], seed: int = 0) -> dict[str, torch.Tensor]:
    """Random weights under the published names, written down from the published description alone."""
    generator = torch.Generator().manual_seed(seed)
    state: dict[str, torch.Tensor] = {}

    def conv(name: str, inputs: int, outputs: int, kernel: int, bias: bool = False):
        # the division by sum(M) alone makes outputs k k C times smaller, which BatchNorm undoes
        shape = (outputs, inputs, kernel, kernel)
        gain = inputs * kernel * kernel if bias else 1
        state[f"{name}.conv.input_conv.weight"] = gain * torch.randn(shape, generator=generator) * 0.1
        state[f"{name}.conv.mask_conv.weight"] = torch.ones(shape)
        if bias:
            state[f"{name}.conv.input_conv.bias"] = torch.randn(outputs, generator=generator) * 0.1

    def norm(name: str, width: int, inputs: int, kernel: int):
        deviation = 0.1 / (inputs * kernel * kernel) ** 0.5
        state[f"{name}.bn.weight"] = 1 + 0.2 * torch.randn(width, generator=generator)
        state[f"{name}.bn.bias"] = 0.2 * torch.randn(width, generator=generator)
        state[f"{name}.bn.running_mean"] = 0.3 * deviation * torch.randn(width, generator=generator)
        state[f"{name}.bn.running_var"] = deviation**2 * (0.5 + torch.rand(width, generator=generator))
        state[f"{name}.bn.num_batches_tracked"] = torch.tensor(7)

    before = 3
    for level, (width, kernel) in enumerate(zip(widths, KERNELS, strict=False), 1):
        conv(f"enc_{level}", before, width, kernel)
        if level > 1:
            norm(f"enc_{level}", width, before, kernel)
        before = width
    for level in range(len(widths), 1, -1):
        fine = widths[level - 2]
        conv(f"dec_{level}", before + fine, fine, 3)
        norm(f"dec_{level}", fine, before + fine, 3)
        before = fine
    conv("dec_1", before + 3, 3, 3, bias=True)
    return state


def reference(state: dict[str, torch.Tensor], image: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """The published network with plain functions and a mask for every channel, as its repository has it."""
    levels = max(int(key[4]) for key in state if key.startswith("enc_"))
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)

    def layer(name: str, x, mask, stride: int, slope: float | None):
        weight = state[f"{name}.conv.input_conv.weight"]
        padding = weight.shape[2] // 2
        y = F.conv2d(x * mask, weight, stride=stride, padding=padding)
        total = F.conv2d(mask, state[f"{name}.conv.mask_conv.weight"], stride=stride, padding=padding)
        y = y / total.masked_fill(total == 0, 1)
        if f"{name}.conv.input_conv.bias" in state:
            y = y + state[f"{name}.conv.input_conv.bias"].view(-1, 1, 1)
        y = y.masked_fill(total == 0, 0)
        if f"{name}.bn.weight" in state:
            names = ("running_mean", "running_var", "weight", "bias")
            y = F.batch_norm(y, *(state[f"{name}.bn.{n}"] for n in names), training=False, eps=1e-5)
        return y if slope is None else F.leaky_relu(y, slope), (total > 0).float()

    x, mask = (image - mean) / std, known.expand(-1, 3, -1, -1)
    skips = [(x, mask)]
    for level in range(1, levels + 1):
        x, mask = layer(f"enc_{level}", x, mask, 2, 0.0)
        skips.append((x, mask))
    for level in range(levels, 0, -1):
        x, mask = (F.interpolate(t, scale_factor=2, mode="nearest") for t in (x, mask))
        skip, skip_mask = skips[level - 1]
        x, mask = torch.cat((x, skip), 1), torch.cat((mask, skip_mask), 1)
        x, mask = layer(f"dec_{level}", x, mask, 1, None if level == 1 else 0.2)
    return x * std + mean


def holes(side: int, seed: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    """Two pictures with holes so wide that the first levels don't close them."""
    generator = torch.Generator().manual_seed(seed)
    known = torch.ones(2, 1, side, side)
    known[0, :, side // 8 : -side // 8, side // 3 :] = 0
    known[1, :, : side // 2] = (torch.rand(side // 2, side, generator=generator) > 0.8).float()
    return torch.rand(2, 3, side, side, generator=generator), known


def run(path: Path, image: torch.Tensor, known: torch.Tensor) -> np.ndarray:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["picture"], {"image": image.numpy(), "known": known.numpy()})[0]


def check(widths: tuple[int, ...], side: int, folder: Path) -> None:
    state = random_state(widths)
    torch.save({"model": state, "optimizer": {"state": {}}, "n_iter": 1_000_000}, folder / "any_name.bin")
    convert(folder / "any_name.bin", folder / "g.onnx")
    image, known = holes(side)
    with torch.inference_mode():
        expected = reference(state, image, known)
    assert 0.02 < expected.std() < 2  # neither flat nor so large that a small difference is none
    assert abs(run(folder / "g.onnx", image, known) - expected.numpy()).max() < 1e-4


def test_published_weights_compute_the_same_through_onnx(tmp_path: Path, capsys):
    check(SMALL, 48, tmp_path)
    said = capsys.readouterr()
    assert said.out.strip() == str(tmp_path / "g.onnx")
    assert "liu-2018" in said.err and "differ by at most" in said.err


@pytest.mark.slow
def test_the_published_size(tmp_path: Path):
    check(PUBLISHED, 256, tmp_path)


def test_hyperparameters_are_deduced_from_shapes_alone():
    state, summed = plain(random_state(SMALL))
    found = paper_config(state, summed)
    assert found is not None and (found.widths, found.kernels, found.summed) == (SMALL, KERNELS[:4], True)
    with torch.device("meta"):
        ours, summed = plain(read_paper_state())
    assert not summed and paper_config(ours, summed) is not None


def read_paper_state() -> dict[str, torch.Tensor]:
    """A state dict of our own of the paper's network."""
    from outpaint_pconv.paper import PaperConfig, PaperPConv

    return PaperPConv(PaperConfig(SMALL, KERNELS[:4])).state_dict()


def test_the_papers_network_is_of_the_papers_size():
    from outpaint_pconv.paper import PaperPConv

    with torch.device("meta"):
        shapes = {key: tuple(value.shape) for key, value in PaperPConv().state_dict().items()}
        published = {key: tuple(value.shape) for key, value in plain(random_state(PUBLISHED))[0].items()}
    assert shapes == published
    assert shapes["enc_1.conv.weight"] == (64, 3, 7, 7) and shapes["dec_7.conv.weight"] == (512, 1024, 3, 3)
    assert shapes["dec_4.conv.weight"] == (256, 768, 3, 3) and shapes["dec_1.conv.weight"] == (3, 67, 3, 3)


def test_the_file_describes_itself_and_survives_half_precision(tmp_path: Path):
    """What BatchNorm scales down is folded in before rounding: nothing under- or overflows fp16."""
    state = random_state(SMALL)
    torch.save(state, tmp_path / "g.pt")
    convert(tmp_path / "g.pt", tmp_path / "half.onnx", fp16=True)
    session = onnxruntime.InferenceSession(tmp_path / "half.onnx", providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    assert metadata["outpaint.network"] == "liu-2018" and metadata["outpaint.mask"] == "1 = known"
    assert json.loads(metadata["outpaint.fill_spec"])["known"] == "any"
    values = sum(v.numel() for k, v in state.items() if "mask_conv" not in k)
    assert (tmp_path / "half.onnx").stat().st_size < 2 * values + 40_000
    image, known = holes(48)
    expected = reference(state, image, known)
    error = abs(run(tmp_path / "half.onnx", image, known) - expected.numpy()).max()
    assert error < 0.01 * expected.std()


def test_what_is_not_recognised_is_refused_with_the_known_layouts(tmp_path: Path):
    state = random_state(SMALL)
    state["enc_3.conv.input_conv.weight"] = state["enc_3.conv.input_conv.weight"][:, :-1]
    torch.save({"model": state}, tmp_path / "y.pt")
    with pytest.raises(ModelError, match=r"no known checkpoint layout.*liu-2018.*pconv-lean"):
        convert(tmp_path / "y.pt", tmp_path / "y.onnx")
    assert read_paper({"model": state}) is None
