"""outpaint.toml, the user's own, OUTPAINT_* variables and presets: which value counts, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.conftest import Outpaint, Result

M = ("-m", "reflect", "-n", "--json")


@pytest.fixture
def project(tmp_path: Path) -> Any:
    """Write outpaint.toml in the working folder."""
    return lambda text: (tmp_path / "outpaint.toml").write_text(text)


@pytest.fixture
def user(tmp_path: Path) -> Any:
    """Write the user's own file."""

    def write(text: str) -> None:
        (tmp_path / ".config").mkdir(exist_ok=True)
        (tmp_path / ".config" / "outpaint.toml").write_text(text)

    return write


def size(done: Result) -> tuple[int, int]:
    assert done.code == 0, done.err
    return done.events[0]["width"], done.events[0]["height"]


# ---------------------------------------------------------------------------------------- precedence


def test_each_source_beats_the_next(
    outpaint: Outpaint, photo: Any, project: Any, user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo("a.png", 60, 40)
    run = ("extend", "a.png", *M)
    assert size(outpaint(*run)) == (90, 60)
    user("scale = 2")
    assert size(outpaint(*run)) == (120, 80)
    project("[extend]\npad = 5")  # excludes scale, so that the user's is out
    assert size(outpaint(*run)) == (70, 50)
    monkeypatch.setenv("OUTPAINT_ASPECT", "2:1")
    assert size(outpaint(*run)) == (80, 40)
    assert size(outpaint(*run, "--preset", "square")) == (60, 60)
    assert size(outpaint(*run, "--preset", "square", "--left", "1")) == (61, 40)
    assert size(outpaint("--no-config", *run)) == (80, 40)
    monkeypatch.delenv("OUTPAINT_ASPECT")
    assert size(outpaint("--no-config", *run)) == (90, 60)


def test_a_table_of_the_command_beats_what_stands_above(outpaint: Outpaint, photo: Any, project: Any) -> None:
    photo("a.png")
    project('seed = 1\nmodel = "edge"\n[extend]\nseed = 2\n[inpaint]\nseed = 3\n')
    event = outpaint("extend", "a.png", "-n", "--json").events[0]
    assert (event["seed"], event["model"]) == (2, "edge")


def test_show_says_where_each_value_came_from(
    outpaint: Outpaint, project: Any, user: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    user('quality = 70\nformat = "png"\npreset = "mine"\n[presets.mine]\naspect = "2:1"\nformat = "webp"\n')
    project("[extend]\nquality = 80\nanchor = 'top'\n")
    monkeypatch.setenv("OUTPAINT_JOBS", "3")
    rows = [json.loads(line) for line in outpaint("config", "show", "extend", "--json").out.splitlines()]
    found = {row["option"]: (row["value"], row["from"], row["where"]) for row in rows}
    own = str(tmp_path / ".config" / "outpaint.toml")
    assert found["jobs"] == (3, "environment", "OUTPAINT_JOBS")
    assert found["quality"] == (80, "file", "outpaint.toml [extend]")
    assert found["anchor"] == ("top", "file", "outpaint.toml [extend]")
    assert found["format"] == ("png", "user-file", own)  # beats the preset named beside it
    assert found["aspect"] == ("2:1", "preset", f"preset mine of {own}, named by {own}")
    assert found["seed"] == (0, "default", "default")
    text = outpaint("config", "show").out.decode()
    assert "quality  80  (outpaint.toml [extend])" in text
    assert own in text
    assert "overlap" not in text  # defaults are told for a single command only


def test_lists_of_the_environment_are_split_as_a_shell_does(
    outpaint: Outpaint, photo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a b.png", "c.png", "d.png"):
        photo(f"in/{name}")
    monkeypatch.setenv("OUTPAINT_INCLUDE", "'a b*' c.png")
    done = outpaint("extend", "in", *M)
    assert sorted(Path(e["input"]).name for e in done.events) == ["a b.png", "c.png"]
    monkeypatch.setenv("OUTPAINT_INCLUDE", "Anna's.png")
    done = outpaint("extend", "in", *M)
    assert (done.code, len(done.lines)) == (2, 1)
    assert "OUTPAINT_INCLUDE" in done.err


def test_plugin_options_are_joined_by_name(
    outpaint: Outpaint, project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    project('[option]\nsingan.size = 512\nsingan.preset = "exact"\n')
    monkeypatch.setenv("OUTPAINT_OPTION", "singan.size=256")
    rows = outpaint("config", "show", "extend", "--json").out.splitlines()
    found = {json.loads(row)["option"]: json.loads(row)["value"] for row in rows}
    assert found["option"] == ["singan.size=512", "singan.preset=exact", "singan.size=256"]


def test_home_and_a_file_given(outpaint: Outpaint, photo: Any, project: Any, tmp_path: Path) -> None:
    photo("a.png")
    project("broken")
    (tmp_path / "other.toml").write_text('out = "~/nowhere/wide"')
    done = outpaint("--config", "other.toml", "extend", "a.png", *M)
    assert done.events[0]["output"] == str(Path.home() / "nowhere" / "wide" / "a.png")
    assert outpaint("--config", "gone.toml", "extend", "a.png", *M).code == 2


# ------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("qualty = 3", "did you mean 'quality'?"),
        ('quality = "high"', "a whole number"),
        ("quality = 90.5", "a whole number"),
        ("quality = true", "a whole number"),
        ("quality = 101", "from 1 to 100"),
        ("overwrite = 1", "true or false"),
        ("model = 3", "a text in quotes"),
        ("include = 3", "a list of texts"),
        ("include = [3]", "a list of texts"),
        ("[inpaint]\npad = 3", "extend and compare have it"),
        ("extend = 3", "must be a table"),
        ("[extent]\npad = 3", "did you mean 'extend'?"),
        ("[presets.x]\nsize = 3", "a text in quotes"),
        ("[presets.x]\npreset = 'y'", "for a preset"),
        ("presets = 3", "must be tables"),
        ("[option]\nsize = 3", "plugin.option"),
        ("size = '3x", "is not TOML"),
        ("preset = 'gone'", "there is no preset 'gone'"),
        ("[models.lst]\njson = true", "there is no command"),
    ],
)
def test_a_wrong_file_is_told_in_one_line(
    outpaint: Outpaint, photo: Any, project: Any, text: str, told: str
) -> None:
    photo("a.png")
    project(text)
    done = outpaint("extend", "a.png", *M)
    assert (done.code, len(done.lines), done.out) == (2, 1, b"")
    assert "outpaint.toml: " in done.err
    assert told in done.err
    assert outpaint("extend", "--help").code == 0
    assert outpaint("--no-config", "extend", "a.png", *M).code == 0


@pytest.mark.parametrize(
    ("name", "text"),
    [("QUALITY", "high"), ("QUALITY", "0"), ("OVERWRITE", "perhaps"), ("SCALE", "big"), ("PRESET", "gone")],
)
def test_a_wrong_variable_is_told_in_one_line(
    outpaint: Outpaint, photo: Any, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    photo("a.png")
    monkeypatch.setenv(f"OUTPAINT_{name}", text)
    done = outpaint("extend", "a.png", *M)
    assert (done.code, len(done.lines)) == (2, 1)
    assert f"OUTPAINT_{name}" in done.err


# ------------------------------------------------------------------------------------------ presets


def test_presets_of_ours(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    Image.open(photo("a.png", 60, 40)).save(tmp_path / "b.png", dpi=(254, 254))
    run = ("extend", "b.png", *M, "--preset")
    assert size(outpaint(*run, "social-16x9")) == (71, 40)
    assert size(outpaint(*run, "square")) == (60, 60)
    assert size(outpaint(*run, "video-frame")) == (1920, 1080)
    assert size(outpaint(*run, "print-bleed")) == (120, 100)
    assert size(outpaint(*run, "print-bleed", "--dpi", "127")) == (90, 70)
    assert outpaint("extend", "a.png", *M, "--preset", "print-bleed").code == 3  # says no dots an inch
    listed = outpaint("config", "presets").out.decode()
    assert all(name in listed for name in ("social-16x9", "square", "video-frame", "print-bleed"))


def test_a_preset_that_does_not_fit(outpaint: Outpaint, photo: Any, project: Any) -> None:
    photo("a.png")
    run = ("inpaint", "a.png", "--mask", "alpha", "-n")
    named = outpaint(*run, "--preset", "square")
    assert (named.code, len(named.lines)) == (2, 1)
    project('preset = "square"')
    assert "preset" not in outpaint(*run).err  # named for all commands: what does not fit is passed over
    done = outpaint("extend", "a.png", *M, "--preset", "squar")
    assert done.code == 2
    assert "did you mean 'square'?" in done.err


def test_presets_of_files_and_none(outpaint: Outpaint, photo: Any, project: Any, user: Any) -> None:
    photo("a.png", 60, 40)
    user(
        '[presets.square]\nsize = "70x70"\n[presets.wall]\nhelp = "for the wall"\nleft = "1cm"\ndpi = 25.4\n'
    )
    project('preset = "square"')
    assert size(outpaint("extend", "a.png", *M)) == (70, 70)
    assert size(outpaint("extend", "a.png", *M, "--preset", "wall")) == (70, 40)
    assert size(outpaint("extend", "a.png", *M, "--preset", "none")) == (90, 60)
    rows = [json.loads(line) for line in outpaint("config", "presets", "--json").out.splitlines()]
    assert next(row for row in rows if row["name"] == "wall")["help"] == "for the wall"


# -------------------------------------------------------------------------------------------- units


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (("--pad", "1cm"), (80, 50)),
        (("--left", "0.5in"), (73, 30)),
        (("--pad", "10mm,0,0,10%"), (70, 33)),
        (("--top", "1cm", "--dpi", "50.8"), (60, 50)),
    ],
)
def test_lengths_as_printed(
    outpaint: Outpaint, photo: Any, tmp_path: Path, args: tuple[str, ...], expected: tuple[int, int]
) -> None:
    """10 dots a cm across; a photo that lies on its side has its dots across and down exchanged with it."""
    Image.open(photo("a.png", 60, 30)).save(tmp_path / "b.png", dpi=(25.4, 25.4))
    assert size(outpaint("extend", "b.png", *M, *args)) == expected


def test_dots_an_inch_turn_with_the_photo(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(photo("a.png", 60, 30)).save(tmp_path / "b.jpg", dpi=(100, 200), exif=exif)
    assert size(outpaint("extend", "b.jpg", *M, "--left", "1in")) == (230, 60)


@pytest.mark.parametrize(
    "args",
    [
        ("--pad", "3km"), ("--pad", "3 m m"), ("--pad", "3", "--dpi", "300"), ("--dpi", "9"),
        ("--pad", "3mm", "--dpi", "0"),
    ],
)  # fmt: skip
def test_lengths_that_make_no_sense(outpaint: Outpaint, photo: Any, args: tuple[str, ...]) -> None:
    photo("a.png")
    done = outpaint("extend", "a.png", *M, *args)
    assert (done.code, len(done.lines)) == (2, 1)


# ----------------------------------------------------------------------------- the real thing, once


def test_the_files_of_a_real_process(photo: Any, tmp_path: Path) -> None:
    photo("a.png", 60, 40)
    (tmp_path / "outpaint.toml").write_text("scale = 3\n")
    home = tmp_path / "home" / "outpaint"
    home.mkdir(parents=True)
    (home / "outpaint.toml").write_text('model = "reflect"\n')
    environment = {k: v for k, v in os.environ.items() if not k.startswith("OUTPAINT_")}
    environment |= {"XDG_CONFIG_HOME": str(home.parent)}
    command = [sys.executable, "-m", "outpaint_cli", "extend", "a.png", "-n", "--json"]
    done = subprocess.run(command, capture_output=True, cwd=tmp_path, env=environment, check=True)
    event = json.loads(done.stdout.splitlines()[0])
    assert event["width"] == 180
    if sys.platform == "linux":
        assert event["model"] == "reflect"
