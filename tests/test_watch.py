"""extend --watch: what arrives is handled once it is complete, until a signal comes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from outpaint_cli.batch.watch import Watch
from tests.conftest import Outpaint, files


def test_a_file_is_handed_out_when_it_is_complete_and_again_when_it_changed(
    photo: Any, tmp_path: Path
) -> None:
    pytest.importorskip("watchfiles")
    whole = photo("whole.png").read_bytes()
    folder = tmp_path / "in"
    (folder / "out").mkdir(parents=True)
    photo("in/there.png"), photo("in/out/made.png"), (folder / "text.txt").write_text("no")
    watch = Watch([folder], recursive=True, apart=[folder / "out"], settled=0.3)
    stop = threading.Event()
    batches = watch.batches(stop.is_set)
    assert [s.relative.name for s in next(batches)] == ["there.png"]
    arriving = folder / "sub" / "slow.png"
    arriving.parent.mkdir()
    arriving.write_bytes(whole[:50])
    timer = threading.Timer(0.1, lambda: arriving.write_bytes(whole))
    timer.start()
    (source,) = next(batches)
    timer.join()
    assert source.relative.as_posix() == "sub/slow.png"
    assert arriving.read_bytes() == whole
    photo("in/there.png", seed=3)
    assert [s.relative.name for s in next(batches)] == ["there.png"]
    stop.set()
    assert list(batches) == []


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_watching_until_a_signal(photo: Any, tmp_path: Path, number: int, code: int) -> None:
    pytest.importorskip("watchfiles")
    photo("in/a.png")
    command = [sys.executable, "-m", "outpaint_cli", "extend", "--watch", "in", "--json", "-m", "edge"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    ) as run:
        assert run.stdout is not None
        assert json.loads(run.stdout.readline())["status"] == "ok"
        photo("in/b.png"), (tmp_path / "in" / "c.png").write_bytes(b"no picture")
        later = [json.loads(run.stdout.readline()) for _ in range(2)]
        assert {Path(e["input"]).name: e["status"] for e in later} == {"b.png": "ok", "c.png": "failed"}
        run.send_signal(number)
        summary = json.loads(run.stdout.readline())
        assert (summary["ok"], summary["failed"]) == (2, 1)
        assert run.wait() == code
    assert files(tmp_path / "in_extended") == ["a.png", "b.png"]


def test_what_is_no_folder_can_not_be_watched(outpaint: Outpaint, photo: Any) -> None:
    pytest.importorskip("watchfiles")
    done = outpaint("extend", "--watch", photo("a.png"), "-m", "edge")
    assert (done.code, len(done.lines)) == (2, 1)
