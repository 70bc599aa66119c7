"""outpaint train pconv, from photos to a model file, with networks small enough for a test."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch")
pytest.importorskip("onnxscript", reason="export needs onnxscript")
onnxruntime = pytest.importorskip("onnxruntime")

from outpaint_pconv import train as rooms  # noqa: E402
from outpaint_pconv.checkpoint import read_lean  # noqa: E402
from outpaint_pconv.paper import PaperConfig, PaperPConv  # noqa: E402
from safetensors.torch import save_file  # noqa: E402

from outpaint_cli.commands.train import train  # noqa: E402
from outpaint_cli.plugin import UsageError  # noqa: E402
from outpaint_cli.training.features import MobileNetV2  # noqa: E402
from outpaint_cli.training.reading import load_checkpoint  # noqa: E402
from tests.pconv.conftest import offer_only_this_plugin  # noqa: E402

SMALL = ["pconv.widths=8,12,12", "pconv.blocks=0,1,0"]


class SmallPaper(PaperPConv):
    def __init__(self) -> None:
        super().__init__(PaperConfig((4, 6, 8), (7, 5, 3)))


def small(patch: pytest.MonkeyPatch) -> None:
    offer_only_this_plugin(patch)
    patch.setattr(rooms, "PaperPConv", SmallPaper)
    patch.setattr(rooms, "SIDES", (64, 96))
    patch.setattr(rooms, "STAGES", ((0.0, 64), (0.5, 96)))
    patch.setattr(rooms, "SIZE", 96)
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def small_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    small(monkeypatch)


def run(photos: Path, out: Path, loss: str = "rec", **more) -> tuple[list[dict], dict]:
    """Train three steps: the log's lines and config.json."""
    options = {"steps": 3, "batch": 3, "precision": "fp32", "cache": out.parent / "cache", "threads": 1}
    more["option"] = [*SMALL, *more.get("option", [])]
    train("pconv", photos, out, loss=loss, **options, **more)
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    return lines, json.loads((out / "config.json").read_text())


def session(path: Path):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


@pytest.fixture(scope="module")
def trained(photo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of our network, from photos to ONNX."""
    out = tmp_path_factory.mktemp("trained") / "run"
    with pytest.MonkeyPatch.context() as patch:
        small(patch)
        run(photo_folder, out)
    return out


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("features") / "features.safetensors"
    save_file({k: v.contiguous() for k, v in MobileNetV2().state_dict().items()}, path)
    return path


@pytest.fixture
def no_export(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exporting takes seconds and is tested with another run."""
    monkeypatch.setattr(rooms, "export", lambda network, path, **more: path.write_bytes(b"") * 0.0)


def test_a_run_leaves_a_model_and_what_it_takes_to_repeat_it(trained: Path):
    line = json.loads((trained / "metrics.jsonl").read_text())
    assert {"network.layout", "network.tv", "val_psnr", "val_psnr_0.1", "val_above_0.1", "val_mse"} <= set(
        line
    )
    metadata = session(trained / "model.onnx").get_modelmeta().custom_metadata_map
    assert metadata["outpaint.network"] == "pconv-lean"
    assert json.loads(metadata["outpaint.config"])["widths"] == [8, 12, 12]
    assert json.loads(metadata["outpaint.fill_spec"])["size"]["multiple"] == 8
    assert json.loads(metadata["outpaint.training"])["step"] == 3


def test_its_state_holds_the_same_network(trained: Path):
    network = read_lean(load_checkpoint(trained / "last.safetensors"))
    assert network is not None and network.config.widths == (8, 12, 12)
    image = np.random.default_rng(0).random((1, 3, 64, 96)).astype(np.float32)
    known = np.zeros((1, 1, 64, 96), np.float32)
    known[..., 10:50, 20:80] = 1
    found = session(trained / "model.onnx").run(None, {"image": image, "known": known})[0]
    with torch.inference_mode():
        expected = network(torch.from_numpy(image), torch.from_numpy(known)).numpy()
    assert abs(found - expected).max() < 2e-3  # weights rounded to fp16


@pytest.mark.usefixtures("no_export")
def test_the_second_stage_leaves_the_encoders_batchnorm_alone(
    photo_folder: Path, tmp_path: Path, trained: Path
):
    state = trained / "last.safetensors"
    _, config = run(photo_folder, tmp_path / "run", init=state, option=["pconv.stage=2"])
    assert config["task"]["lr"] == 5e-5 and config["task"]["stage"] == "2"
    before, after = (
        read_lean(load_checkpoint(p)).state_dict() for p in (state, tmp_path / "run" / "last.safetensors")
    )
    same = {key for key in before if torch.equal(before[key], after[key])}
    norms = {key for key in before if ".norm." in key and "num_batches" not in key}
    encoder = {key for key in norms if key.startswith(("down.", "encode."))}
    assert encoder and encoder <= same
    assert not (norms - encoder) & same and "down.0.conv.weight" not in same


@pytest.mark.usefixtures("no_export")
@pytest.mark.parametrize("kind", ["lean", "paper"])
def test_all_six_terms(photo_folder: Path, tmp_path: Path, features: Path, kind: str):
    option = [f"pconv.network={kind}", "pconv.style=60"]
    lines, config = run(photo_folder, tmp_path / "run", "full", perceptual=features, option=option)
    wanted = {f"network.{name}" for name in ("valid", "hole", "perceptual", "style", "tv")}
    assert wanted <= set(lines[-1]) and np.isfinite([lines[-1][name] for name in wanted]).all()
    assert config["task"]["weights"]["style"] == 60 and config["task"]["weights"]["hole"] == 6
    assert "val_perceptual" in lines[-1]


def test_crops_grow_and_batches_shrink_in_the_course_of_a_run(photo_folder: Path, tmp_path: Path):
    from outpaint_cli.training.options import TrainOptions

    options = TrainOptions(
        "pconv",
        photo_folder,
        tmp_path,
        steps=1,
        batch=9,
        cache=tmp_path,
        own={"widths": "8,12,12", "blocks": "0,0,0"},
    )
    task = rooms.make_task(options, torch.device("cpu"), lambda share, what: None)
    shapes = [tuple(task.batch(np.random.default_rng(0), p).picture.shape) for p in (0.0, 0.49, 0.5, 1.0)]
    assert shapes == [(9, 3, 64, 64), (9, 3, 64, 64), (4, 3, 96, 96), (4, 3, 96, 96)]
    batch = task.batch(np.random.default_rng(0), 0.0)
    assert set(batch.known.unique().tolist()) == {0, 1}
    assert (batch.known.mean((1, 2, 3)) < 1).all()


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"loss": "best"}, "pconv knows rec, full"),
        ({"option": ["pconv.network=big"]}, "lean or paper"),
        ({"option": ["pconv.widths=8"]}, "two to seven"),
        ({"option": ["pconv.stage=2"]}, "goes on from weights"),
        ({"option": ["pconv.tv=much"]}, "pconv.tv=much is not a number"),
    ],
)
def test_what_makes_no_sense_is_refused(photo_folder: Path, tmp_path: Path, more: dict, told: str):
    with pytest.raises(UsageError, match=told):
        run(photo_folder, tmp_path / "run", **more)
    assert not (tmp_path / "run").exists()
