"""An output appears whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from outpaint_cli.picture import write_atomic
from outpaint_cli.plugin import PictureError


def test_a_file_is_written(tmp_path: Path) -> None:
    path = tmp_path / "out.png"
    write_atomic(path, b"first")
    write_atomic(path, b"second")
    assert path.read_bytes() == b"second"
    assert list(tmp_path.iterdir()) == [path]


def test_until_it_is_whole_it_has_a_hidden_name_that_says_whose_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    real = os.fsync

    def watch(number: int) -> None:
        seen.extend(path.name for path in tmp_path.iterdir())
        real(number)

    monkeypatch.setattr(os, "fsync", watch)
    write_atomic(tmp_path / "out.png", b"data")
    assert len(seen) == 1
    assert seen[0].startswith(".") and ".outpaint-" in seen[0] and str(os.getpid()) in seen[0]


@pytest.mark.parametrize(
    "failure, words",
    [
        (OSError(errno.ENOSPC, "No space left on device"), "no space left"),
        (OSError(errno.EIO, "Input/output error"), "check the disk"),
        (PermissionError(errno.EACCES, "Permission denied"), "--out"),
    ],
)
@pytest.mark.parametrize("place", ["fsync", "replace"])
def test_a_failing_write_leaves_nothing(
    place: str, failure: OSError, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "out.png"
    path.write_bytes(b"what was there")

    def fail(*_: Any, **__: Any) -> None:
        raise failure

    monkeypatch.setattr(os if place == "fsync" else Path, place, fail)
    with pytest.raises(PictureError, match=words) as caught:
        write_atomic(path, b"new")
    assert "out.png" not in str(caught.value)
    assert path.read_bytes() == b"what was there" and list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_disk_that_is_really_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.open
    monkeypatch.setattr(Path, "open", lambda self, mode, **rest: real(Path("/dev/full"), "wb"))
    with pytest.raises(PictureError, match="no space left"):
        write_atomic(tmp_path / "out.png", b"data" * 100)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", stop)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(tmp_path / "out.png", b"data")
    assert list(tmp_path.iterdir()) == []


def test_places_that_can_not_be_written(tmp_path: Path) -> None:
    with pytest.raises(PictureError, match="make it first"):
        write_atomic(tmp_path / "missing" / "out.png", b"data")
    (tmp_path / "folder").mkdir()
    with pytest.raises(PictureError, match="is a folder"):
        write_atomic(tmp_path / "folder", b"data")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_long_names_need_no_longer_one_beside(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 250 + ".png")
    write_atomic(path, b"data")
    assert path.read_bytes() == b"data"
    with pytest.raises(PictureError, match="shorter"):
        write_atomic(tmp_path / ("n" * 300), b"data")
