"""The networks: what holes hold, sizes, half precision, PyTorch against onnxruntime; the bundled weights."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="networks need PyTorch")
pytest.importorskip("onnxscript", reason="export needs onnxscript")
onnxruntime = pytest.importorskip("onnxruntime")

from outpaint_pconv.export import export  # noqa: E402
from outpaint_pconv.network import LeanConfig, LeanPConv  # noqa: E402
from outpaint_pconv.paper import PaperConfig, PaperPConv  # noqa: E402

from outpaint_cli.training.holes import random_irregular  # noqa: E402

KINDS = ("lean", "paper")


def network(kind: str) -> LeanPConv | PaperPConv:
    """A small network with weights and statistics as unlike the initial ones as trained ones are."""
    torch.manual_seed(0)
    if kind == "lean":
        made: LeanPConv | PaperPConv = LeanPConv(LeanConfig((8, 12, 16), (0, 1, 1), rounds=2))
    else:
        made = PaperPConv(PaperConfig((8, 12, 16), (7, 5, 3)))
    for module in made.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0, 0.2)
    if kind == "lean":
        torch.nn.init.normal_(made.last.weight, 0, 0.05)
    return made.eval()


def pictures(height: int = 48, width: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(1)
    known = np.stack([random_irregular(rng, height, width) for _ in range(2)])
    known[1, :, : width // 2] = False  # and one half that no window reaches into at first
    return torch.from_numpy(rng.random((2, 3, height, width), np.float32)), torch.from_numpy(known)[
        :, None
    ].float()


@pytest.fixture(scope="module", params=KINDS)
def exported(request, tmp_path_factory: pytest.TempPathFactory):
    """A network and a session of its ONNX file. Exporting takes seconds."""
    made = network(request.param)
    path = tmp_path_factory.mktemp("exported") / "n.onnx"
    assert export(made, path) < 1e-4
    return made, onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def test_what_holes_hold_changes_no_bit(exported):
    made, session = exported
    image, known = pictures()
    with torch.inference_mode():
        first = made(image, known)
    assert first.std() > 0.05
    through = session.run(None, {"image": image.numpy(), "known": known.numpy()})[0]
    for content in (0.0, -0.0, 1.0, 1e30, float("nan"), float("inf")):
        other = torch.where(known > 0, image, content)
        with torch.inference_mode():
            assert torch.equal(made(other, known).view(torch.int32), first.view(torch.int32))
        again = session.run(None, {"image": other.numpy(), "known": known.numpy()})[0]
        assert np.array_equal(again.view(np.int32), through.view(np.int32))


def test_the_same_through_onnx_at_other_sizes(exported):
    made, session = exported
    image, known = pictures(72, 40)
    with torch.inference_mode():
        expected = made(image, known).numpy()
    found = session.run(None, {"image": image.numpy(), "known": known.numpy()})[0]
    assert abs(found - expected).max() < 1e-5 * max(1, abs(expected).max())


@pytest.mark.parametrize("kind", KINDS)
def test_half_precision_stays_finite_and_close(kind: str):
    made = network(kind)
    image, known = pictures()
    with torch.inference_mode():
        wanted = made(image, known)
        found = made.half()(image.half(), known.half()).float()
    assert torch.isfinite(found).all()
    assert (found - wanted).abs().max() < 0.01 * max(1, wanted.abs().max())


@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_without_any_known_pixel_gives_numbers(kind: str):
    with torch.inference_mode():
        found = network(kind)(torch.rand(1, 3, 16, 16), torch.zeros(1, 1, 16, 16))
    assert torch.isfinite(found).all()


def test_known_pixels_are_where_the_lean_network_starts_from():
    made = network("lean")
    torch.nn.init.zeros_(made.last.weight)
    image, known = pictures()
    found = made(image, known)
    assert torch.equal(found * known, image * known)


def test_frozen_batchnorm_stays_frozen_when_training_starts_again():
    made = network("lean")
    made.freeze()
    made.train()
    modes = {name: m.training for name, m in made.named_modules() if isinstance(m, torch.nn.BatchNorm2d)}
    assert all(training == name.startswith(("up.", "decode.")) for name, training in modes.items())
