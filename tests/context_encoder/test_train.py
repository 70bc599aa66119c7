"""outpaint train context-encoder, from photos to a model file, with networks small enough for a test."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch")
pytest.importorskip("onnxscript", reason="export needs onnxscript")
onnxruntime = pytest.importorskip("onnxruntime")

from outpaint_context_encoder import train as rooms  # noqa: E402
from outpaint_context_encoder.paper import PaperConfig, PaperDiscriminator, PaperGenerator  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

from outpaint_cli.commands.convert import convert  # noqa: E402
from outpaint_cli.commands.train import train  # noqa: E402
from outpaint_cli.plugin import UsageError  # noqa: E402
from outpaint_cli.training.features import MobileNetV2  # noqa: E402
from tests.context_encoder.conftest import offer_only_this_plugin  # noqa: E402

SMALL = ["context-encoder.widths=8,12", "context-encoder.blocks=1,1"]
pytestmark = pytest.mark.usefixtures("only_this_plugin", "small_networks")


@pytest.fixture
def small_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    small = PaperConfig((4, 4, 6, 6, 8), 12, (8, 6, 6, 4, 4))
    monkeypatch.setattr(rooms, "PaperGenerator", lambda config=None: PaperGenerator(small))
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("features") / "features.safetensors"
    save_file({k: v.contiguous() for k, v in MobileNetV2().state_dict().items()}, path)
    return path


def run(photos: Path, out: Path, loss: str, **more) -> tuple[list[dict], dict]:
    """Train three steps: the log's lines and config.json."""
    options = {"steps": 3, "batch": 2, "precision": "fp32", "cache": out.parent / "cache", "threads": 1}
    more["option"] = [*SMALL, *more.get("option", [])]
    train("context-encoder", photos, out, loss=loss, **options, **more)
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return lines, json.loads((out / "config.json").read_text())


def session(path: Path):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def trained(photo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of our network with --loss rec, from photos to ONNX."""
    out = tmp_path_factory.mktemp("trained") / "run"
    with pytest.MonkeyPatch.context() as patch:
        offer_only_this_plugin(patch)
        run(photo_folder, out, "rec")
    return out


@pytest.fixture
def no_export(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exporting takes seconds and is tested with another loss."""
    monkeypatch.setattr(rooms, "export_unet", lambda network, path, **more: path.write_bytes(b"") * 0.0)


def test_a_run_leaves_a_model_and_what_it_takes_to_repeat_it(trained: Path, photo_folder: Path):
    line = json.loads((trained / "metrics.jsonl").read_text())
    assert {"network", "network.rec", "val_mse", "val_bias_luma", "val_l1"} <= set(line)
    metadata = session(trained / "model.onnx").get_modelmeta().custom_metadata_map
    assert metadata["outpaint.network"] == "context-unet"
    assert json.loads(metadata["outpaint.training"])["step"] == 3
    config = json.loads((trained / "config.json").read_text())
    assert config["task"]["photos"]["count"] == 11 and len(config["task"]["photos"]["sha256"]) == 64
    for text in ((trained / "config.json").read_text(), str(metadata)):
        assert str(trained.parent) not in text and str(photo_folder) not in text


def test_its_state_converts_to_the_same_model(trained: Path, tmp_path: Path):
    convert(trained / "last.safetensors", tmp_path / "again.onnx", fp16=True)
    image = np.random.default_rng(0).random((1, 3, 64, 96)).astype(np.float32)
    known = np.zeros((1, 1, 64, 96), np.float32)
    known[..., 10:50, 20:80] = 1
    found = [
        session(path).run(None, {"image": image, "known": known})[0]
        for path in (trained / "model.onnx", tmp_path / "again.onnx")
    ]
    assert np.array_equal(*found)


@pytest.mark.usefixtures("no_export")
def test_our_network_with_the_papers_adversary(photo_folder: Path, tmp_path: Path):
    lines, _ = run(photo_folder, tmp_path / "run", "rec+adv")
    assert {"network", "network.rec", "network.adversarial", "critic"} <= set(lines[-1])


@pytest.mark.usefixtures("no_export")
@pytest.mark.parametrize("init", ["model.onnx", "last.safetensors"])
def test_all_losses_of_our_network_from_earlier_weights(
    photo_folder: Path, tmp_path: Path, features: Path, trained: Path, init: str
):
    lines, config = run(
        photo_folder, tmp_path / "run", "full",
        init=trained / init, perceptual=features, option=["context-encoder.style=0.2"],
    )  # fmt: skip
    wanted = {"network.perceptual", "network.style", "network.adversarial", "critic", "val_perceptual"}
    assert wanted <= set(lines[-1])
    assert config["task"]["weights"] == {"perceptual": 0.15, "style": 0.2, "adversarial": 0.01}
    assert config["options"]["init"] == init


@pytest.mark.parametrize("loss", ["rec", "rec+adv"])
def test_the_papers_network(photo_folder: Path, tmp_path: Path, loss: str):
    folder = tmp_path / "run"
    lines, _ = run(photo_folder, folder, loss, option=["context-encoder.network=paper"], cap=["web_=0.5"])
    metadata = session(folder / "model.onnx").get_modelmeta().custom_metadata_map
    assert metadata["outpaint.network"] == "van-hoorick-2019"
    assert (folder / "discriminator.onnx").exists() == (loss == "rec+adv")
    assert np.isfinite(lines[-1]["val_mse"])


def test_the_papers_generator_is_as_published():
    with torch.device("meta"):
        generator, discriminator = PaperGenerator(), PaperDiscriminator()
    shapes = {key: tuple(value.shape) for key, value in generator.state_dict().items()}
    assert shapes["model.14.weight"] == (4000, 512, 1, 1)
    assert shapes["model.15.weight"] == (4000, 512, 4, 4)
    assert shapes["model.30.weight"] == (3, 64, 3, 3) and "model.1.weight" not in shapes
    norms = [m for m in generator.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert len(norms) == 9 and {m.eps for m in norms} == {0.8}
    assert discriminator(torch.empty(2, 3, 192, 192, device="meta")).shape == (2, 1, 24, 24)
    assert generator(torch.empty(2, 3, 192, 192, device="meta")).shape == (2, 3, 192, 192)


def test_initial_weights_are_normal_with_a_fiftieth():
    torch.manual_seed(0)
    generator = PaperGenerator(PaperConfig((64, 64), 64, (64, 64)))
    assert generator.model[2].weight.std().item() == pytest.approx(0.02, rel=0.05)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"loss": "best"}, "knows rec, rec\\+adv, full"),
        ({"loss": "full", "option": ["context-encoder.network=paper"]}, "rec or rec\\+adv"),
        ({"option": ["context-encoder.network=other"]}, "use unet or paper"),
        ({"option": ["context-encoder.network=paper", "context-encoder.size=97"]}, "192 or 96"),
        ({"option": ["context-encoder.network=paper", "context-encoder.width=2"]}, "above 0 up to 1"),
        ({"option": ["style"]}, "not plugin.option=value"),
        ({"option": ["context-encoder.widths=8,x"]}, "whole numbers"),
        ({"option": ["context-encoder.widths=8,8"]}, "as many"),
        ({"steps": None}, "either --steps or --minutes"),
        ({"precision": "fp8"}, "auto, fp32 or bf16"),
        ({"init": Path("none.onnx")}, "no such file"),
    ],
)
def test_wrong_calls_are_told(photo_folder: Path, tmp_path: Path, more: dict, told: str):
    options = {"steps": 1, "cache": tmp_path / "cache", **more}
    with pytest.raises(UsageError, match=told):
        train("context-encoder", photo_folder, tmp_path / "run", **options)
    assert not (tmp_path / "run").exists()


def test_unknown_networks_are_told_with_those_there_are(photo_folder: Path, tmp_path: Path):
    with pytest.raises(UsageError, match="no network 'pconv2' to train: context-encoder"):
        train("pconv2", photo_folder, tmp_path, steps=1)
