"""--ray: a cluster of this machine alone; a worker that is lost loses nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from outpaint_cli.batch.discover import discover
from outpaint_cli.batch.kinds.extend import Extend
from outpaint_cli.batch.session import open_batch
from outpaint_cli.batch.settings import Settings
from tests.conftest import files
from tests.shell import environment


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # what Ray's own processes and sockets leave behind is not ours
def test_two_workers_one_killed_make_what_one_process_makes(
    photo: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = pytest.importorskip("ray")
    from outpaint_cli.batch import cluster

    for i in range(40):
        photo(f"in/{i:02}.{('jpg', 'png')[i % 2]}", 90 + i, 70, seed=i)
    (tmp_path / "in" / "bad.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    sources = discover([str(tmp_path / "in")])
    plain = open_batch(sources, Extend(), Settings(out=tmp_path / "plain"))
    expected = {Path(e.input).name: e.status for e in plain}
    workers: list[Any] = []
    begin = cluster._Cluster._begin

    def watch(self: Any, actor: Any, chunk: Any) -> None:
        workers.append(actor)
        begin(self, actor, chunk)

    monkeypatch.setattr(cluster._Cluster, "_begin", watch)
    cluster._connect(ray, "local", num_cpus=2)
    try:
        spread = open_batch(sources, Extend(), Settings(out=tmp_path / "spread", ray="local"))
        events = []
        for event in spread:
            events.append(event)
            if len(events) == 1:
                assert len(workers) == 2
                os.kill(ray.get(workers[1].pid.remote()), signal.SIGKILL)
    finally:
        ray.shutdown()
    assert len(workers) > 2, "another worker took its place"
    assert {Path(e.input).name: e.status for e in events} == expected
    assert len(events) == len(expected)
    names = files(tmp_path / "plain")
    assert len(names) == 40
    assert files(tmp_path / "spread") == names
    for name in names:
        assert (tmp_path / "spread" / name).read_bytes() == (tmp_path / "plain" / name).read_bytes(), name


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_command_spreads_a_batch(photo: Any, tmp_path: Path) -> None:
    """In a process of its own, as Ray leaves threads and handlers behind."""
    pytest.importorskip("ray")
    for i in range(4):
        photo(f"in/{i}.png", 80 + i, 60, seed=i)
    command = [sys.executable, "-m", "outpaint_cli", "extend", "in", "-m", "reflect", "--harmonize", "none"]
    for more in (["-o", "plain"], ["-o", "spread", "--ray", "local", "--report", "page.html"]):
        done = subprocess.run(
            [*command, *more], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
    assert len(files(tmp_path / "plain")) == 4
    for name in files(tmp_path / "plain"):
        assert (tmp_path / "spread" / name).read_bytes() == (tmp_path / "plain" / name).read_bytes()
    page = (tmp_path / "page.html").read_text("utf-8")
    assert all(f"spread/{i}.png" in page for i in range(4))
