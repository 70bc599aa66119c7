"""Bad input: one line each, the right exit code, all other files done, no partial output."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from outpaint_cli.plugin import Context, FillSpec, Multiple, Plugin
from tests.conftest import Outpaint, Result, files, pixels

M = ("-m", "reflect")


def make_zero_byte(path: Path, good: bytes) -> None:
    path.write_bytes(b"")


def make_truncated(path: Path, good: bytes) -> None:
    path.write_bytes(good[: len(good) // 2])


def make_not_an_image(path: Path, good: bytes) -> None:
    path.write_bytes(b"#!/bin/sh\necho hello\n" * 50)


def make_bomb(path: Path, good: bytes) -> None:
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 99))
        + chunk(b"IEND", b"")
    )


def make_loop(path: Path, good: bytes) -> None:
    path.symlink_to(path.name)


def make_dangling(path: Path, good: bytes) -> None:
    path.symlink_to("gone.png")


BAD = [make_zero_byte, make_truncated, make_not_an_image, make_bomb, make_loop, make_dangling]


@pytest.mark.parametrize("make", BAD, ids=lambda f: f.__name__.removeprefix("make_"))
@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tif"])
def test_a_bad_file_fails_in_one_line_and_the_others_are_done(
    outpaint: Outpaint, photo: Any, tmp_path: Path, make: Callable[[Path, bytes], None], suffix: str
) -> None:
    photo("in/a.png"), photo("in/z.png")
    good = photo(f"good.{suffix}", 200, 150).read_bytes()
    make(tmp_path / "in" / f"m.{suffix}", good)
    done = outpaint("extend", "in", "--json", *M)
    assert done.code == 3
    assert {Path(e["input"]).name: e["status"] for e in done.events} == {
        "a.png": "ok", f"m.{suffix}": "failed", "z.png": "ok",
    }  # fmt: skip
    assert files(tmp_path / "in_extended") == ["a.png", "z.png"]
    (line,) = done.lines
    assert f"m.{suffix}" in line
    (failed,) = [e for e in done.events if e["status"] == "failed"]
    assert failed["error"]["message"] in line
    assert failed["error"]["type"] == "PictureError"


def test_a_wrong_extension_is_read_by_content_and_said(
    outpaint: Outpaint, photo: Any, tmp_path: Path
) -> None:
    photo("a.png").rename(tmp_path / "a.jpg")
    done = outpaint("extend", "a.jpg", *M)
    assert done.code == 0
    with Image.open(tmp_path / "a_extended.png") as image:
        assert image.format == "PNG"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file(outpaint: Outpaint, photo: Any) -> None:
    photo("in/a.png").chmod(0)
    photo("in/b.png")
    done = outpaint("extend", "in", "--json", *M)
    assert (done.code, done.summary["ok"], done.summary["failed"]) == (3, 1, 1)


def test_a_file_that_can_not_be_read(
    outpaint: Outpaint, photo: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    photo("in/a.png"), photo("in/b.png")
    read = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.name == "a.png":
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    done = outpaint("extend", "in", "--json", *M)
    assert (done.code, done.summary["ok"], done.summary["failed"]) == (3, 1, 1)
    (line,) = done.lines
    assert "a.png" in line
    assert "permission" in line


def test_a_directory_named_like_a_picture(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    photo("in/x.jpg/inside.png"), photo("in/a.png")
    assert outpaint("extend", "in", *M).code == 0
    assert files(tmp_path / "in_extended") == ["a.png"]
    assert outpaint("extend", "in/x.jpg", *M).code == 0
    assert files(tmp_path / "in" / "x.jpg_extended") == ["inside.png"]


def test_a_link_to_a_folder_above_is_not_walked_for_ever(
    outpaint: Outpaint, photo: Any, tmp_path: Path
) -> None:
    photo("in/sub/a.png")
    (tmp_path / "in" / "sub" / "up").symlink_to("..")
    assert outpaint("extend", "in", "-r", *M).code == 0
    assert files(tmp_path / "in_extended") == ["sub/a.png"]


@pytest.mark.parametrize(
    "name",
    ["with space.png", "new\nline.png", "日本語.png", "-dash.png", "quote'\".png", "tab\t.png", "a.b.c.png"],
)
def test_odd_names(outpaint: Outpaint, photo: Any, tmp_path: Path, name: str) -> None:
    photo(f"in/{name}")
    (tmp_path / "in" / ("bad" + name)).write_bytes(b"")
    done = outpaint("extend", "in", *M)
    assert done.code == 3
    assert files(tmp_path / "in_extended") == [name]
    assert [line for line in done.lines if not line.startswith("device:")][1:] == done.lines[-1:]


@pytest.mark.skipif(sys.platform != "linux", reason="names that are not Unicode are Linux's own")
def test_a_name_that_is_not_unicode(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    source = photo("in/a.png")
    source.rename(source.with_name(os.fsdecode(b"\xff\xfe.png")))
    done = outpaint("extend", "in", "--json", *M)
    assert done.code == 0
    assert (tmp_path / "in_extended" / os.fsdecode(b"\xff\xfe.png")).is_file()
    assert outpaint("extend", "in", "--json", *M).summary["skipped"] == 1


# -------------------------------------------------------------------------- refused before any work


def test_clashing_outputs_are_refused_before_any_work(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    photo("one/a.png"), photo("two/a.png")
    done = outpaint("extend", "one", "two", "-o", "out", *M)
    assert (done.code, len(done.lines)) == (2, 1)
    assert "a.png" in done.err
    assert not (tmp_path / "out").exists()


def test_an_output_that_is_an_input_is_refused_before_any_work(
    outpaint: Outpaint, photo: Any, tmp_path: Path
) -> None:
    before = photo("in/a.png").read_bytes()
    for args in (("in", "-o", "in"), ("in/a.png", "-o", "in/a.png"), ("in/a.png", "-o", "in")):
        done = outpaint("extend", *args, "-f", *M)
        assert (done.code, len(done.lines)) == (2, 1)
    (tmp_path / "link").symlink_to("in")
    assert outpaint("extend", "in", "-o", "link", "-f", *M).code == 2
    assert (tmp_path / "in" / "a.png").read_bytes() == before
    assert files(tmp_path / "in") == ["a.png"]


def test_the_inputs_are_never_touched(outpaint: Outpaint, photo: Any) -> None:
    sources = [photo("in/a.png"), photo("in/b.jpg")]
    before = [(p.read_bytes(), p.stat().st_mtime_ns) for p in sources]
    assert outpaint("extend", "in").code == 0
    assert [(p.read_bytes(), p.stat().st_mtime_ns) for p in sources] == before


def test_an_output_folder_that_can_not_be_made(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    photo("in/a.png")
    (tmp_path / "file").write_text("")
    done = outpaint("extend", "in", "-o", "file/below", "--json", *M)
    assert (done.code, done.summary["failed"]) == (3, 1)
    (line,) = done.lines
    assert "the output folder can't be made" in line


# ------------------------------------------------------------------------------------------ full disk


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    if sys.platform != "linux":
        pytest.skip("needs a tmpfs")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("needs the right to mount a tmpfs")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk(outpaint: Outpaint, photo: Any, small_disk: Path, tmp_path: Path) -> None:
    photo("in/a.png", 20, 20)
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "in" / "big.png")
    done = outpaint("extend", "in", "-o", small_disk, "--json", *M)
    assert done.code == 3
    assert {Path(e["input"]).name: e["status"] for e in done.events} == {"a.png": "ok", "big.png": "failed"}
    assert files(small_disk) == ["a.png"]
    (line,) = done.lines
    assert "space" in line


# --------------------------------------------------------------------------------------- model files


def one_line(done: Result) -> str:
    assert done.code == 4
    (line,) = done.lines
    return line


def test_bad_model_files(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    helper = onnx.helper
    photo("a.png")

    def save(name: str, inputs: list[Any], metadata: dict[str, str]) -> None:
        out = helper.make_tensor_value_info("picture", 1, ["N", 3, "H", "W"])
        node = helper.make_node("Identity", [inputs[0].name], ["picture"])
        model = helper.make_model(
            helper.make_graph([node], "g", inputs, [out]),
            opset_imports=[helper.make_opsetid("", 17)],
            ir_version=8,
        )
        helper.set_model_props(model, metadata)
        onnx.save(model, tmp_path / name)

    image = helper.make_tensor_value_info("image", 1, ["N", 3, "H", "W"])
    flat = helper.make_tensor_value_info("image", 1, ["N", 3])
    ours = {
        "outpaint.plugin": "context-encoder",
        "outpaint.fill_spec": '{"size":{"multiple":32,"min":64,"max":128}}',
    }
    bundled = Path("weights") / "context-encoder.onnx"
    import outpaint_context_encoder

    whole = (Path(outpaint_context_encoder.__file__).parent / bundled).read_bytes()
    (tmp_path / "truncated.onnx").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "page.onnx").write_text("<!DOCTYPE html><html><body>Not found</body></html>")
    (tmp_path / "empty.onnx").write_bytes(b"")
    (tmp_path / "noise.onnx").write_bytes(os.urandom(3000))
    save("other.onnx", [image], {})
    save("shape.onnx", [flat], ours)
    save("spec.onnx", [image], {**ours, "outpaint.fill_spec": "{"})
    for name in ("truncated", "page", "empty", "noise", "other", "shape", "spec"):
        assert f"{name}.onnx" in one_line(outpaint("extend", "a.png", "-m", f"{name}.onnx"))
    assert files(tmp_path) == sorted(
        ["a.png", *(f"{n}.onnx" for n in ("truncated", "page", "empty", "noise", "other", "shape", "spec"))]
    )
    save("works.onnx", [image], ours)
    assert outpaint("extend", "a.png", "-m", "works.onnx").code == 0
    assert pixels(tmp_path / "a_extended.png").shape == (60, 90, 3)


# --------------------------------------------------------------------------------------- bad plugins


class Bad:
    """A filler that misbehaves."""

    spec = FillSpec(Multiple(32, 64, 64))
    device = "cpu"

    def __init__(self, how: str) -> None:
        self.how = how

    def fill(self, images: np.ndarray, known: np.ndarray, ctx: Context) -> Any:
        if self.how == "raises":
            raise KeyError("x")
        if self.how == "nan":
            return images * np.float32("nan")
        if self.how == "memory":
            raise MemoryError
        return [1, 2, 3]


@pytest.mark.parametrize("how", ["raises", "nan", "memory", "nonsense"])
def test_a_filler_that_misbehaves_is_reported_by_file(
    outpaint: Outpaint, photo: Any, monkeypatch: pytest.MonkeyPatch, how: str, tmp_path: Path
) -> None:
    from outpaint_cli import registry
    from outpaint_cli.plugin import ModelCard

    plugin = Plugin("bad", models=(ModelCard("bad", "bad"),), load=lambda ref, ctx: Bad(how))
    found = (*registry.find_plugins(), registry.Found("bad", "", plugin))
    monkeypatch.setattr(registry, "find_plugins", lambda: found)
    photo("in/a.png"), photo("in/b.png")
    done = outpaint("extend", "in", "-m", "bad", "--json")
    assert (done.code, done.summary["failed"]) == (3, 2)
    assert len(done.lines) == 2
    assert files(tmp_path) == ["in/a.png", "in/b.png"]
    assert {e["error"]["type"] for e in done.events} == {"PluginError"}
