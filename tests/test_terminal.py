"""What a run says at its end on a terminal: a table, failures by message, a hint; elsewhere one line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from outpaint_cli.batch.events import Event, Summary
from outpaint_cli.commands._tally import Tally, duration

M = ("-m", "reflect")


def on_a_terminal(cwd: Path, *args: str) -> str:
    """What ``outpaint ARGS`` shows on a terminal of 100 columns, without colours and cursor movements."""
    pty = pytest.importorskip("pty", reason="needs pseudo-terminals")
    leader, follower = pty.openpty()
    environment = {**os.environ, "COLUMNS": "100", "TERM": "xterm", "NO_COLOR": "1"}
    command = [sys.executable, "-m", "outpaint_cli", *args]
    process = subprocess.Popen(command, cwd=cwd, stdout=follower, stderr=follower, env=environment)
    os.close(follower)
    shown = b""
    while True:
        try:
            part = os.read(leader, 4096)
        except OSError:  # Linux: the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(leader)
    process.wait()
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())


def test_a_table_failures_by_message_and_a_hint(photo: Any, tmp_path: Path) -> None:
    photo("in/a.png")
    for number in range(7):
        (tmp_path / "in" / f"bad{number}.png").write_bytes(b"x")
    shown = on_a_terminal(tmp_path, "extend", "in", "-o", "out", *M)
    end = shown[shown.index("7 failed: this is not a picture") :]
    assert "and 2 more" in end
    header, row = (line.split() for line in end.splitlines() if line.split()[:1] in (["done"], ["1"]))
    assert header[:3] == ["done", "failed", "time"] and row[:2] == ["1", "7"] and "reflect" in row
    assert "-> out" in end and "--report report.html" in end
    again = on_a_terminal(tmp_path, "extend", "in", "-o", "out", "-f", "--report", "r.html", *M)
    assert "report: r.html" in again and "--report report.html" not in again


def test_one_picture_gets_one_line(photo: Any, tmp_path: Path) -> None:
    photo("a.png")
    shown = on_a_terminal(tmp_path, "extend", "a.png", *M)
    assert "1 done in " in shown and "harmonizer" not in shown


def test_what_failed_is_told_in_one_line_whatever_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    tally = Tally()
    for name in ("a\n.png", "[red]b.png"):
        tally.take(Event("failed", name, error=("PictureError", "broken")))
    tally.print(Summary(failed=2, seconds=3700), "", "")
    assert "a\\n.png, [red]b.png" in capsys.readouterr().err


def test_durations() -> None:
    assert [duration(s) for s in (4.25, 185, 7380)] == ["4.2 s", "3 min 5 s", "2 h 3 min"]
