"""Checkpoints: what cannot be read is said with what can."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

from outpaint_cli.plugin import ModelError
from outpaint_cli.training.reading import load_checkpoint

WEIGHTS = Path(__file__).parents[2] / "plugins/outpaint_patch/weights"


def test_an_onnx_file_is_no_checkpoint_and_what_is_one_is_told() -> None:
    with pytest.raises(ModelError, match=r"texture\.onnx: an ONNX file.*last\.safetensors") as refused:
        load_checkpoint(WEIGHTS / "texture.onnx")
    assert "\n" not in str(refused.value)
