"""outpaint evaluate: what is hidden, who fills it, what is printed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from outpaint_cli import evaluation
from outpaint_cli.commands.evaluate import evaluate
from outpaint_cli.plugin import Context, FillSpec, ModelError, Native, PictureError, Rect, UsageError

SIZE = (72, 60)  # width, height


def photo(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    soft = Image.fromarray(rng.integers(0, 255, (4, 5, 3), np.uint8)).resize(SIZE, Image.Resampling.BICUBIC)
    return np.asarray(soft)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    for number, name in enumerate(("a.png", "b.png", "sub/c.png")):
        Image.fromarray(photo(number)).save(folder / name)
    return folder


class Knowing:
    """A filler that brightens the truth by a known amount, and knows it from outside."""

    spec = FillSpec(Native())
    device = "cpu"

    def __init__(self, truth: np.ndarray, add: float) -> None:
        self.truth, self.add = truth.astype(np.float32) / 255, add

    def fill(self, images, known, ctx):
        return np.stack([np.where(k[..., None], i, self.truth + self.add) for i, k in zip(images, known)])  # noqa: B905


def test_a_sixth_is_hidden_on_each_side():
    assert evaluation.hidden(60, 36, "four sides").photo == Rect(10, 6, 40, 24)
    assert evaluation.hidden(60, 36, "left-right").photo == Rect(10, 0, 40, 36)
    assert evaluation.hidden(60, 36, "top-bottom").photo == Rect(0, 6, 60, 24)


def test_the_truth_itself_is_right_in_every_score():
    truth = photo(1)
    methods = [evaluation.Method("truth", Knowing(truth, 0))]
    rows = list(evaluation.score_sides(truth, "a", methods, Context()))
    assert [row.sides for row in rows] == list(evaluation.SIDES)
    for row in rows:
        assert row.scores["mse"] < 1e-4 and abs(row.scores["bias_luma"]) < 0.005


def test_the_papers_set_up_is_192_with_the_middle_128():
    truth = np.full((192, 192, 3), 100, np.uint8)
    methods = [evaluation.Method("edge", Knowing(truth, 0))]
    judged = []

    def judge(picture: np.ndarray) -> float:
        judged.append(picture.shape)
        return 0.5

    rows = list(evaluation.score_paper(truth, "a", methods, Context(), judge))
    assert [row.method for row in rows] == ["truth", "edge"]
    assert rows[1].scores["d"] == 0.5 and judged == [(192, 192, 3)] * 2
    assert rows[1].scores["mse_all"] < 1e-4


def test_recursion_goes_on_from_its_own_result():
    truth = photo(2)
    from outpaint_cli import models

    edge = models.load(models.resolve("edge"), Context())
    rows = list(evaluation.score_recursion(truth, "a", [evaluation.Method("edge", edge)], Context()))
    assert [row.sides for row in rows] == ["step 1", "step 2", "step 3"]
    assert all(set(row.scores) == {"bias_luma", "bias_contrast"} for row in rows)


def test_json_has_a_line_a_photo_and_the_means(photos: Path, capsys):
    evaluate(photos, model=["reflect"], as_json=True)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line.get("photo") for line in lines] == ["a.png", "b.png", "sub/c.png", None]
    assert set(lines[0]["scores"]["four sides"]) == {"edge", "telea", "reflect"}
    assert lines[-1]["status"] == "summary" and lines[-1]["failed"] == 0
    values = [line["scores"]["left-right"]["telea"]["mse"] for line in lines[:3]]
    told = lines[-1]["mean"]["left-right"]["telea"]["mse"]
    assert told["mean"] == pytest.approx(np.mean(values)) and told["median"] == pytest.approx(
        np.median(values)
    )


def test_tables_and_a_figure(photos: Path, tmp_path: Path, capsys):
    evaluate(photos, model=["reflect"], limit=1, figure=tmp_path / "f.png")
    said = capsys.readouterr().out
    for text in ("four sides: mean (median) of 1 photos", "mse (paper)", "step 3", "bias luma", "reflect"):
        assert text in said
    with Image.open(tmp_path / "f.png") as image:
        assert image.size == (4 * 244, 204 + 20)


def test_finished_pictures_are_scored_as_they_are(photos: Path, tmp_path: Path, capsys):
    done = tmp_path / "done"
    (done / "sub").mkdir(parents=True)
    for name in ("a.png", "b.png", "sub/c.png"):
        pixels = np.asarray(Image.open(photos / name)).astype(int)
        pixels[:10] = pixels[:10] * 0.8
        target = done / name.replace("b.png", "b_extended.png")
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(target)
    evaluate(photos, pictures=done, as_json=True)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    scores = lines[0]["scores"]["as finished"]["pictures"]
    truth = np.asarray(Image.open(photos / "a.png")) / 255
    ring = 72 * 60 - 48 * 40  # the photo is taken to be the middle
    assert scores["mse"] == pytest.approx(np.square(0.2 * truth[:10]).mean() * 720 / ring, rel=0.05)
    assert len(lines) == 4


def test_a_photo_that_fails_does_not_stop_the_others(photos: Path, capsys):
    (photos / "aa.png").write_bytes(b"no picture")
    with pytest.raises(PictureError, match="1 of 4 photos"):
        evaluate(photos, model=["edge"], as_json=True)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 4 and lines[-1]["failed"] == 1


def test_wrong_calls_are_told(photos: Path, tmp_path: Path):
    with pytest.raises(UsageError, match="--pictures"):
        evaluate(photos, model=["edge"], pictures=photos)
    with pytest.raises(UsageError, match=r"\.png"):
        evaluate(photos, figure=tmp_path / "f.jpg")
    with pytest.raises(UsageError, match="not there"):
        evaluate(tmp_path / "none")
    with pytest.raises(ModelError, match="no model 'nothing'"):
        evaluate(photos, model=["nothing"])


def test_a_discriminator_is_an_onnx_file_that_judges_a_picture(tmp_path: Path):
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper

    def save(name: str) -> Path:
        graph = helper.make_graph(
            [helper.make_node("ReduceMean", [name], ["verdict"], keepdims=1)], "judge",
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 3, "H", "W"])],
            [helper.make_tensor_value_info("verdict", TensorProto.FLOAT, [1, 1, 1, 1])],
        )  # fmt: skip
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.save(model, tmp_path / f"{name}.onnx")
        return tmp_path / f"{name}.onnx"

    judge = evaluation.load_judge(save("picture"), "cpu")
    assert judge(np.full((8, 8, 3), 51, np.uint8)) == pytest.approx(0.2)
    with pytest.raises(ModelError, match="not a discriminator"):
        evaluation.load_judge(save("image"), "cpu")
