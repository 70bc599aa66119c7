"""A stranger's plugin: built, installed into a fresh environment and used from the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from pathlib import Path

import numpy as np
import pytest

from outpaint_cli.fill import Guess
from outpaint_cli.plugin import Context, HarmonizeJob, Rect
from tests.conftest import EXAMPLES, pixels

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "tests" / "plugin_example"


def test_the_guide_begins_with_the_example_as_it_is() -> None:
    guide = (ROOT / "docs" / "writing-a-plugin.md").read_text()
    assert (EXAMPLE / "src" / "outpaint_average" / "__init__.py").read_text() in guide
    assert (EXAMPLE / "pyproject.toml").read_text() in guide


def test_the_example_does_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLE / "src"))
    from outpaint_average import plugin

    from outpaint_cli.compose import fill_picture
    from outpaint_cli.frame import Geometry, plan_frame

    photo = np.full((30, 40, 3), (10, 100, 200), np.uint8)
    assert plugin.load is not None
    filler = plugin.load(None, Context())  # type: ignore[arg-type]
    frame = plan_frame(40, 30, Geometry())
    out, guess = fill_picture(photo, frame, filler, Context())
    assert isinstance(guess, Guess)
    assert np.abs(out.astype(int) - photo[0, 0]).max() <= 1
    known = np.zeros(out.shape[:2], bool)
    known[frame.photo.slices()] = True
    harmonizer = plugin.harmonizers["speckle"](Context(options={"grain": "9"}))
    done = harmonizer.harmonize(HarmonizeJob(out, known, Rect(10, 7, 40, 30)), Context(seed=1))
    assert np.array_equal(done.image[known], out[known])
    assert not np.array_equal(done.image, out)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_example_installs_and_works_from_the_command_line(tmp_path: Path) -> None:
    home = tmp_path / "venv"
    venv.create(home, with_pip=True)
    scripts = home / ("Scripts" if sys.platform == "win32" else "bin")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("OUTPAINT_", "PYTHON"))}

    def run(*args: object) -> subprocess.CompletedProcess[str]:
        command = [str(scripts / str(args[0])), *map(str, args[1:])]
        return subprocess.run(
            command, capture_output=True, text=True, check=True, cwd=tmp_path, env=environment
        )

    run("pip", "install", f"{ROOT}[cpu]", EXAMPLE)
    assert "average  ok" in run("outpaint", "plugins", "list").stdout
    done = run(
        "outpaint", "extend", EXAMPLES / "rocket.jpg", "-o", tmp_path / "out.png", "-m", "average",
        "--harmonize", "speckle", "-O", "average.grain=6", "--json",
    )  # fmt: skip
    event = json.loads(done.stdout.splitlines()[0])
    assert (event["model"], event["harmonizer"], event["info"]["grain"]) == ("average", "speckle", 6.0)
    assert pixels(tmp_path / "out.png").shape == (641, 960, 3)
