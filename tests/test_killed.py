"""Runs that are killed at any moment lose what was in flight, and nothing else; the next run goes on."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from outpaint_cli.batch.journal import FOLDER
from tests.conftest import Outpaint, files, pixels

SERVER = """
import os, sys
import outpaint_cli.batch.pipeline, outpaint_cli.batch.session, outpaint_cli.batch.kinds.extend
from outpaint_cli import registry
from outpaint_cli.app import main
for found in registry.find_plugins(): pass
print("ready", flush=True)
for line in sys.stdin:
    child = os.fork()
    if not child:
        sys.argv = ["outpaint", *line.split()]
        os.dup2(os.open("events", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
        try:
            main()
        except SystemExit as end:
            os._exit(end.code or 0)
        os._exit(0)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""Runs of the real program, each in a process of its own that need not import everything again."""

ARGS = "extend in -o out --harmonize none -m edge --json"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_fifty_runs_killed_at_random_moments(photo: Any, tmp_path: Path) -> None:
    total = 400
    for i in range(total):
        photo(f"in/{i % 7}/{i:03}.{('png', 'jpg')[i % 2]}", 24 + i % 5, 20, seed=i)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OUTPAINT_")}
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=environment,
    )  # fmt: skip
    assert server.stdin is not None
    assert server.stdout is not None
    assert server.stdout.readline() == "ready\n"
    rng, out = random.Random(0), tmp_path / "out"
    seen: dict[str, tuple[int, int]] = {}
    killed = 0
    try:
        for turn in range(51):
            last = turn == 50
            (tmp_path / "events").write_text("")
            server.stdin.write(f"{ARGS} -r\n")
            server.stdin.flush()
            child = int(server.stdout.readline())
            if not last:
                # As many events as this, then a moment more: anywhere between two pictures.
                events, moment = rng.randrange(4), rng.random() * 0.02
                while len((tmp_path / "events").read_bytes().splitlines()) < events + len(seen):
                    time.sleep(0.001)
                time.sleep(moment)
                os.kill(child, signal.SIGKILL)
            killed += int(server.stdout.readline()) == -signal.SIGKILL
            now = {name: (out / name).stat() for name in files(out)} if out.exists() else {}
            made = {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in now.items()}
            assert {name: made.get(name) for name in seen} == seen, "what was there is never made again"
            seen = made
    finally:
        server.stdin.close()
        server.wait()
        server.stdout.close()
    assert killed == 50
    assert len(seen) == total
    for i in range(total):
        name = f"{i % 7}/{i:03}.{('png', 'jpg')[i % 2]}"
        assert pixels(out / name).shape == (30, pytest.approx((24 + i % 5) * 1.5, abs=0.5), 3)
    assert {p.name for p in out.rglob("*") if p.is_file()} == {Path(n).name for n in seen} | {"journal.jsonl"}
    assert [p.name for p in (out / FOLDER).iterdir()] == ["journal.jsonl"]
    summary = json.loads((tmp_path / "events").read_text().splitlines()[-1])
    assert summary["failed"] == 0
    assert summary["ok"] + summary["skipped"] == total


def test_an_output_that_was_changed_since_is_left_alone_and_told(
    outpaint: Outpaint, photo: Any, tmp_path: Path
) -> None:
    run = ("extend", "in", "--json", "-m", "edge")
    photo("in/a.png"), photo("in/b.png")
    assert outpaint(*run).summary["ok"] == 2
    changed = tmp_path / "in_extended" / "a.png"
    changed.write_bytes(changed.read_bytes() + b"more")
    events = {Path(e["input"]).name: e for e in outpaint(*run, "--scale", "2").events}
    assert (events["a.png"]["status"], events["b.png"]["status"]) == ("skipped", "ok")
    assert "changed since" in events["a.png"]["info"]["reason"]
    copied = changed.with_name("b.png")  # the same file with another time is still the one that was made
    os.utime(copied, ns=(1, 1))
    events = {Path(e["input"]).name: e for e in outpaint(*run, "--scale", "2").events}
    assert "same settings" in events["b.png"]["info"]["reason"]


def test_runs_that_share_a_folder_do_not_take_each_others_unfinished_files(tmp_path: Path) -> None:
    from outpaint_cli.batch.workspace import Workspace, sweep

    mine, theirs = Workspace(tmp_path), Workspace(tmp_path)
    mine.file().write_bytes(b"x")
    unfinished = theirs.file()
    unfinished.write_bytes(b"y")
    assert sweep(tmp_path) == 0
    (tmp_path / FOLDER / "run-1").mkdir()  # as one leaves it that is killed before it has its lock
    assert sweep(tmp_path) == 1
    assert theirs._held is not None
    theirs._held.close()  # as the system does when a process ends
    assert sweep(tmp_path) == 1
    assert not unfinished.exists()
    mine.close()
    assert not (tmp_path / FOLDER).exists()


def test_lines_of_other_processes_are_seen_and_torn_ones_end_nothing(tmp_path: Path) -> None:
    from outpaint_cli.batch.journal import Journal

    output = tmp_path / "a.png"
    output.write_bytes(b"data")
    one, two = Journal(tmp_path), Journal(tmp_path)
    assert one.latest(output) is None
    two.add(output, {"fingerprint": "1", "bytes": 4, "modified": output.stat().st_mtime_ns})
    assert (one.record(output) or {})["fingerprint"] == "1"
    with one.path.open("ab") as file:
        file.write(b'{"output": "a.png", "finger')
    one.add(output, {"fingerprint": "2", "bytes": 5})
    assert (two.latest(output) or {})["fingerprint"] == "2"
    assert (two.record(output) or {})["fingerprint"] == "1", "the second one's file never appeared"
