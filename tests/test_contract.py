"""What docs/cli.md promises and no other test file asks of the real command.

Sizes, outputs, formats, JSON lines, skipping, signals: test_extend, test_inpaint, test_harmonize, test_usage.
Bad files, clashes, untouched inputs, full disks: test_bad_input, test_picture_write, test_pipeline. Variables,
files, presets: test_config. -q, NUL, terminals: test_shell. Scores: test_evaluate, test_evaluate_holes.
:func:`test_every_option_is_given_to_the_command_in_some_test` keeps that list honest.
"""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from outpaint_cli.app import app
from outpaint_cli.config import Option, options_of
from tests.conftest import Outpaint, files, pixels
from tests.shell import environment

M = ("-m", "reflect")
HERE = Path(__file__).parent
CLI = (HERE.parent / "docs" / "cli.md").read_text("utf-8")


SHORT = {
    "dry-run": "-n", "jobs": "-j", "model": "-m", "null": "-0", "option": "-O", "out": "-o", "overwrite": "-f",
    "quiet": "-q", "recursive": "-r", "verbose": "-v",
}  # fmt: skip


def names(option: Option) -> list[str]:
    """What an option is called on the command line."""
    return [f"--{option.name}", SHORT.get(option.name, f"--{option.name}")]


# ------------------------------------------------------------------------------------ the page itself


def test_the_page_names_every_command_and_its_options(outpaint: Outpaint) -> None:
    commands = options_of(app)
    synopsis = CLI.split("```")[1]
    listed = set(re.findall(r"^outpaint +(\S+)", synopsis, re.MULTILINE))
    assert listed == {name.split()[0] for name in commands}
    for name in ("extend", "inpaint", "harmonize"):
        for option in commands[name].values():
            assert any(re.search(rf"(?<![\w-]){name}\b", CLI) for name in names(option)), (
                f"{name} --{option.name}"
            )


def test_every_option_is_given_to_the_command_in_some_test() -> None:
    """As "--name" or "-n" in a call of a test, or as a keyword of the function or the settings behind it."""
    tests = "\n".join(path.read_text("utf-8") for path in HERE.rglob("*.py"))
    for command, options in options_of(app).items():
        for option in options.values():
            given = any(re.search(rf"""["' ]{name}["' =]""", tests) for name in names(option))
            called = re.search(rf"\b{option.parameter}=", tests)
            assert given or called, f"outpaint {command} --{option.name}"


# ------------------------------------------------------------------------------------------- how large


SIZES = [("--scale", "2"), ("--size", "90x90"), ("--aspect", "2:1"), ("--pad", "3"), ("--left", "3")]


@pytest.mark.parametrize(
    "pair", list(itertools.combinations(SIZES, 2)), ids=lambda pair: "".join(p[0] for p in pair)
)
def test_at_most_one_size(outpaint: Outpaint, photo: Any, pair: tuple[tuple[str, str], ...]) -> None:
    photo("a.png")
    done = outpaint("extend", "a.png", *pair[0], *pair[1], *M)
    assert (done.code, len(done.lines)) == (2, 1)
    assert all(option in done.err for option, _ in pair)


def test_without_a_size_it_is_one_and_a_half(outpaint: Outpaint, photo: Any) -> None:
    photo("a.png", 61, 41)
    event = outpaint("extend", "a.png", "-n", "--json", *M).events[0]
    assert (event["width"], event["height"]) == (92, 62)
    assert event["source"] == {"x": 15, "y": 10, "width": 61, "height": 41}


@pytest.mark.parametrize("across", ["left", "", "right"])
@pytest.mark.parametrize("down", ["top", "", "bottom"])
def test_all_nine_anchors(outpaint: Outpaint, photo: Any, across: str, down: str) -> None:
    photo("a.png", 60, 40)
    anchor = "-".join(part for part in (down, across) if part) or "center"
    at = outpaint("extend", "a.png", "--size", "100x100", "--anchor", anchor, "-n", "--json", *M).events[0][
        "source"
    ]
    assert at["x"] == {"left": 0, "": 20, "right": 40}[across]
    assert at["y"] == {"top": 0, "": 30, "bottom": 60}[down]


# ------------------------------------------------------------------------- where outputs go, by default


@pytest.mark.parametrize(
    ("command", "verb"),
    [
        (("extend",), "extended"),
        (("inpaint", "--mask", "mask.png"), "inpainted"),
        (("harmonize", "--method", "patch", "--mask", "mask.png"), "harmonized"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_outputs_are_named_after_what_was_done(
    outpaint: Outpaint, photo: Any, tmp_path: Path, command: tuple[str, ...], verb: str
) -> None:
    photo("in/a.png")
    photo("in/sub/b.jpg")
    photo("c.png")
    Image.new("L", (60, 40)).save(tmp_path / "mask.png")
    planned = outpaint(*command, "c.png", "in", "-r", "-n", "--json").events
    assert [event["output"] for event in planned] == [
        f"c_{verb}.png", f"in_{verb}/a.png", f"in_{verb}/sub/b.jpg",
    ]  # fmt: skip
    assert {event["status"] for event in planned} == {"planned"}


# --------------------------------------------------------------------------------- what is said, where


def test_results_to_one_stream_messages_to_the_other_and_no_bar_without_a_terminal(
    photo: Any, tmp_path: Path
) -> None:
    photo("in/a.png")
    (tmp_path / "in" / "bad.png").write_bytes(b"")
    command = [sys.executable, "-m", "outpaint_cli", "extend", "in", *M]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, env=environment(), check=False
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert "\x1b" not in done.stderr
    assert "\r" not in done.stderr
    assert [line for line in done.stderr.splitlines() if "bad.png" in line]
    assert "device: cpu" in done.stderr.splitlines()  # auto says once which it took
    assert "1 done, 1 failed" in done.stderr


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("extend", "a.png", "--pat", "3"), "outpaint extend --help"),
        (("extend", "a.png", "--quality", "high"), "outpaint extend --help"),
        (("extend", "a.png", "--pad"), "outpaint --help"),
        (("convert", "a.png"), "outpaint convert --help"),
        (("a.png",), "or try outpaint extend a.png"),
        (("gone.jpg", "--pad", "3"), "or try outpaint extend gone.jpg"),
        (("widen",), "outpaint --help"),
        (("models", "list", "more"), "outpaint models list --help"),
    ],
)
def test_a_command_line_that_makes_no_sense_is_told_in_one_line(
    outpaint: Outpaint, photo: Any, args: tuple[str, ...], told: str
) -> None:
    photo("a.png")
    done = outpaint(*args)
    assert (done.code, done.out, len(done.lines)) == (2, b"", 1)
    assert done.err.startswith("outpaint: ")
    assert done.err.rstrip().endswith(told)


def test_no_arguments_show_the_help(outpaint: Outpaint) -> None:
    done = outpaint()
    assert "extend" in done.err + done.out.decode()
    assert "Traceback" not in done.err


def test_json_lines_of_every_status_have_the_same_keys(
    outpaint: Outpaint, photo: Any, tmp_path: Path
) -> None:
    promised = re.search(r'^`(\{"schema":1,"input".*)`$', CLI, re.MULTILINE)
    assert promised is not None
    keys = re.findall(
        r'"(\w+)"(?=[,:}])', re.sub(r'("source"|"error"):\{[^}]*\}|"ok\|[^"]*"', r"\1", promised[1])
    )
    photo("a.png")
    (tmp_path / "bad.png").write_bytes(b"")
    run = ("extend", "a.png", "bad.png", "--json", *M)
    events = [*outpaint(*run, "-n").events, *outpaint(*run).events, *outpaint(*run).events]
    assert {event["status"] for event in events} == {"ok", "skipped", "failed", "planned"}
    for event in events:
        assert set(event) == set(keys), event["status"]
        assert event["schema"] == 1
        assert (event["error"] is not None) == (event["status"] == "failed")
    last = outpaint(*run).summary
    assert {"schema", "status", "ok", "skipped", "failed", "seconds", "images_per_second"} <= set(last)


# ------------------------------------------------------------------------------------------ each option


def test_a_plugins_own_option_reaches_it_or_is_refused(outpaint: Outpaint, photo: Any) -> None:
    photo("a.png")
    for wrong in ("size", "singan.size", "singan.sice=3", "gone.size=3", "singan.preset=quick"):
        done = outpaint("extend", "a.png", "-O", wrong, *M)
        assert (done.code, len(done.lines)) == (2, 1)
    right = ("extend", "a.png", "-O", "singan.size=64", "--json", *M)
    assert outpaint(*right).events[0]["status"] == "ok"
    assert outpaint(*right).events[0]["status"] == "skipped"
    assert (
        outpaint(*right[:3], "singan.size=65", *right[4:]).events[0]["status"] == "ok"
    )  # other settings: stale


def test_quality_is_that_of_the_file(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    photo("a.png", 200, 150)
    for quality in (30, 90):
        assert outpaint("extend", "a.png", "-o", f"{quality}.jpg", "--quality", quality, *M).code == 0
    assert (tmp_path / "30.jpg").stat().st_size < (tmp_path / "90.jpg").stat().st_size


def test_every_option_reads_its_variable(outpaint: Outpaint, monkeypatch: pytest.MonkeyPatch) -> None:
    """config show says that the value came from there; that values then count is test_config's."""
    for command, options in options_of(app).items():
        if command not in ("extend", "inpaint", "harmonize", "train", "evaluate", "convert"):
            continue
        with monkeypatch.context() as patch:
            for option in options.values():
                text = {bool: "1", int: "2", float: "1"}.get(option.kind, "text")
                patch.setenv(
                    "OUTPAINT_" + option.name.replace("-", "_").upper(),
                    "none" if option.name == "preset" else text,
                )
            rows = [json.loads(row) for row in outpaint("config", "show", command, "--json").out.splitlines()]
        assert {row["option"]: row["from"] for row in rows} == dict.fromkeys(options, "environment")


def test_batches_and_time_outs_change_no_pixel(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    for i in range(3):
        photo(f"in/{i}.png", 60 + i, 40, seed=i)
    run = ("extend", "in", "--harmonize", "none")
    assert outpaint(*run, "-o", "a").code == 0
    assert outpaint(*run, "-o", "b", "--batch-size", "1", "--timeout", "600", "-j", "1").code == 0
    for name in files(tmp_path / "a"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_discriminator_judges(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    helper, float32 = onnx.helper, onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["picture"], ["verdict"], keepdims=1)], "judge",
        [helper.make_tensor_value_info("picture", float32, ["N", 3, "H", "W"])],
        [helper.make_tensor_value_info("verdict", float32, [1, 1, 1, 1])],
    )  # fmt: skip
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8),
        tmp_path / "d.onnx",
    )
    photo("in/a.png", 72, 60)
    done = outpaint("evaluate", "in", "-m", "reflect", "--discriminator", "d.onnx", "--json")
    assert done.code == 0, done.err
    assert '"d":' in done.out.decode()


NO_NETWORK = """
import socket, sys
def refuse(*args, **more):
    raise SystemExit("the network was touched")
socket.socket.connect = refuse
socket.getaddrinfo = refuse
from outpaint_cli.app import main
sys.argv = ["outpaint", *sys.argv[1:]]
main()
"""


@pytest.mark.parametrize("offline", [("--offline",), ()], ids=["option", "HF_HUB_OFFLINE"])
def test_offline_touches_no_network(photo: Any, tmp_path: Path, offline: tuple[str, ...]) -> None:
    photo("a.png")
    command = [sys.executable, "-c", NO_NETWORK, "extend", "a.png", "--harmonize", "none", *offline]
    env = environment(**({} if offline else {"HF_HUB_OFFLINE": "1"}))
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=env, check=False)
    assert done.returncode == 0, done.stderr
    assert files(tmp_path) == ["a.png", "a_extended.png"]


# --------------------------------------------------------------------------- train, evaluate, convert


@pytest.mark.slow
def test_a_network_from_photos_to_a_picture(
    outpaint: Outpaint, photo: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """train, then its model file in extend and evaluate; every option of train is given."""
    torch = pytest.importorskip("torch", reason="training needs PyTorch")
    pytest.importorskip("onnxscript", reason="export needs onnxscript")
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)  # or the tests after this one are slow
    for i in range(4):
        photo(f"photos/{i}.png", 150, 140, seed=i)
        photo(f"val/{i}.png", 150, 140, seed=9 + i)
    done = outpaint(
        "train", "context-encoder", "photos", "-o", "run", "--steps", "2", "--batch", "2", "--lr", "0.001",
        "--loss", "rec", "--precision", "fp32", "--threads", "1", "--seed", "1", "--device", "cpu",
        "--save-every", "1", "--cap", "0=0.5", "--cache", "cache", "--validate", "val", "--offline",
        "-O", "context-encoder.widths=8,12", "-O", "context-encoder.blocks=1,1",
    )  # fmt: skip
    assert done.code == 0, done.err
    model = tmp_path / "run" / "model.onnx"
    assert model.is_file()
    photo("a.png", 60, 40)
    event = outpaint("extend", "a.png", "-m", "run/model.onnx", "--harmonize", "none", "--json").events[0]
    assert (event["status"], event["model"], event["core_exact"]) == ("ok", "model", True)
    scored = outpaint(
        "evaluate",
        "val",
        "-m",
        "run/model.onnx",
        "--limit",
        "1",
        "--figure",
        "f.png",
        "--json",
        "--device",
        "cpu",
    )
    assert scored.code == 0, scored.err
    assert (tmp_path / "f.png").is_file()
    assert len(scored.out.splitlines()) == 2

    checkpoint = tmp_path / "run" / "last.safetensors"
    converted = outpaint("convert", checkpoint, "-o", "own.onnx", "--fp16")
    assert converted.code == 0, converted.err
    assert (tmp_path / "own.onnx").stat().st_size < model.stat().st_size
    assert outpaint("convert", checkpoint, "-o", "own.onnx").code == 2  # there already, no --overwrite
    assert outpaint("convert", checkpoint, "-o", "own.onnx", "--overwrite").code == 0
    assert outpaint("extend", "a.png", "-m", "own.onnx", "--harmonize", "none", "-o", "b.png").code == 0
    assert np.array_equal(pixels(tmp_path / "b.png")[10:50, 15:75], pixels(tmp_path / "a.png"))
