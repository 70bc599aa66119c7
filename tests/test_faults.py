"""Plugins that hang or starve, folders that vanish, files that change: told in one line, the rest is done."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from outpaint_cli import picture
from outpaint_cli.batch import journal
from outpaint_cli.batch.discover import discover
from outpaint_cli.batch.kinds.extend import Extend
from outpaint_cli.batch.pipeline import Run
from outpaint_cli.batch.plan import make_plan
from outpaint_cli.batch.settings import Settings
from outpaint_cli.plugin import Context, FillSpec, ModelRef, Multiple
from tests.conftest import Outpaint, files, pixels


class Grey:
    """Fills with grey, in batches of eight."""

    spec = FillSpec(Multiple(32, 64, 64), max_batch=8)
    device = "cpu"

    def fill(self, images: np.ndarray, known: np.ndarray, ctx: Context) -> np.ndarray:
        return np.full_like(images, 0.5)


def run(folder: Path, filler: Any, **settings: Any) -> tuple[Run, dict[str, Any]]:
    """The run over ``folder``/in, and its events by the inputs' names."""
    settings = {"harmonize": "none", "jobs": 2, **settings}
    asked = Settings(out=folder / "out", **settings)
    work = Run(asked, Extend(), ModelRef("grey", "grey"), filler=filler)
    tasks = make_plan(discover([str(folder / "in")]), asked, Extend())
    return work, {Path(event.input).name: event for event in work.run(tasks)}


def test_of_a_batch_that_hangs_only_the_culprit_fails(photo: Any, tmp_path: Path) -> None:
    for i in range(5):
        photo(f"in/{i}.png", 60, 40, seed=i)
    let_go = threading.Event()

    class Hangs(Grey):
        def fill(self, images: np.ndarray, known: np.ndarray, ctx: Context) -> np.ndarray:
            if culprit in ctx.seeds:
                let_go.wait(60)
            return super().fill(images, known, ctx)

    import hashlib

    from outpaint_cli.batch.options import photo_seed

    culprit = photo_seed(0, 0, hashlib.sha256((tmp_path / "in" / "2.png").read_bytes()).hexdigest())
    try:
        work, events = run(tmp_path, Hangs(), timeout=1.5)
    finally:
        let_go.set()
    assert {name: event.status for name, event in events.items()} == {
        "0.png": "ok", "1.png": "ok", "2.png": "failed", "3.png": "ok", "4.png": "ok",
    }  # fmt: skip
    assert "--timeout" in events["2.png"].error[1]
    assert work.hung
    assert files(tmp_path / "out") == ["0.png", "1.png", "3.png", "4.png"]


def test_a_picture_that_is_given_up_is_not_delivered_later(
    photo: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo("in/a.png", 50, 40), photo("in/b.png", 60, 40)
    from outpaint_cli.batch.kinds import extend

    paint, let_go, gone_on = extend.paint_frame, threading.Event(), threading.Event()

    def slow(samples: Any, frame: Any, *args: Any, **more: Any) -> Any:
        painted = paint(samples, frame, *args, **more)
        if frame.photo.width == 50:
            let_go.wait(60)
            threading.Timer(0.3, gone_on.set).start()
        return painted

    monkeypatch.setattr(extend, "paint_frame", slow)
    _, events = run(tmp_path, Grey(), timeout=1.0)
    let_go.set()
    gone_on.wait(60)
    assert {name: event.status for name, event in events.items()} == {"a.png": "failed", "b.png": "ok"}
    assert files(tmp_path / "out") == ["b.png"]


def test_a_hanging_plugin_does_not_hold_the_process(photo: Any, tmp_path: Path) -> None:
    photo("a.png")
    code = (
        "import time, sys\n"
        "import outpaint_baselines.fillers as fillers\n"
        "fillers.Reflect.fill = lambda *args: time.sleep(600)\n"
        "from outpaint_cli.app import main\n"
        "main()\n"
    )
    command = [sys.executable, "-c", code, "extend", "a.png", "-m", "reflect", "--timeout", "0.5"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=100, check=False)
    assert done.returncode == 3
    assert "a.png: took more than 0.5 s" in done.stderr
    assert files(tmp_path) == ["a.png"]


def test_a_batch_that_does_not_fit_is_halved_until_it_does(photo: Any, tmp_path: Path) -> None:
    for i in range(9):
        photo(f"in/{i}.png", 60, 40, seed=i)
    sizes: list[int] = []

    class Small(Grey):
        def fill(self, images: np.ndarray, known: np.ndarray, ctx: Context) -> np.ndarray:
            sizes.append(len(images))
            if len(images) > 2:
                raise RuntimeError("[ONNXRuntimeError] : 6 : Failed to allocate memory for requested buffer")
            return super().fill(images, known, ctx)

    _, events = run(tmp_path, Small())
    assert {event.status for event in events.values()} == {"ok"}
    assert sizes[:3] == [8, 4, 2]
    assert set(sizes[3:]) == {2}, "it stays at what fitted"
    assert sorted(files(tmp_path / "out")) == [f"{i}.png" for i in range(9)]


def test_windows_of_several_pictures_share_batches_and_change_nothing(photo: Any, tmp_path: Path) -> None:
    for i in range(12):
        photo(f"in/{i:02}.png", *((64, 48), (48, 64))[i % 2], seed=i)
    sizes: list[int] = []

    class Counts(Grey):
        def fill(self, images: np.ndarray, known: np.ndarray, ctx: Context) -> np.ndarray:
            sizes.append(sum(not mask.all() for mask in known))
            return images + 0.3 * ~known[..., None]

    run(tmp_path, Counts(), jobs=3)
    assert sum(sizes) == 12
    assert max(sizes) > 3
    together = {name: (tmp_path / "out" / name).read_bytes() for name in files(tmp_path / "out")}
    run(tmp_path, Counts(), jobs=1, batch_size=1, existing="overwrite")
    assert {name: (tmp_path / "out" / name).read_bytes() for name in together} == together


@pytest.mark.parametrize("jobs", [1, 4])
def test_the_same_seed_gives_the_same_bytes_whatever_the_threads(
    photo: Any, tmp_path: Path, jobs: int
) -> None:
    photo("a.jpg", 110, 80)
    made = []
    for threads in ("1", "4"):
        environment = {**os.environ, "OMP_NUM_THREADS": threads, "OPENBLAS_NUM_THREADS": threads}
        command = [sys.executable, "-m", "outpaint_cli", "extend", "a.jpg", "-f", "-q", "-j", str(jobs)]
        subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True)
        made.append((tmp_path / "a_extended.jpg").read_bytes())
    assert made[0] == made[1]


def test_an_output_folder_that_is_removed_in_mid_run_is_made_again(
    photo: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(16):
        photo(f"in/{i}.png", seed=i)
    write, numbers = picture.write_atomic, itertools.count(1)

    def remove(*args: Any, **more: Any) -> None:
        write(*args, **more)
        if next(numbers) == 3:
            shutil.rmtree(tmp_path / "out", ignore_errors=True)  # others are being written

    monkeypatch.setattr(picture, "write_atomic", remove)
    _, events = run(tmp_path, Grey(), jobs=1)
    left = files(tmp_path / "out")
    assert {events[name].status for name in left} == {"ok"}
    assert len(left) >= 2
    assert all(event.status == "ok" or "folder" in event.error[1] for event in events.values())


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "no space left"), (errno.EROFS, "read-only"), (errno.EIO, "input/output")],
)
def test_a_journal_that_can_not_be_written_fails_the_picture_alone(
    outpaint: Outpaint, photo: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    photo("in/a.png"), photo("in/b.png", 61, 40)
    add = journal.Journal.add

    def refuse(self: Any, output: Path, record: dict[str, Any]) -> None:
        if output.name == "a.png":
            raise OSError(number, os.strerror(number))
        add(self, output, record)

    monkeypatch.setattr(journal.Journal, "add", refuse)
    done = outpaint("extend", "in", "--json", "-m", "edge")
    assert (done.code, done.summary["ok"], done.summary["failed"]) == (3, 1, 1)
    assert files(tmp_path / "in_extended") == ["b.png"]
    assert len(done.lines) == 1


def test_an_input_that_changes_while_it_is_read_fails(
    outpaint: Outpaint, photo: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo("in/a.png"), photo("in/b.png"), photo("in/c.png")
    read = Path.read_bytes

    def meddle(path: Path) -> bytes:
        data = read(path)
        if path.name == "a.png":
            path.write_bytes(data + b"more")
        if path.name == "c.png":
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return data

    monkeypatch.setattr(Path, "read_bytes", meddle)
    done = outpaint("extend", "in", "--json", "-m", "edge")
    assert (done.code, done.summary["ok"], done.summary["failed"]) == (3, 1, 2)
    said = {Path(e["input"]).name: e["error"]["message"] for e in done.events if e["error"]}
    assert "changed while it was read" in said["a.png"]
    assert "can't be read" in said["c.png"]
    assert files(tmp_path / "in_extended") == ["b.png"]


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_ends_the_run_with_whole_outputs_and_a_summary(
    photo: Any, tmp_path: Path, name: str, code: int
) -> None:
    import json
    import signal

    for i in range(300):
        photo(f"in/{i:03}.png", seed=i)
    command = [sys.executable, "-m", "outpaint_cli", "extend", "in", "--json", "-m", "edge"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    ) as running:
        assert running.stdout is not None
        running.stdout.readline()
        running.send_signal(getattr(signal, name))
        rest = running.stdout.read().splitlines()
        assert running.wait() == code
    summary = json.loads(rest[-1])
    made = files(tmp_path / "in_extended")
    assert summary["ok"] == len(made) == len(rest)
    assert summary["ok"] < 300
    for output in made:
        assert pixels(tmp_path / "in_extended" / output).shape == (60, 90, 3)
    assert [p.name for p in (tmp_path / "in_extended" / ".outpaint").iterdir()] == ["journal.jsonl"]
