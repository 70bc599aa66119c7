"""The harmonizer from the command line."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Outpaint, pixels

FEW = ("-m", "edge", "--harmonize", "singan", "-O", "singan.iterations=1", "-O", "singan.size=40", "--json")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pyramids of tests stay with the tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_extend_with_singan(outpaint: Outpaint, photo: Callable[..., Path], tmp_path: Path) -> None:
    path = photo("a.png")
    done = outpaint("extend", "a.png", "-o", "out", *FEW)
    assert done.code == 0
    event = done.events[0]
    assert event["harmonizer"] == "singan"
    assert event["core_exact"] is True
    assert event["info"]["singan"]["trained"] is True
    at = event["source"]
    inside = pixels(tmp_path / "out" / "a.png")[at["y"] : at["y"] + 40, at["x"] : at["x"] + 60]
    assert np.array_equal(inside, pixels(path))
    again = outpaint("extend", "a.png", "-o", "other", "--scale", "1.3", *FEW)
    assert again.events[0]["info"]["singan"]["trained"] is False  # the same photo in another frame


def test_a_wrong_option_is_told_before_anything_is_done(
    outpaint: Outpaint, photo: Callable[..., Path]
) -> None:
    photo("a.png")
    done = outpaint("extend", "a.png", *FEW, "-O", "singan.preset=best")
    assert done.code == 2
    assert "preset" in done.err


def test_without_pytorch_exit_code_4(
    outpaint: Outpaint, photo: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    photo("a.png")
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "torch" else find(name, *more)
    )
    done = outpaint("extend", "a.png", *FEW)
    assert done.code == 4
    assert "outpaint-cli[torch]" in done.err
    assert "'patch'" in done.err


def test_harmonize_is_singan_and_without_pytorch_says_what_to_do(
    outpaint: Outpaint, photo: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    photo("a.png")
    few = ("-O", "singan.iterations=1", "-O", "singan.size=40", "--json")
    made = outpaint("harmonize", "a.png", "--source", "0,0,40,40", "--upscale", "1.5", *few)
    event = made.events[0]
    assert (event["harmonizer"], event["width"], event["height"]) == ("singan", 90, 60)
    assert (event["info"]["singan"]["trained"], event["info"]["singan"]["upscale"]) == (True, 1.5)
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "torch" else find(name, *more)
    )
    done = outpaint("harmonize", "a.png", "--source", "0,0,40,40", "-f")
    assert (done.code, len(done.lines)) == (4, 1)
    assert "outpaint-cli[torch]" in done.err
    assert "--method patch" in done.err
    assert outpaint("harmonize", "a.png", "--source", "0,0,40,40", "-f", "--method", "patch").code == 0
