"""The published checkpoint layout: through convert and onnxruntime as through an independent computation."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="converting needs PyTorch")
pytest.importorskip("onnxscript", reason="converting needs onnxscript")
onnxruntime = pytest.importorskip("onnxruntime")

import torch.nn.functional as F  # noqa: E402
from outpaint_context_encoder.checkpoint import paper_config  # noqa: E402

from outpaint_cli.commands.convert import convert  # noqa: E402
from outpaint_cli.plugin import ModelError, UsageError  # noqa: E402

SMALL = ((6, 5, 8, 7, 9), 21, (9, 8, 7, 6, 5))
PUBLISHED = ((64, 64, 128, 256, 512), 4000, (512, 256, 128, 64, 64))


pytestmark = pytest.mark.usefixtures("only_this_plugin")


def random_state(widths, extra_upsample: bool = True, seed: int = 0) -> dict[str, torch.Tensor]:
    """Random weights under the published names, written down from the published description alone."""
    down, bottleneck, up = widths
    generator = torch.Generator().manual_seed(seed)
    state: dict[str, torch.Tensor] = {}

    def put(index: int, *shape: int, outputs: int):
        fan = np.prod(shape) / outputs
        state[f"model.{index}.weight"] = torch.randn(shape, generator=generator) * (1.5 / fan) ** 0.5
        state[f"model.{index}.bias"] = torch.randn(outputs, generator=generator) * 0.1

    def norm(index: int, width: int):
        state[f"model.{index}.weight"] = 1 + 0.2 * torch.randn(width, generator=generator)
        state[f"model.{index}.bias"] = 0.2 * torch.randn(width, generator=generator)
        state[f"model.{index}.running_mean"] = 0.3 * torch.randn(width, generator=generator)
        state[f"model.{index}.running_var"] = 0.5 + torch.rand(width, generator=generator)
        state[f"model.{index}.num_batches_tracked"] = torch.tensor(7)

    put(0, down[0], 3, 4, 4, outputs=down[0])
    for index, before, width in zip((2, 5, 8, 11), down, down[1:], strict=False):
        put(index, width, before, 4, 4, outputs=width)
        norm(index + 1, width)
    put(14, bottleneck, down[-1], 1, 1, outputs=bottleneck)
    before = bottleneck
    ups = up if extra_upsample else up[:-1]
    for index, width in zip((15, 18, 21, 24, 27), ups, strict=False):
        put(index, before, width, 4, 4, outputs=width)
        norm(index + 1, width)
        before = width
    put(30 if extra_upsample else 27, 3, before, 3, 3, outputs=3)
    return state


def reference(state: dict[str, torch.Tensor], image: torch.Tensor, extra_upsample: bool) -> torch.Tensor:
    """The published generator with plain functions, layer by layer."""

    def norm(x: torch.Tensor, i: int) -> torch.Tensor:
        mean, var = state[f"model.{i}.running_mean"], state[f"model.{i}.running_var"]
        scale = state[f"model.{i}.weight"] / torch.sqrt(var + 0.8)
        shift = state[f"model.{i}.bias"] - mean * scale
        return x * scale[:, None, None] + shift[:, None, None]

    def w(i: int):
        return state[f"model.{i}.weight"], state[f"model.{i}.bias"]

    x = F.leaky_relu(F.conv2d(image, *w(0), stride=2, padding=1), 0.2)
    for i in (2, 5, 8, 11):
        x = F.leaky_relu(norm(F.conv2d(x, *w(i), stride=2, padding=1), i + 1), 0.2)
    x = F.conv2d(x, *w(14))
    for i in (15, 18, 21, 24, 27) if extra_upsample else (15, 18, 21, 24):
        x = torch.relu(norm(F.conv_transpose2d(x, *w(i), stride=2, padding=1), i + 1))
    return torch.tanh(F.conv2d(x, *w(30 if extra_upsample else 27), padding=1))


def white_outside(count: int, seed: int = 3) -> torch.Tensor:
    image = torch.ones(count, 3, 192, 192)
    image[..., 32:160, 32:160] = torch.rand(count, 3, 128, 128, generator=torch.Generator().manual_seed(seed))
    return image


def run(path: Path, image: torch.Tensor) -> np.ndarray:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(["picture"], {"image": image.numpy()})[0]


@pytest.mark.parametrize("prefix", ["", "module."])
def test_published_weights_compute_the_same_through_onnx(tmp_path: Path, prefix: str, capsys):
    state = random_state(SMALL)
    torch.save({prefix + key: value for key, value in state.items()}, tmp_path / "any_name.bin")
    convert(tmp_path / "any_name.bin", tmp_path / "g.onnx")
    image = white_outside(3)
    expected = reference(state, image, True)
    assert expected.std() > 0.1  # not saturated, not flat
    assert abs(run(tmp_path / "g.onnx", image) - expected.numpy()).max() < 1e-4
    said = capsys.readouterr()
    assert said.out.strip() == str(tmp_path / "g.onnx")
    assert "differ by at most" in said.err


def test_the_older_layout_comes_out_enlarged_to_the_same_size(tmp_path: Path):
    state = random_state(SMALL, extra_upsample=False)
    torch.save(state, tmp_path / "g.pt")
    convert(tmp_path / "g.pt", tmp_path / "g.onnx")
    image = white_outside(1)
    half = reference(state, image, False)
    assert half.shape[-1] == 96
    expected = F.interpolate(half, scale_factor=2, mode="bilinear")
    assert abs(run(tmp_path / "g.onnx", image) - expected.numpy()).max() < 1e-4


@pytest.mark.slow
def test_the_published_size(tmp_path: Path):
    state = random_state(PUBLISHED)
    torch.save(state, tmp_path / "g.pt")
    convert(tmp_path / "g.pt", tmp_path / "g.onnx")
    image = white_outside(1)
    assert abs(run(tmp_path / "g.onnx", image) - reference(state, image, True).numpy()).max() < 1e-4


def test_hyperparameters_are_deduced_from_shapes_alone():
    found = paper_config(random_state(PUBLISHED))
    assert found is not None and (found.down, found.bottleneck, found.up) == PUBLISHED
    older = paper_config(random_state(PUBLISHED, extra_upsample=False))
    assert older is not None and older.up == PUBLISHED[2][:-1]


def test_the_file_describes_itself_and_tells_nothing_of_this_machine(tmp_path: Path):
    torch.save(random_state(SMALL), tmp_path / "g.pt")
    convert(tmp_path / "g.pt", tmp_path / "half.onnx", fp16=True)
    session = onnxruntime.InferenceSession(tmp_path / "half.onnx", providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    assert metadata["outpaint.network"] == "van-hoorick-2019"
    assert metadata["outpaint.fill"] == "1.0"
    assert json.loads(metadata["outpaint.fill_spec"])["known"] == {"rect": [32, 32, 128, 128]}
    content = (tmp_path / "half.onnx").read_bytes()
    for trace in (b".py", b"site-packages", str(Path.home()).encode(), str(tmp_path).encode()):
        assert trace not in content
    values = sum(tensor.numel() for tensor in random_state(SMALL).values())
    assert len(content) < 2 * values + 30_000


class Evil:
    def __reduce__(self):
        return Path.touch, (Path("evil-was-here"),)


@pytest.mark.parametrize("legacy", [False, True])
def test_a_malicious_pickle_is_refused_in_one_line(tmp_path: Path, monkeypatch, legacy: bool):
    monkeypatch.chdir(tmp_path)
    state = {**random_state(SMALL), "model.99.weight": Evil()}
    if legacy:
        (tmp_path / "evil.pt").write_bytes(pickle.dumps(state["model.99.weight"]))
    else:
        torch.save(state, tmp_path / "evil.pt")
    with pytest.raises(ModelError, match="refused, because it holds Python objects") as refused:
        convert(tmp_path / "evil.pt", tmp_path / "g.onnx")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "evil-was-here").exists() and not (tmp_path / "g.onnx").exists()


def test_what_is_not_recognised_is_refused_with_the_known_layouts(tmp_path: Path):
    torch.save({"weight": torch.zeros(3)}, tmp_path / "x.pt")
    with pytest.raises(ModelError, match=r"van-hoorick-2019 .*context-unet"):
        convert(tmp_path / "x.pt", tmp_path / "x.onnx")
    state = random_state(SMALL)
    state["model.5.weight"] = state["model.5.weight"][:, :-1]  # the right keys, one wrong shape
    torch.save(state, tmp_path / "y.pt")
    with pytest.raises(ModelError, match="no known checkpoint layout"):
        convert(tmp_path / "y.pt", tmp_path / "y.onnx")


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"PK\x03\x04cut off", b"\x80\x02}"])
def test_damage_is_told_in_one_line(tmp_path: Path, content: bytes):
    (tmp_path / "x.pt").write_bytes(content)
    with pytest.raises(ModelError) as refused:
        convert(tmp_path / "x.pt", tmp_path / "x.onnx")
    assert str(refused.value).startswith(f"{tmp_path / 'x.pt'}: ") and "\n" not in str(refused.value)


def test_wrong_calls_are_told_before_any_work(tmp_path: Path):
    with pytest.raises(UsageError, match="no such checkpoint"):
        convert(tmp_path / "none.pt", tmp_path / "x.onnx")
    torch.save({}, tmp_path / "x.pt")
    with pytest.raises(UsageError, match=r"\.onnx"):
        convert(tmp_path / "x.pt", tmp_path / "x.pth")
    (tmp_path / "x.onnx").touch()
    with pytest.raises(UsageError, match="--overwrite"):
        convert(tmp_path / "x.pt", tmp_path / "x.onnx")
