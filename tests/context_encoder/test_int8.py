"""The bundled network in 8 bits: when it runs, and that it computes what the full one does."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

onnxruntime = pytest.importorskip("onnxruntime")

from outpaint_context_encoder.plugin import FULL, INT8, plugin  # noqa: E402

from outpaint_cli import models, runtime  # noqa: E402
from outpaint_cli.commands.evaluate import read_rgb  # noqa: E402
from outpaint_cli.compose import fill_picture, known_mask  # noqa: E402
from outpaint_cli.evaluation import hidden  # noqa: E402
from outpaint_cli.plugin import Context, Filler, ModelError  # noqa: E402

EXAMPLES = sorted((Path(__file__).parents[2] / "examples" / "photos").glob("*.[jp][pn]g"))
CARDS = {card.name: card for card in plugin.models}
CPU = Context(device="cpu")


def revision(name: str) -> str:
    return CARDS[name].sha256[:12]


def load(name: str, threads: int = 1) -> Filler:
    return models.load(models.resolve(name), Context(device="cpu", threads=threads))


def test_the_file_is_the_cards_small_and_free_of_paths() -> None:
    card = CARDS[INT8]
    assert isinstance(card.source, Path)
    content = card.source.read_bytes()
    assert len(content) == card.bytes <= 5_000_000
    assert hashlib.sha256(content).hexdigest() == card.sha256
    assert not re.search(rb"(/[\w-]+){3,}|\.py\b", content)
    full = runtime.describe(Path(str(CARDS[FULL].source))).metadata
    assert runtime.describe(card.source).metadata == full | {"outpaint.precision": "int8"}


@pytest.mark.parametrize(
    ("device", "precision", "runs"),
    [
        ("cpu", None, INT8), ("cpu", "auto", INT8), ("cpu", "full", FULL), ("cuda", None, FULL),
        ("cuda:1", "auto", FULL), ("cuda", "int8", INT8),
    ],
)  # fmt: skip
def test_the_device_chooses_unless_the_user_does(device: str, precision: str | None, runs: str) -> None:
    options = {} if precision is None else {"context-encoder": {"precision": precision}}
    found = models.variant(models.resolve(FULL), device, options)
    assert (found.name, found.path, found.revision) == (FULL, CARDS[runs].source, revision(runs))


def test_auto_goes_by_the_package_that_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "onnxruntime"
    (package / "capi").mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.setattr(
        runtime.importlib.util, "find_spec",
        lambda name: type("Spec", (), {"submodule_search_locations": [str(package)]}),
    )  # fmt: skip
    assert models.variant(models.resolve(FULL), "auto", {}).revision == revision(INT8)
    (package / "capi" / "libonnxruntime_providers_cuda.so").touch()
    assert models.variant(models.resolve(FULL), "auto", {}).revision == revision(FULL)


def test_what_was_named_itself_stays(tmp_path: Path) -> None:
    for reference in (INT8, str(CARDS[FULL].source), "telea"):
        ref = models.resolve(reference)
        assert models.variant(ref, "cpu", {}) == ref


def test_the_json_line_names_the_file_that_ran(outpaint: Any, photo: Any) -> None:
    name = photo("a.png")
    for more, runs in (((), INT8), (("-O", "context-encoder.precision=full"), FULL)):
        done = outpaint("extend", name, "--harmonize", "none", "--device", "cpu", "--json", *more)
        assert done.code == 0
        line = done.events[0]
        assert (line["status"], line["model"], line["revision"]) == ("ok", FULL, revision(runs))


def test_it_fills_the_example_photos_as_the_full_one_does() -> None:
    """Within 2.5 of 255 (root mean square over the ring), and 2 in any channel's mean: no tint, no noise."""
    assert len(EXAMPLES) == 6
    full, narrow = load(FULL), load(INT8)
    for path in EXAMPLES:
        truth = read_rgb(path)
        frame = hidden(truth.shape[1], truth.shape[0], "four sides")
        photo = np.ascontiguousarray(truth[frame.photo.slices()])
        a, b = (fill_picture(photo, frame, filler, CPU)[0].astype(np.float32) for filler in (full, narrow))
        difference = (b - a)[~known_mask(frame, frame.photo)]
        assert np.sqrt(np.square(difference).mean()) < 2.5, path.name
        assert np.abs(difference.mean(0)).max() < 2, path.name


def test_neither_company_nor_threads_change_a_bit() -> None:
    rng = np.random.default_rng(0)
    images = rng.random((8, 96, 128, 3), np.float32)
    known = np.zeros((8, 96, 128), np.bool_)
    known[:, 12:80, 20:100] = True
    first = np.asarray(load(INT8, 1).fill(images, known, CPU))
    again = np.asarray(load(INT8, 2).fill(images[::-1], known, CPU))[::-1]
    alone = np.asarray(load(INT8, 2).fill(images[3:4], known[3:4], CPU))
    assert np.array_equal(first, again)
    assert np.array_equal(first[3:4], alone)


def test_it_is_made_from_an_exported_network(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("onnxscript")
    from outpaint_context_encoder.checkpoint import read_onnx
    from outpaint_context_encoder.export import export_unet
    from outpaint_context_encoder.network import ContextUNet, UNetConfig
    from outpaint_context_encoder.quantize import quantize

    torch.manual_seed(0)
    network = ContextUNet(UNetConfig((8, 16), (1, 1), 8))
    torch.nn.init.normal_(network.last.weight, 0, 0.1)
    export_unet(network, tmp_path / "full.onnx", fp16=True)
    quantize(tmp_path / "full.onnx", EXAMPLES[0].parent, tmp_path / "int8.onnx", count=4)
    rng = np.random.default_rng(0)
    known = np.zeros((1, 1, 64, 64), np.float32)
    known[..., 10:50, 10:50] = 1
    feed = {"image": rng.random((1, 3, 64, 64), np.float32), "known": known}
    a, b = (runtime.Session(tmp_path / name, "cpu").run(feed)[0] for name in ("full.onnx", "int8.onnx"))
    assert 0 < np.abs(a - b).max() < 0.1 * np.ptp(a)

    with pytest.raises(ModelError, match="in 8 bits"):
        read_onnx(tmp_path / "int8.onnx")
    with pytest.raises(ModelError, match="not a context-unet"):
        quantize(
            Path(__file__).parents[2] / "plugins/outpaint_pconv/weights/pconv.onnx", tmp_path, tmp_path / "x"
        )


def test_scores_are_of_the_variant_that_extend_takes() -> None:
    from outpaint_cli.evaluation import load_named

    ctx = Context(device="cpu", threads=1)
    known = np.zeros((1, 96, 128), bool)
    known[:, 16:80, 20:108] = True
    image = np.random.default_rng(0).random((1, 96, 128, 3), np.float32)
    bundled = Path(__file__).parents[2] / "plugins/outpaint_context_encoder/weights"
    named, baseline, int8, full = (
        load_named(baselines, references, ctx, "none")[0].filler.fill(image, known, ctx)
        for baselines, references in (
            ((), ["context-encoder"]),
            (["context-encoder"], []),
            ((), [str(bundled / "context-encoder-int8.onnx")]),
            ((), [str(bundled / "context-encoder.onnx")]),
        )
    )
    assert np.array_equal(named, int8)
    assert np.array_equal(baseline, int8)
    assert not np.array_equal(named, full)
