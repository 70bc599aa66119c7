"""Fixtures: the command line in this process, and photos that come with installed packages."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

EXAMPLES = Path(__file__).parent.parent / "examples" / "photos"


def pytest_configure(config: pytest.Config) -> None:
    """One thread of BLAS and OpenMP to each worker: with as many as cores in each of them, they wait for one another.

    Workers are started after this and inherit it. Tests of threads set their own numbers.
    """
    if getattr(config.option, "numprocesses", None):
        for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            os.environ.setdefault(name, "1")


@dataclass
class Result:
    """What a command ended with."""

    code: int
    out: bytes
    err: str

    @property
    def lines(self) -> list[str]:
        """The messages."""
        return self.err.splitlines()

    @property
    def events(self) -> list[dict[str, Any]]:
        """The JSON lines without the summary."""
        return [json.loads(line) for line in self.out.splitlines()][:-1]

    @property
    def summary(self) -> dict[str, Any]:
        """The last JSON line."""
        return json.loads(self.out.splitlines()[-1])


Outpaint = Callable[..., Result]


@pytest.fixture
def outpaint(
    capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Outpaint:
    """Run ``outpaint ARGS`` in this process, in an empty folder; the real console script's function."""
    for name in list(os.environ):
        if name.startswith(("OUTPAINT_", "HF_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "outpaint_cli.config.sources.user_file", lambda: tmp_path / ".config" / "outpaint.toml"
    )

    def run(*args: object) -> Result:
        from outpaint_cli.app import main

        capfdbinary.readouterr()
        monkeypatch.setattr(sys, "argv", ["outpaint", *map(str, args)])
        try:
            main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1 if end.code else 0
        sys.stdout.flush()
        sys.stderr.flush()
        out, err = capfdbinary.readouterr()
        assert b"Traceback" not in err
        return Result(code, out, err.decode("utf-8", "surrogateescape"))

    return run


@pytest.fixture
def photo(tmp_path: Path) -> Callable[..., Path]:
    """Write a small smooth photo: ``photo("a.jpg", 64, 48)``; by default PNG and JPEG as the suffix says."""

    def make(name: str = "photo.png", width: int = 60, height: int = 40, seed: int = 0) -> Path:
        rng = np.random.default_rng(seed)
        coarse = rng.integers(0, 256, (4, 6, 3), np.uint8)
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC).save(path)
        return path

    return make


def pixels(path: Path | bytes) -> np.ndarray:
    """An output's pixels as RGB."""
    import io

    with Image.open(io.BytesIO(path) if isinstance(path, bytes) else path) as image:
        return np.asarray(image.convert("RGB"))


def files(folder: Path) -> list[str]:
    """Everything in ``folder`` but the journal, as sorted relative paths."""
    return sorted(
        p.relative_to(folder).as_posix()
        for p in folder.rglob("*")
        if p.is_file() and ".outpaint/" not in p.relative_to(folder).as_posix()
    )
