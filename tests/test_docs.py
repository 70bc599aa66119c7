"""Every command in README.md and docs/ is run, in a folder that has what they speak of; links lead somewhere.

A block that can't be run here has ``<!-- not run: reason -->`` above it.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image

from outpaint_cli import extend_files
from outpaint_cli.app import app
from outpaint_cli.config import options_of
from outpaint_cli.config.sources import parse
from tests.bucket import stocked
from tests.conftest import EXAMPLES, Outpaint
from tests.shell import environment, need, shell

ROOT = Path(__file__).parent.parent
SIZE = 96, 72  # of the photos that the pages speak of
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PROGRAMS = ("jq", "parallel", "make", "ffmpeg", "xargs", "find", "flock")

FENCE = re.compile(
    r"^(?:<!-- not run: (?P<why>[^>]*?) -->\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    page: str
    number: int
    kind: str
    text: str
    why: str

    def __str__(self) -> str:
        return f"{self.page}:{self.number}"


def blocks(*kinds: str) -> list[Block]:
    """All blocks of these kinds, in the order of the pages."""
    found = []
    for page in PAGES:
        for number, match in enumerate(FENCE.finditer(page.read_text("utf-8"))):
            if match["kind"] in kinds:
                name = page.relative_to(ROOT).as_posix()
                found.append(Block(name, number, match["kind"], match["text"], match["why"] or ""))
    return found


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """photo.jpg, photos/, masks/ and whatever else the pages name; small."""
    root = tmp_path_factory.mktemp("pages")

    def save(source: str, name: str, size: tuple[int, int] = SIZE) -> None:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(EXAMPLES / source) as image:
            image.convert("RGB").resize(size).save(path, dpi=(300, 300))

    save("flower.jpg", "photo.jpg")
    save("coffee.png", "photo.png")
    save("coffee.png", "collage.png", (160, 90))  # the README speaks of a part of it
    for folder, names in (("photos", ("beach", "hill")), ("inbox/photos", ("new",))):
        for name in names:
            save("china.jpg", f"{folder}/{name}.jpg")
    save("coffee.png", "photos/sub/cup.png")
    save("rocket.jpg", "others/there.jpg")
    save("chelsea.png", "examples/photos/cat.png")
    hole = Image.new("L", SIZE)
    hole.paste(255, (40, 30, 60, 50))
    for name in ("masks/beach.png", "masks/hill.png", "examples/holes/cat.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        hole.save(root / name)
    hole.resize((128, 72)).save(root / "mask.png")
    with Image.open(root / "photo.png") as image:
        image.putalpha(hole.point(lambda value: 255 - value))
        image.save(root / "cutout.png")
    assert all(
        e.status == "ok" for e in extend_files([root / "photo.png"], out=root / "rough", harmonize="none")
    )
    # The pages' defaults take seconds a picture: here the network's guess is enough, unless a page says otherwise.
    for folder in (root / ".config", root / ".config" / "outpaint"):
        folder.mkdir(exist_ok=True)
        (folder / "outpaint.toml").write_text('[extend]\nharmonize = "none"\n[inpaint]\nharmonize = "none"\n')
    return root


@pytest.fixture
def folder(template: Path, tmp_path: Path) -> Path:
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def bucket(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """s3://my-photos/in/, with the photos, on a server of this machine."""
    with stocked("my-photos", folder / "photos", monkeypatch):
        yield


def simple(text: str) -> list[list[str]] | None:
    """The commands of a block, where all are plain calls of outpaint that need no shell."""
    commands = []
    for line in text.splitlines():
        words = shlex.split(line, comments=True)
        if not words:
            continue
        if words[0] != "outpaint" or re.search(r"[|<>&;$~*\\]", line.split(" #")[0]):
            return None
        commands.append(words[1:])
    return commands


@pytest.mark.parametrize("block", blocks("sh"), ids=str)
def test_the_commands_run(
    block: Block, folder: Path, outpaint: Outpaint, request: pytest.FixtureRequest
) -> None:
    if block.why:
        pytest.skip(block.why)
    if "s3://" in block.text:
        request.getfixturevalue("bucket")
    need(*(name for name in PROGRAMS if re.search(rf"\b{name}\b", block.text)))
    commands = simple(block.text)
    if commands is not None:
        for words in commands:
            done = outpaint(*words)
            assert done.code == 0, (words, done.err)
        return
    for other in blocks("make"):
        if other.page == block.page:
            (folder / "Makefile").write_text(other.text)
    if "ffmpeg" in block.text:
        made = "ffmpeg -loglevel error -f lavfi -i testsrc=duration=0.2:size=96x64:rate=25 clip.mp4"
        subprocess.run(made.split(), cwd=folder, check=True)
    before = set(folder.rglob("*"))
    # Installing is tested by itself (-m slow); here it has been done.
    shell("set -euo pipefail\npip() { :; }\n" + block.text, folder)
    assert set(folder.rglob("*")) > before


@pytest.mark.parametrize("block", blocks("cron"), ids=str)
def test_the_crontab_runs(block: Block, folder: Path) -> None:
    need("flock")
    *when, command = block.text.strip().split(maxsplit=5)
    assert all(re.fullmatch(r"[\d*/,-]+", field) for field in when)
    assert "%" not in command  # cron would make a line break of it
    for _ in range(2):
        shell(command, folder, program="sh")
    assert (folder / "inbox" / "done" / "new.jpg").is_file()
    assert (folder / "inbox" / "outpaint.log").read_text().split() == ["done/new.jpg"] * 2


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_the_python_runs(block: Block, folder: Path) -> None:
    if "writing-a-plugin" in block.page:
        pytest.skip("tests/test_plugin_example.py runs it")
    if "from outpaint_cli import" not in block.text:
        pytest.skip("an excerpt, not a program")
    done = subprocess.run(
        [sys.executable, "-c", block.text],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "failed" not in done.stdout


def test_shellcheck_finds_nothing() -> None:
    """Those that are not run as well: a job for a scheduler is checked at least."""
    need("shellcheck")
    for block in blocks("sh"):
        command = ["shellcheck", "--shell=bash", "--severity=warning", "-"]
        done = subprocess.run(
            command, input=block.text, text=True, capture_output=True, env=environment(), check=False
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}"


def test_the_configuration_in_the_pages_is_right() -> None:
    commands = options_of(app)
    checked = [block for block in blocks("toml") if "[extend]" in block.text]
    assert checked
    for block in checked:
        parse(Path(block.page), tomllib.loads(block.text), commands)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_options_in_the_text_are_there(page: Path) -> None:
    """`outpaint extend --pad 3mm` within a sentence: the command has the option."""
    commands = options_of(app)
    text = FENCE.sub("", page.read_text("utf-8"))
    for span in re.findall(r"`outpaint ([^`\n]+)`", text):
        words = span.split()
        name = " ".join(words[:2]) if " ".join(words[:2]) in commands else words[0]
        if name in commands:
            for option in re.findall(r"(?<=\s)--([a-z][a-z0-9-]*)", span):
                assert option in commands[name] or option == "help", f"outpaint {span}"
        else:
            assert (
                words[0].startswith("-")
                or words[0].isupper()
                or any(c.startswith(words[0] + " ") for c in commands)
            )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", found.read_text("utf-8"), re.MULTILINE)
            slugs = [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]
            assert anchor in slugs, target


def test_every_exit_code_is_in_the_manual(outpaint: Outpaint) -> None:
    """docs/cli.md and the manual page say the same."""
    manual = outpaint("man").out.decode()
    rows = re.findall(
        r"^\| (\d[\d, ]*) \| (.*) \|$", (ROOT / "docs" / "cli.md").read_text("utf-8"), re.MULTILINE
    )
    assert len(rows) == 8
    for code, means in rows:
        assert f".B {code}\n{means.replace('-', chr(92) + '-')}" in manual
