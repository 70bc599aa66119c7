"""The weights that are bundled."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from outpaint_pconv.plugin import plugin

onnxruntime = pytest.importorskip("onnxruntime")

from outpaint_cli import evaluation_holes as holes  # noqa: E402
from outpaint_cli import models, runtime  # noqa: E402
from outpaint_cli.commands.evaluate import read_rgb  # noqa: E402
from outpaint_cli.evaluation import middle_square  # noqa: E402
from outpaint_cli.plugin import Context, Multiple  # noqa: E402

EXAMPLES = sorted((Path(__file__).parents[2] / "examples" / "photos").glob("*.[jp][pn]g"))
CARD = plugin.models[0]


def test_the_file_is_the_cards_small_and_free_of_paths():
    content = Path(CARD.source).read_bytes()
    assert len(content) == CARD.bytes <= 12_000_000
    assert hashlib.sha256(content).hexdigest() == CARD.sha256
    metadata = runtime.describe(Path(CARD.source)).metadata
    assert metadata["outpaint.licence"] == CARD.licence == "Apache-2.0"
    training = json.loads(metadata["outpaint.training"])
    assert training["task"]["kind"] == "pconv-lean" and training["task"]["photos"]["count"] > 10_000
    assert not re.search(rb"(/[\w.-]+){3,}|\.py\b", content), (
        "the file names a path of the machine it was made on"
    )


def test_it_takes_holes_of_any_shape_up_to_256_pixels():
    filler = models.load(models.resolve("pconv"), Context(device="cpu"))
    assert filler.spec.size == Multiple(64, 64, 256) and filler.spec.margin == 0
    rng = np.random.default_rng(0)
    image, known = rng.random((2, 128, 192, 3), np.float32), rng.random((2, 128, 192)) > 0.6
    known[1, :, 70:] = False
    first = filler.fill(image, known, Context())
    assert first.shape == image.shape and first.min() >= 0 and first.max() <= 1
    other = np.where(known[..., None], image, np.float32("nan"))
    assert np.array_equal(filler.fill(other, known, Context()), first)


def test_it_mends_the_example_photos_better_than_the_classical_methods():
    """From a hole ratio of 0.2 on, with and without border contact: mean PSNR over photos and classes."""
    assert len(EXAMPLES) == 6
    filler = models.load(models.resolve("pconv"), Context(device="cpu"))
    found: dict[str, list[float]] = {"pconv": [], "telea": [], "ns": []}
    classical = {"telea": cv2.INPAINT_TELEA, "ns": cv2.INPAINT_NS}
    for number, path in enumerate(EXAMPLES):
        truth = middle_square(read_rgb(path), holes.SIZE)
        for position in (2, 3, 4, 5):
            known = holes.mask(number, position, bool((number + position) % 2))
            pictures = {"pconv": holes.mend(truth, known, filler, Context())}
            for name, method in classical.items():
                shown = np.where(known[..., None], truth, 0).astype(np.uint8)
                pictures[name] = cv2.inpaint(shown, (~known).astype(np.uint8), 3, method)
            for name, picture in pictures.items():
                assert np.array_equal(picture[known], truth[known])
                found[name].append(holes.scores(picture, truth)["psnr"])
    mean = {name: np.mean(values) for name, values in found.items()}
    assert mean["pconv"] > max(mean["telea"], mean["ns"]) + 0.5
