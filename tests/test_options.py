"""Every option of the commands that make pictures, given to the real command and taken by it.

What each one does is asked in other files; here none can be left out: an option without a line in GIVEN fails.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from outpaint_cli.app import app
from outpaint_cli.config import options_of
from tests.conftest import Outpaint, files

COMMANDS: dict[str, tuple[str, ...]] = {
    "extend": ("-m", "reflect", "--harmonize", "none"),
    "inpaint": ("-m", "telea", "--harmonize", "none", "--mask", "mask.png"),
    "harmonize": ("--method", "patch", "--mask", "mask.png"),
    "compare": ("-m", "reflect"),
}

GIVEN: dict[str, tuple[str, ...]] = {
    "out": ("--out", "elsewhere.png"),
    "scale": ("--scale", "2"), "size": ("--size", "90x80"), "aspect": ("--aspect", "2:1"), "pad": ("--pad", "3"),
    "left": ("--left", "3"), "top": ("--top", "10%"), "right": ("--right", "3"), "bottom": ("--bottom", "3"),
    "dpi": ("--pad", "3mm", "--dpi", "72"), "anchor": ("--anchor", "top-left"),
    "fit": ("--size", "30x30", "--fit", "shrink"),
    "overlap": ("--overlap", "2"), "model": ("--model", "telea"), "harmonize": ("--harmonize", "patch"),
    "preset": ("--preset", "square"), "guide": ("--harmonize", "patch", "--guide", "guide.png"),
    "existing": ("--existing", "overwrite"), "overwrite": ("--overwrite",), "recursive": ("--recursive",),
    "include": ("--include", "*.png"), "exclude": ("--exclude", "*.jpg"),
    "from-file": ("--from-file", "list.txt"), "null": ("--from-file", "list.nul", "--null"),
    "format": ("--format", "webp"), "quality": ("--quality", "80"),
    "strip-metadata": ("--strip-metadata",), "no-provenance": ("--no-provenance",),
    "device": ("--device", "cpu"), "jobs": ("--jobs", "2"), "batch-size": ("--batch-size", "2"),
    "timeout": ("--timeout", "300"), "shard": ("--shard", "1/1"), "seed": ("--seed", "5"),
    "variants": ("--variants", "2"), "option": ("--option", "singan.size=64"), "min-score": ("--min-score", "0"),
    "strict": ("--min-score", "0", "--strict"), "report": ("--report", "page.html"),
    "max-pixels": ("--max-pixels", "1000000"),
    "accept-licence": ("--accept-licence",), "offline": ("--offline",), "dry-run": ("--dry-run",),
    "fail-fast": ("--fail-fast",), "no-input": ("--no-input",), "quiet": ("--quiet",), "print0": ("--print0",),
    "json": ("--json",), "verbose": ("--verbose",),
    "mask": ("--mask", "mask.png"), "mask-invert": ("--mask", "inverse.png", "--mask-invert"),
    "method": ("--method", "patch"), "source": ("--source", "6,3,24,18"), "upscale": ("--upscale", "2"),
    "per-sheet": ("--per-sheet", "3"),
}  # fmt: skip

ELSEWHERE = {  # they take seconds, or go on until a signal
    "ray": "test_cluster.py",
    "watch": "test_watch.py",
    "upscale": "singan/test_command.py",
    "onnx-contract": "hub/test_onnx_files.py",
}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_taken(outpaint: Outpaint, photo: Any, tmp_path: Path, command: str) -> None:
    photo("in.png", 36, 24)  # small: it is made some forty times
    photo("guide.png", 36, 24, seed=3)
    (tmp_path / "list.txt").write_text("in.png\n")
    (tmp_path / "list.nul").write_bytes(b"in.png\0")
    hole = np.zeros((24, 36), np.uint8)
    hole[6:12, 12:20] = 255
    Image.fromarray(hole).save(tmp_path / "mask.png")
    Image.fromarray(255 - hole).save(tmp_path / "inverse.png")
    before = set(files(tmp_path))
    for name in options_of(app)[command]:
        if name in ELSEWHERE:
            source = (Path(__file__).parent / ELSEWHERE[name]).read_text("utf-8")
            assert f"--{name}" in source, name
            continue
        given = GIVEN[name]
        if command == "harmonize":  # its --method is what --harmonize is to the others
            given = tuple("--method" if word == "--harmonize" else word for word in given)
        if command == "compare" and name == "guide":
            given = ("--model", "reflect,patch", "--guide", "guide.png")
        if name == "preset" and command in ("inpaint", "harmonize"):
            given = ("--preset", "none")  # ours all set a size
        usual = list(COMMANDS[command])
        for key in ("--mask", "-m", "--method", "--harmonize"):
            long = {"-m": "--model"}.get(key, key)
            if key in usual and (long in given or (long == "--mask" and name == "source")):
                at = usual.index(key)
                del usual[at : at + 2]
        inputs = () if "--from-file" in given else ("in.png",)
        done = outpaint(command, *inputs, *usual, *given)
        if command == "compare" and "has no meaning in a comparison" in done.err:
            assert (done.code, f"--{name}" in done.err) == (2, True)  # one declaration serves all commands
            continue
        assert done.code == 0, f"{command} {' '.join(given)}: {done.err}"
        made = set(files(tmp_path)) - before
        assert bool(made) == (name != "dry-run"), f"{command} {' '.join(given)} made {made}"
        for path in made:
            (tmp_path / path).unlink(missing_ok=True)
        for folder in tmp_path.rglob(".outpaint"):
            shutil.rmtree(folder)
