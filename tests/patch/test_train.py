"""outpaint train patch, from photos to a model file that the harmonizer can use."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs PyTorch")
pytest.importorskip("onnxscript", reason="export needs onnxscript")
pytest.importorskip("onnxruntime")

from outpaint_patch import hooks, train_affinity  # noqa: E402
from outpaint_patch import train as rooms  # noqa: E402
from outpaint_patch.expected import embed, expect  # noqa: E402
from outpaint_patch.network import EMBEDDING, AffinityNet, TextureConfig, TextureNet  # noqa: E402
from outpaint_patch.pyramid import shrink  # noqa: E402
from outpaint_patch.texture import CHANNELS  # noqa: E402

from outpaint_cli import registry  # noqa: E402
from outpaint_cli.commands.train import train  # noqa: E402
from outpaint_cli.plugin import Plugin, UsageError  # noqa: E402
from outpaint_cli.runtime import Session  # noqa: E402
from outpaint_cli.training.options import TrainOptions  # noqa: E402
from tests.training.conftest import photo_folder  # noqa: E402, F401

from .scenes import central, landscape, rough_job  # noqa: E402

BUNDLED = Path(__file__).parents[2] / "plugins/outpaint_context_encoder/weights/context-encoder.onnx"


class SmallNet(TextureNet):
    def __init__(self) -> None:
        super().__init__(TextureConfig((8, 8, 12, 12), 6))


class SmallAffinity(AffinityNet):
    def __init__(self) -> None:
        super().__init__(TextureConfig((8, 8, 12, 12), 6))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = Plugin("patch", trainers=hooks.TRAINERS, options=hooks.OPTIONS)
    monkeypatch.setattr(registry, "plugins", lambda: iter([plugin]))
    monkeypatch.setattr(rooms, "TextureNet", SmallNet)
    monkeypatch.setattr(train_affinity, "AffinityNet", SmallAffinity)
    monkeypatch.setattr(rooms, "SIDES", (96, 128))
    monkeypatch.setattr(rooms, "SHAPES", ((32, 32), (32, 48)))
    monkeypatch.setattr(rooms, "VALIDATED", 2)
    torch.set_num_threads(1)


def run(photos: Path, out: Path, **more: object) -> list[dict[str, float]]:
    options = {"steps": 3, "batch": 2, "precision": "fp32", "cache": out.parent / "cache", "threads": 1}
    train("patch", photos, out, **{**options, **more})  # type: ignore[arg-type]
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def test_trains_and_exports_what_the_harmonizer_runs(photo_folder: Path, tmp_path: Path) -> None:  # noqa: F811
    option = [f"patch.guess={BUNDLED}"]
    lines = run(photo_folder, tmp_path / "run", option=option)
    assert {"val_texture", "val_texture_of_guess"} <= lines[-1].keys()
    assert all(np.isfinite(v) for v in lines[-1].values())
    known = central(180, 240)
    level = shrink(rough_job(landscape(), known).image, known, 90, 120)
    assert expect(level, 0, Session(tmp_path / "run" / "model.onnx", "cpu", 1)).shape == (96, 128, CHANNELS)
    told = json.loads((tmp_path / "run" / "config.json").read_text())
    assert told["task"]["guess"] == told["options"]["own"]["guess"] == BUNDLED.name
    with pytest.raises(UsageError, match="another run"):
        run(photo_folder, tmp_path / "run", steps=4, init=tmp_path / "run" / "last.safetensors")


def test_trains_the_other_network_too(photo_folder: Path, tmp_path: Path) -> None:  # noqa: F811
    lines = run(photo_folder, tmp_path / "run", option=["patch.network=affinity"])
    assert {"val_unlikeliness", "val_unlikeliness_blind"} <= lines[-1].keys()
    assert 0 < lines[-1]["val_unlikeliness"] < -train_affinity.STRANGE + 1
    known = central(180, 240)
    level = shrink(rough_job(landscape(), known).image, known, 90, 120)
    network = Session(tmp_path / "run" / "model.onnx", "cpu", 1)
    assert embed(level, network).shape == (96, 128, EMBEDDING)
    with pytest.raises(UsageError, match="holds no texture network"):
        run(photo_folder, tmp_path / "other", init=tmp_path / "run" / "last.safetensors")


def places(*values: float) -> torch.Tensor:
    """(1, 1, 1, n)."""
    return torch.tensor(values)[None, None, None]


def test_unlikeliness_is_that_of_the_mixture() -> None:
    """Two known places 3 spreads apart; the hidden one is like the first, and its embedding as near to both."""
    known, truth = places(1, 1, 0), places(0, 3, 0)
    even = float(train_affinity.unlikeliness(places(0, 1, 0.5), truth, known))
    half = 0.5 * (1 + np.exp(-4.5))
    assert even == pytest.approx(-np.log(half + np.exp(-8)), abs=1e-4)
    right = float(train_affinity.unlikeliness(places(0, 1, 0), truth, known))
    share = 1 / (1 + np.exp(-1))
    assert right == pytest.approx(-np.log(share + (1 - share) * np.exp(-4.5) + np.exp(-8)), abs=1e-4)
    assert float(train_affinity.unlikeliness(places(0, 1, 1), truth, known)) > even > right


def test_what_covers_more_of_the_photo_is_no_likelier() -> None:
    """Three places of sky and one of grass, with embeddings that do not tell: sky and grass are as likely."""
    known, of_both = places(1, 1, 1, 1, 0), places(0, 0, 0, 0, 0)
    sky, grass = places(0, 0, 0, 9, 0), places(0, 0, 0, 9, 9)
    found = [float(train_affinity.unlikeliness(of_both, truth, known)) for truth in (sky, grass)]
    assert found[0] == pytest.approx(found[1], abs=0.25)  # plainly counted, they would be 1.1 apart
    nothing_known = train_affinity.unlikeliness(of_both, sky, torch.zeros_like(known))
    assert float(nothing_known) == 0


def test_attention_starts_as_nothing_and_can_learn() -> None:
    torch.manual_seed(0)
    network = SmallAffinity().eval()
    inputs = torch.rand(1, 3, 32, 32), torch.ones(1, 1, 32, 32), -torch.rand(1, CHANNELS, 32, 32)
    bare = network(*inputs)
    for block in network.attend:
        torch.nn.init.normal_(block.norm.weight)
    assert torch.equal(network(*inputs), bare)
    network(*inputs).square().sum().backward()
    assert all(float(block.out.weight.grad.abs().max()) > 0 for block in network.attend)


def make_task(photos: Path, cache: Path, **own: str) -> rooms.TextureTask:
    options = TrainOptions("patch", photos, cache, steps=1, batch=3, cache=cache, own=own)
    return rooms.TextureTask(options, torch.device("cpu"), lambda share, what: None)


def test_loss_counts_hidden_cells_alone(photo_folder: Path, tmp_path: Path) -> None:  # noqa: F811
    task = make_task(photo_folder, tmp_path)
    task.network.eval()
    batch = task.batch(np.random.default_rng(3), 0.0)
    loss = float(task.network_loss(batch, 0)[0].detach())
    batch.picture[:, rooms.TRUTH] += batch.known
    assert float(task.network_loss(batch, 0)[0].detach()) == pytest.approx(loss, rel=1e-5)
    batch.picture[:, rooms.TRUTH] += 10 * (1 - batch.known)
    assert float(task.network_loss(batch, 0)[0].detach()) > loss + 5


def test_guess_of_training_is_photo_where_it_is_known(photo_folder: Path, tmp_path: Path) -> None:  # noqa: F811
    task = make_task(photo_folder, tmp_path, guess=str(BUNDLED))
    batch = task.batch(np.random.default_rng(3), 0.0)
    assert batch.picture.shape[:2] == (3, 3 + 2 * CHANNELS)
    mush, truth = batch.picture[:, rooms.MUSH], batch.picture[:, rooms.TRUTH]
    deep = torch.nn.functional.max_pool2d(1 - batch.known, 11, 1, 5) == 0  # far from all that is hidden
    hidden = batch.known == 0
    apart = (mush - truth).abs().mean(1, keepdim=True)
    assert deep.any()
    assert float(apart[deep].max()) < 0.02
    assert float(apart[hidden].mean()) > 0.05


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"loss": "full"}, "knows rec"),
        ({"option": ["patch.guess=nowhere.onnx"]}, "there is no such file"),
        ({"option": ["patch.network=depth"]}, "use texture or affinity"),
        ({"init": BUNDLED.with_suffix(".safetensors")}, "context-encoder.safetensors"),
    ],
)
def test_bad_wishes_are_told(photo_folder: Path, tmp_path: Path, more: dict, told: str) -> None:  # noqa: F811
    with pytest.raises(UsageError, match=told):
        run(photo_folder, tmp_path / "run", **more)
