"""The installed console script in a real shell."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent


def environment(**more: str) -> dict[str, str]:
    """An environment in which ``outpaint`` is this one, without anybody's settings."""
    clean = {
        k: v for k, v in os.environ.items() if not k.startswith(("OUTPAINT_", "HF_", "_OUTPAINT", "_TYPER"))
    }
    clean |= {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
    return clean | more


def need(*programs: str) -> None:
    """Skip where one of ``programs`` is not installed."""
    for program in programs:
        if shutil.which(program, path=environment()["PATH"]) is None:
            pytest.skip(f"{program} is not installed")


def shell(script: str, cwd: Path, *, program: str = "bash", check: bool = True, **more: str) -> str:
    """What ``script`` prints to standard output; it must end with 0 unless ``check`` is false."""
    need(program, "outpaint")
    options = ["-f"] if program == "zsh" else []
    settings = environment(HOME=str(cwd), XDG_CONFIG_HOME=str(cwd / ".config"), **more)
    done = subprocess.run(
        [program, *options, "-c", script], capture_output=True, text=True, cwd=cwd, env=settings, check=False
    )
    assert done.returncode == 0 or not check, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout
