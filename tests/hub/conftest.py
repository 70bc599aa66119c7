"""The loopback Hub, this process's client pointed at it, and stand-ins for the published models."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.hub.loopback import Hub

Fresh = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Caches and settings of this test alone."""
    for name in list(os.environ):
        if name.startswith(("HF_", "OUTPAINT_", "TRANSFORMERS_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def point_at(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As HF_ENDPOINT does, which counts only before huggingface_hub is imported."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + "/{repo_id}/resolve/{revision}/{filename}"
    )


@pytest.fixture
def hub(own_places: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A Hub; huggingface_hub in this process talks to it, and keeps its cache in the test's folder."""
    from huggingface_hub import close_session, constants

    with Hub() as hub:
        point_at(hub.url, monkeypatch)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "home" / "hub"))
        monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "home" / "token"))
        yield hub
        close_session()


@pytest.fixture
def fresh(tmp_path: Path) -> Fresh:
    """Run ``python ARGS`` in a process of its own, as a user has it."""

    def run(*args: object, **environment: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, *map(str, args)], cwd=tmp_path, capture_output=True, text=True, timeout=120,
            env={**os.environ, "HF_HOME": str(tmp_path / "home"), "OMP_NUM_THREADS": "1", **environment},
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return run
