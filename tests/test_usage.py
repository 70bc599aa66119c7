"""What people really type: environment and command line together, lists, odd outputs, closed pipes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from outpaint_cli import registry
from outpaint_cli.batch.discover import discover
from outpaint_cli.batch.kinds.extend import Extend
from outpaint_cli.batch.pipeline import Run
from outpaint_cli.batch.plan import make_plan
from outpaint_cli.batch.settings import Settings
from outpaint_cli.plugin import Context, FillSpec, ModelRef, Multiple, OnnxContract, OnnxDescription, Plugin
from tests.conftest import Outpaint, files

M = ("-m", "reflect")


# ------------------------------------------------------------- the command line beats the environment


@pytest.mark.parametrize(
    ("environment", "args", "size"),
    [
        ({"SCALE": "3"}, ("--size", "100x90"), (100, 90)),
        ({"SIZE": "100x90"}, ("--left", "5"), (65, 40)),
        ({"PAD": "7"}, ("--scale", "2"), (120, 80)),
        ({"ANCHOR": "left"}, ("--pad", "1"), (62, 42)),
        ({"FIT": "shrink"}, ("--scale", "2"), (120, 80)),
        ({"FIT": "shrink", "SIZE": "30x30"}, (), (30, 30)),
        ({"QUIET": "1"}, (), (90, 60)),
    ],
)
def test_an_option_beats_the_environments_that_excludes_it(
    outpaint: Outpaint,
    photo: Any,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    args: tuple[str, ...],
    size: tuple[int, int],
) -> None:
    photo("a.png")
    for name, value in environment.items():
        monkeypatch.setenv(f"OUTPAINT_{name}", value)
    done = outpaint("extend", "a.png", "--json", *args, *M)
    assert done.code == 0
    assert (done.events[0]["width"], done.events[0]["height"]) == size


def test_existing_beats_overwrite_of_the_environment(
    outpaint: Outpaint, photo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo("a.png")
    monkeypatch.setenv("OUTPAINT_OVERWRITE", "1")
    for _ in range(2):
        assert outpaint("extend", "a.png", "--json", *M).summary["ok"] == 1
    assert outpaint("extend", "a.png", "--existing", "error", *M).code == 3
    monkeypatch.setenv("OUTPAINT_JSON", "1")
    quiet = outpaint("extend", "a.png", "-q", *M)
    assert quiet.out == b"a_extended.png\n"


# -------------------------------------------------------------------------------------- odd paths


def test_a_list_with_nul_bytes_says_what_is_missing(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(os.fsencode(photo("a.png")) + b"\0")
    done = outpaint("extend", "--from-file", "list", *M)
    assert (done.code, len(done.lines)) == (2, 1)
    assert "-0" in done.err


def test_names_too_long_are_told_in_one_line(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    photo("a.png")
    done = outpaint("extend", "n" * 300, *M)
    assert (done.code, len(done.lines)) == (2, 1)
    (tmp_path / "list").write_text("n" * 300 + "\na.png\n")
    done = outpaint("extend", "--from-file", "list", "--json", *M)
    assert (done.code, done.summary["ok"], done.summary["failed"]) == (3, 1, 1)


@pytest.mark.parametrize("out", ["b.gif", "b.JP2.gif", "there", "-"])
def test_an_output_that_can_not_be_written_is_refused(
    outpaint: Outpaint, photo: Any, tmp_path: Path, out: str
) -> None:
    photo("a.png")
    (tmp_path / "there").write_text("mine")
    done = outpaint("extend", "a.png", "-o", out, "-f", *M)
    assert (done.code, len(done.lines)) == (2, 1)
    assert files(tmp_path) == ["a.png", "there"]
    assert (tmp_path / "there").read_text() == "mine"


def test_a_file_as_output_of_several_inputs_is_refused(
    outpaint: Outpaint, photo: Any, tmp_path: Path
) -> None:
    photo("a.png")
    (tmp_path / "bad.png").write_bytes(b"")
    assert outpaint("extend", "a.png", "bad.png", "-o", "c.png", *M).code == 2
    assert files(tmp_path) == ["a.png", "bad.png"]


def test_the_root_of_a_disk_needs_an_output(
    photo: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from outpaint_cli.batch.discover import Source
    from outpaint_cli.plugin import UsageError

    source = Source(photo("a.png"), Path("a.png"), Path(tmp_path.anchor))
    with pytest.raises(UsageError, match="-o"):
        make_plan([source], Settings(), Extend())
    assert (
        make_plan([source], Settings(out=tmp_path / "out"), Extend())[0].output == tmp_path / "out" / "a.png"
    )


def test_dash_as_output_is_standard_output(photo: Any, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "outpaint_cli", "extend", "-", "-o", "-", *M]
    source = photo("a.png").read_bytes()
    done = subprocess.run(command, input=source, capture_output=True, cwd=tmp_path, check=True)
    assert done.stdout.startswith(b"\x89PNG")
    assert files(tmp_path) == ["a.png"]


def test_a_closed_pipe_is_no_fault_of_ours(photo: Any, tmp_path: Path) -> None:
    photo("a.png")
    for option in ("-q", "--json"):
        command = [sys.executable, "-m", "outpaint_cli", "extend", "a.png", "-f", option, *M]
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, "wb") as closed:
            done = subprocess.run(command, stdout=closed, stderr=subprocess.PIPE, cwd=tmp_path, check=False)
        assert (done.returncode, done.stderr) == (141, b"")


def test_debug_shows_where_and_keeps_the_exit_code(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "outpaint_cli", "extend", "gone.png"]
    environment = {**os.environ, "OUTPAINT_DEBUG": "1"}
    done = subprocess.run(command, capture_output=True, cwd=tmp_path, env=environment, check=False)
    assert done.returncode == 2
    assert b"Traceback" in done.stderr


# ------------------------------------------------------------------------------------ stale, broken


def test_a_newer_plugin_makes_outputs_stale(
    outpaint: Outpaint, photo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo("a.png")
    found = registry.find_plugins()

    def version(text: str) -> None:
        ours = tuple(
            registry.Found(f.name, f"baselines {text}", f.plugin) if f.name == "baselines" else f
            for f in found
        )
        monkeypatch.setattr(registry, "find_plugins", lambda: ours)

    run = ("extend", "a.png", "--harmonize", "none", "--json", *M)
    for text, status in (("1", "ok"), ("1", "skipped"), ("2", "ok"), ("2", "skipped")):
        version(text)
        assert outpaint(*run).events[0]["status"] == status


def test_a_plugin_whose_contract_raises_stops_no_model(
    outpaint: Outpaint, photo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def recognises(description: OnnxDescription) -> bool:
        raise KeyError("x")

    bad = registry.Found("bad", "", Plugin("bad", contracts=(OnnxContract("bad", recognises),)))
    found = (bad, *registry.find_plugins())
    monkeypatch.setattr(registry, "find_plugins", lambda: found)
    import outpaint_context_encoder

    weights = Path(outpaint_context_encoder.__file__).parent / "weights" / "context-encoder.onnx"
    done = outpaint("extend", photo("a.png"), "-m", weights, "--json")
    assert (done.code, done.summary["ok"]) == (0, 1)


@pytest.mark.parametrize(
    "text",
    [
        '{"size":{"multiple":0,"min":64,"max":128}}', '{"size":{"multiple":32,"min":70,"max":80}}',
        '{"size":{"height":0,"width":5}}', '{"size":{"multiple":32,"min":64,"max":128},"max_unknown":0}',
        '{"size":{"multiple":32,"min":64,"max":128},"max_batch":0}',
        '{"size":{"multiple":32,"min":64,"max":128},"margin":32}',
        '{"size":{"height":64,"width":64},"known":{"rect":[0,0,65,3]}}', "[]",
    ],
)  # fmt: skip
def test_a_fill_spec_that_makes_no_sense_is_refused(text: str) -> None:
    from outpaint_context_encoder.filler import parse_spec

    with pytest.raises((ValueError, KeyError, TypeError)):
        parse_spec(text)


def test_a_fault_with_one_photo_spares_the_others_of_its_group(
    photo: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from outpaint_cli.batch.kinds import extend

    class Grey:
        spec = FillSpec(Multiple(32, 64, 64), max_batch=8)
        device = "cpu"

        def fill(self, images: np.ndarray, known: np.ndarray, ctx: Context) -> np.ndarray:
            return np.full_like(images, 0.5)

    for i in range(3):
        photo(f"in/{i}.png", 60 + i, 40)
    steps: Callable[..., Any] = extend.fill_steps

    def faulty(samples: np.ndarray, *args: Any, **more: Any) -> Any:
        if samples.shape[1] == 61:
            raise MemoryError
        return (yield from steps(samples, *args, **more))

    monkeypatch.setattr(extend, "fill_steps", faulty)
    settings = Settings(out=tmp_path / "out", harmonize="none", jobs=1)
    tasks = make_plan(discover([str(tmp_path / "in")]), settings, Extend())
    events = list(Run(settings, Extend(), ModelRef("grey", "grey"), filler=Grey()).run(tasks))
    assert {Path(e.input).name: e.status for e in events} == {"0.png": "ok", "1.png": "failed", "2.png": "ok"}
