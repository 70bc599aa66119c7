"""In real shells: completion, the manual page, colours, questions, and lists for xargs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from outpaint_cli.batch.events import Event
from outpaint_cli.commands import _complete
from outpaint_cli.commands._report import in_order
from tests.conftest import Outpaint, files
from tests.shell import environment, need, shell

M = ("-m", "reflect")

BASH = """
source <(outpaint completion bash)
try() {
    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
    _outpaint_completion outpaint
    printf '%s\\n' "${COMPREPLY[@]}" ""
}
try outpaint extend --preset ""
"""

ZSH = """
compdef() { }
_arguments() { print -rl -- "$@" }
source <(outpaint completion zsh)
words=(outpaint extend --preset w); CURRENT=4
_outpaint_completion
"""

FISH = """
outpaint completion fish | source
complete -C "outpaint extend --preset w"
complete -C "outpaint extend some"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "outpaint.toml").write_text('[presets.wall]\nhelp = "for the wall"\nsize = "3840x2160"\n')
    (tmp_path / "some.jpg").touch()
    return tmp_path


def test_bash_completes_options_models_and_presets(folder: Path) -> None:
    more = "try outpaint extend -m p\ntry outpaint extend --pre\n"
    presets, models, options, *_ = (answer.split() for answer in shell(BASH + more, folder).split("\n\n"))
    assert {"wall", "square", "print-bleed", "none"} <= set(presets)
    assert {"patch", "pconv"} <= set(models)
    assert options == ["--preset"]


def test_what_is_offered() -> None:
    assert tuple(name for name, _ in _complete.harmonizers("")[:2]) == ("auto", "none")
    assert "patch" in [name for name, _ in _complete.methods("p")]
    assert "pconv" in [name for name, _ in _complete.networks("p")]
    assert "singan.preset=exact" in [name for name, _ in _complete.plugin_options("singan.preset=")]
    assert "singan.size=" in [name for name, _ in _complete.plugin_options("singan.s")]
    assert _complete.among("keep", "png")("p") == ["png"]


def test_zsh_completes_presets(folder: Path) -> None:
    assert '"wall":"for the wall"' in shell(ZSH, folder, program="zsh")


def test_fish_completes_presets_and_files(folder: Path) -> None:
    answer = shell(FISH, folder, program="fish").splitlines()
    assert "wall\tfor the wall" in answer
    assert "some.jpg" in answer


def test_a_wrong_file_does_not_stop_completion(folder: Path) -> None:
    (folder / "outpaint.toml").write_text("size = ")
    assert "square" in shell(BASH, folder)


def test_completion_for_other_shells_is_refused(outpaint: Outpaint) -> None:
    done = outpaint("completion", "tcsh")
    assert (done.code, len(done.lines)) == (2, 1)


# --------------------------------------------------------------------------------- the manual page


def test_the_manual_has_every_option_of_help(outpaint: Outpaint) -> None:
    manual = outpaint("man").out.decode().replace("\\-", "-")
    for command in ("extend", "inpaint", "harmonize", "train", "models list", "config show"):
        help = outpaint(*command.split(), "--help").out.decode()
        options = set(re.findall(r"(?<![\w-])--[a-z0-9-]+", help.split("Options:")[1]))
        assert len(options) > 1
        assert all(f"{option}" in manual for option in options), command
        own = outpaint("man", *command.split()).out.decode().replace("\\-", "-")
        assert all(f"{option}" in own for option in options)
    assert ".SH EXIT STATUS" in manual


@pytest.mark.parametrize("check", ["mandoc -T lint -W error", "groff -man -ww -z", "man -l"])
def test_the_manual_is_sound_roff(tmp_path: Path, check: str) -> None:
    need(check.split()[0])
    pages = shell("outpaint man --dir man", tmp_path).split()
    assert {"man/outpaint.1", "man/outpaint-extend.1", "man/outpaint-models-list.1"} <= set(pages)
    for page in pages[:3]:
        done = subprocess.run(
            [*check.split(), page], capture_output=True, text=True, cwd=tmp_path, check=True
        )
        assert done.stderr == ""


def test_the_manual_of_what_is_not_there(outpaint: Outpaint, photo: Any) -> None:
    photo("a.png")
    for args in (("man", "extent"), ("man", "extend", "--dir", "x"), ("man", "--dir", "a.png")):
        done = outpaint(*args)
        assert (done.code, len(done.lines)) == (2, 1)


# ---------------------------------------------------------------------------- terminals and scripts


def terminal(command: list[str], cwd: Path, typed: bytes = b"", **more: str) -> tuple[int, str]:
    """Run with a terminal on all three ends; ``typed`` is typed at once."""
    pty = pytest.importorskip("pty")
    leader, follower = pty.openpty()
    env = environment(TERM="xterm-256color", **more)
    process = subprocess.Popen(command, stdin=follower, stdout=follower, stderr=follower, cwd=cwd, env=env)
    os.close(follower)
    if typed:
        os.write(leader, typed)
    seen = b""
    while True:
        try:
            part = os.read(leader, 4096)
        except OSError:
            break
        if not part:
            break
        seen += part
    os.close(leader)
    return process.wait(), seen.decode()


COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])[;m]")


def test_no_color(photo: Any, tmp_path: Path) -> None:
    photo("a.png")
    command = [sys.executable, "-m", "outpaint_cli", "extend", "a.png", "-f", *M]
    code, seen = terminal(command, tmp_path)
    assert code == 0
    assert COLOUR.search(seen)
    code, seen = terminal(command, tmp_path, NO_COLOR="1")
    assert code == 0
    assert not COLOUR.search(seen)


def test_nothing_waits_for_typing_unasked(photo: Any, tmp_path: Path) -> None:
    photo("a.png")
    extend = [sys.executable, "-m", "outpaint_cli", "extend", *M, "-n"]
    code, seen = terminal([*extend, "-"], tmp_path)
    assert code == 2
    assert "redirect" in seen
    listed = [*extend, "--from-file", "-"]
    code, seen = terminal([*listed, "--no-input"], tmp_path)
    assert code == 2
    assert "--no-input" in seen
    code, seen = terminal(listed, tmp_path, typed=b"a.png\n\x04")
    assert code == 0
    assert "Ctrl-D" in seen


def test_quiet_output_is_in_the_order_of_the_inputs(photo: Any, tmp_path: Path, outpaint: Outpaint) -> None:
    sizes = {"c.png": 400, "a b.png": 60, "d.png": 300, "b.png": 40}
    for name, size in sizes.items():
        photo(name, size, 40)
    (tmp_path / "bad.png").write_bytes(b"")
    run = ("extend", "c.png", "bad.png", "a b.png", "d.png", "b.png", "-o", "out", *M)
    done = outpaint(*run, "-q")
    assert done.code == 3
    assert done.out.decode().splitlines() == [f"out/{name}" for name in sizes]
    again = outpaint(*run, "--print0")  # all there: skipped ones are outputs too
    assert again.out == b"".join(f"out/{name}".encode() + b"\0" for name in sizes)
    assert outpaint(*run, "--print0", "--json").code == 2


def test_order_holds_back_no_more_than_it_must() -> None:
    seen: list[str] = []

    def events() -> Iterator[Event]:
        for name, status in (("b", "ok"), ("a", "ok"), ("c", "failed"), ("e", "ok")):
            seen.append(name)
            yield Event(status, name, name)  # type: ignore[arg-type]

    told = [(event.input, list(seen)) for event in in_order(events(), ["a", "b", "c", "d", "e"])]
    assert told == [("a", ["b", "a"]), ("b", ["b", "a"]), ("c", ["b", "a", "c"]), ("e", ["b", "a", "c", "e"])]


@pytest.mark.skipif(shutil.which("xargs") is None, reason="xargs is not installed")
def test_lists_pass_through_pipes_whole(photo: Any, tmp_path: Path) -> None:
    for name in ("a b.png", "new\nline.png"):
        photo(f"in/{name}")
    shell(
        "find in -name '*.png' -print0 | outpaint extend --from-file - -0 --print0 -m reflect -o out"
        ' | xargs -0 sh -c \'for f; do cp "$f" "$f.copy"; done\' sh',
        tmp_path,
    )
    assert files(tmp_path / "out") == ["a b.png", "a b.png.copy", "new\nline.png", "new\nline.png.copy"]
