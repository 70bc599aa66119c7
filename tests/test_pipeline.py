"""The pipeline with plugins and readers that misbehave: nothing is lost, nothing is made up, nothing spins."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from outpaint_cli import picture, registry
from outpaint_cli.batch.discover import discover
from outpaint_cli.batch.kinds.extend import Extend
from outpaint_cli.batch.pipeline import Run
from outpaint_cli.batch.plan import make_plan
from outpaint_cli.batch.settings import Settings
from outpaint_cli.plugin import (
    Cancelled,
    Context,
    FillSpec,
    Harmonized,
    HarmonizeJob,
    ModelCard,
    ModelRef,
    Multiple,
    Plugin,
    Rect,
)
from tests.conftest import Outpaint, pixels

Offer = Callable[[Plugin], None]


@pytest.fixture
def offer(monkeypatch: pytest.MonkeyPatch) -> Offer:
    """Add a plugin to those that are found."""

    def add(plugin: Plugin) -> None:
        found = (*registry.find_plugins(), registry.Found(plugin.name, "", plugin))
        monkeypatch.setattr(registry, "find_plugins", lambda: found)

    return add


class Grey:
    """A well-behaved filler, in batches of eight."""

    spec = FillSpec(Multiple(32, 64, 64), max_batch=8)
    device = "cpu"

    def fill(self, images: np.ndarray, known: np.ndarray, ctx: Context) -> np.ndarray:
        return np.full_like(images, 0.5)


class Vandal:
    """A harmonizer that paints over the photo too, and tells of it in numpy's own numbers."""

    device = "cpu"

    def harmonize(self, job: HarmonizeJob, ctx: Context) -> Harmonized:
        job.image[:] = 7
        return Harmonized(
            job.image, {"share": np.float32(0.5), "sizes": np.array([1, 2]), "odd": float("nan")}
        )


def test_a_harmonizer_can_not_touch_the_photo(
    outpaint: Outpaint, photo: Any, offer: Offer, tmp_path: Path
) -> None:
    source = photo("a.png")
    offer(Plugin("vandal", harmonizers={"vandal": lambda ctx: Vandal()}))
    done = outpaint("extend", source, "-o", "b.png", "-m", "reflect", "--harmonize", "vandal", "--json")
    (event,) = done.events
    assert (done.code, event["status"], event["core_exact"]) == (0, "ok", True)
    out = pixels(tmp_path / "b.png")
    assert np.array_equal(out[Rect(**event["source"]).slices()], pixels(source))
    assert (out[0] == 7).all()
    assert event["info"] == {"share": 0.5, "sizes": [1, 2], "odd": None}


def test_a_harmonizer_that_can_not_be_loaded_ends_the_run(
    outpaint: Outpaint, photo: Any, offer: Offer, tmp_path: Path
) -> None:
    def broken(ctx: Context) -> Any:
        raise OSError("weights\nare gone")

    offer(Plugin("broken", harmonizers={"broken": broken, "nothing": lambda ctx: None}))  # type: ignore[dict-item, return-value]
    for i in range(4):
        photo(f"in/{i}.png")
    for name in ("broken", "nothing"):
        done = outpaint("extend", "in", "-m", "reflect", "--harmonize", name)
        assert (done.code, len(done.lines)) == (4, 1)
        assert name in done.err
    assert not (tmp_path / "in_extended").exists()


def test_a_model_that_its_plugin_can_not_load_is_exit_code_4(
    outpaint: Outpaint, photo: Any, offer: Offer
) -> None:
    def load(ref: ModelRef, ctx: Context) -> Any:
        if ref.name == "raises":
            raise KeyError("x")
        return object()

    offer(Plugin("bad", models=(ModelCard("raises", ""), ModelCard("nonsense", "")), load=load))
    photo("in/a.png"), photo("in/b.png")
    for name in ("raises", "nonsense"):
        done = outpaint("extend", "in", "-m", name)
        assert (done.code, len(done.lines)) == (4, 1)
        assert name in done.err


def test_a_model_that_only_runs_on_the_cpu_is_no_silent_fallback(outpaint: Outpaint, photo: Any) -> None:
    done = outpaint("extend", photo("a.png"), "-m", "reflect", "--device", "cuda")
    assert (done.code, len(done.lines)) == (5, 1)
    assert "reflect" in done.err


def test_waiting_for_the_rest_of_a_group_does_not_spin(
    photo: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for i in range(3):
        photo(f"in/{i}.png")
    read = picture.read

    def slow(*args: Any, **more: Any) -> picture.Picture:
        time.sleep(0.3)
        return read(*args, **more)

    monkeypatch.setattr(picture, "read", slow)
    rounds = 0

    def cancelled() -> bool:
        nonlocal rounds
        rounds += 1
        return False

    settings = Settings(out=tmp_path / "out", jobs=2)
    tasks = make_plan(discover([str(tmp_path / "in")]), settings, Extend())
    run = Run(settings, Extend(), ModelRef("grey", "grey"), cancelled, filler=Grey())
    assert [event.status for event in run.run(tasks)] == ["ok"] * 3
    assert rounds < 100


def test_cancelling_while_filling_makes_no_failures(photo: Any, tmp_path: Path) -> None:
    for i in range(3):
        photo(f"in/{i}.png")
    stopped = False

    class Stopped(Grey):
        def fill(self, images: np.ndarray, known: np.ndarray, ctx: Context) -> np.ndarray:
            nonlocal stopped
            stopped = True
            ctx.check()
            raise AssertionError

    settings = Settings(out=tmp_path / "out", jobs=2)
    tasks = make_plan(discover([str(tmp_path / "in")]), settings, Extend())
    run = Run(settings, Extend(), ModelRef("grey", "grey"), lambda: stopped, filler=Stopped())
    assert list(run.run(tasks)) == []
    assert not (tmp_path / "out").exists()


def test_a_plugin_that_says_cancelled_of_itself_loses_no_event(photo: Any, tmp_path: Path) -> None:
    class Odd(Grey):
        def fill(self, images: np.ndarray, known: np.ndarray, ctx: Context) -> np.ndarray:
            raise Cancelled("no")

    photo("in/a.png"), photo("in/b.png")
    settings = Settings(out=tmp_path / "out", jobs=1)
    tasks = make_plan(discover([str(tmp_path / "in")]), settings, Extend())
    run = Run(settings, Extend(), ModelRef("grey", "grey"), filler=Odd())
    assert [event.status for event in run.run(tasks)] == ["failed", "failed"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_standard_output_that_is_full_or_closed_is_told_in_one_line(photo: Any, tmp_path: Path) -> None:
    source = photo("a.png", 300, 300)
    command = [sys.executable, "-m", "outpaint_cli", "extend", "-", "-m", "reflect"]
    with source.open("rb") as given, Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdin=given, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 3
    assert b"standard output" in done.stderr
    assert b"fault" not in done.stderr
    reader, writer = os.pipe()
    os.close(reader)
    with source.open("rb") as given, os.fdopen(writer, "wb") as closed:
        done = subprocess.run(command, stdin=given, stdout=closed, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 3
    assert b"Exception ignored" not in done.stderr
    assert b"fault" not in done.stderr


def test_a_fault_of_the_program_is_exit_code_1_and_the_others_are_done(
    outpaint: Outpaint, photo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from outpaint_cli.batch.kinds import extend

    paint = extend.paint_frame

    def stumble(samples: Any, frame: Any, *args: Any, **more: Any) -> Any:
        if frame.photo.width == 50:
            raise ZeroDivisionError("a slip")
        return paint(samples, frame, *args, **more)

    monkeypatch.setattr(extend, "paint_frame", stumble)
    photo("in/a.png", 50, 40), photo("in/b.png", 60, 40)
    done = outpaint("extend", "in", "--json", "-m", "edge")
    assert (done.code, done.summary["ok"], done.summary["failed"]) == (1, 1, 1)
    (line,) = done.lines
    assert "a fault of outpaint (ZeroDivisionError: a slip)" in line
