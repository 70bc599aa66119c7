"""outpaint extend, line by line of docs/cli.md, through the real command."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from outpaint_cli import picture
from outpaint_cli.plugin import Rect
from tests.conftest import EXAMPLES, Outpaint, files, pixels

M = ("-m", "reflect")


# ------------------------------------------------------------------------------------------ outputs


def test_a_file_gets_a_neighbour(outpaint: Outpaint, photo: Any) -> None:
    source = photo("photo.png")
    done = outpaint("extend", source, *M)
    assert done.code == 0
    with Image.open(source.with_name("photo_extended.png")) as image:
        assert image.size == (90, 60)
    assert done.out == b""
    assert "1 done" in done.lines[-1]


def test_a_folder_gets_a_folder(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    for name in ("in/a.png", "in/b.jpg", "in/notes.txt.png"):
        photo(name)
    (tmp_path / "in" / "notes.txt").write_text("no picture")
    (tmp_path / "in" / ".hidden.png").write_bytes(b"")
    photo("in/sub/c.png")
    assert outpaint("extend", "in", *M).code == 0
    assert files(tmp_path / "in_extended") == ["a.png", "b.jpg", "notes.txt.png"]
    assert outpaint("extend", "in", "-r", "-o", "all", *M).code == 0
    assert files(tmp_path / "all") == ["a.png", "b.jpg", "notes.txt.png", "sub/c.png"]


def test_the_output_folder_inside_the_input_is_not_an_input(
    outpaint: Outpaint, photo: Any, tmp_path: Path
) -> None:
    photo("in/a.png")
    for _ in range(2):
        assert outpaint("extend", "in", "-r", "-o", "in/out", "-f", *M).code == 0
    assert files(tmp_path / "in") == ["a.png", "out/a.png"]


def test_out_names_a_file_for_one_input(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    source = photo("a.png")
    assert outpaint("extend", source, "-o", "new/b.webp", *M).code == 0
    with Image.open(tmp_path / "new" / "b.webp") as image:
        assert image.format == "WEBP"
    clash = outpaint("extend", source, "-o", "b.webp", "--format", "png", *M)
    assert clash.code == 2
    (tmp_path / "file").write_text("")
    assert outpaint("extend", source, photo("c.png"), "-o", "file", *M).code == 2


def test_a_glob_is_understood_where_the_shell_left_it(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    photo("in/a.png"), photo("in/b.png"), photo("in/c.jpg")
    assert outpaint("extend", "in/*.png", "-o", "out", *M).code == 0
    assert files(tmp_path / "out") == ["a.png", "b.png"]


def test_include_and_exclude(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    for name in ("in/a1.png", "in/a2.png", "in/b1.png"):
        photo(name)
    assert outpaint("extend", "in", "--include", "a*", "--exclude", "*2.png", "-o", "out", *M).code == 0
    assert files(tmp_path / "out") == ["a1.png"]


def test_from_file_reads_paths_by_line_or_nul(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    a, b = photo("a b.png"), photo("c\nd.png")
    (tmp_path / "lines").write_bytes(os.fsencode(a) + b"\n\n")
    (tmp_path / "nul").write_bytes(os.fsencode(a) + b"\0" + os.fsencode(b) + b"\0")
    assert outpaint("extend", "--from-file", "lines", "-o", "one", *M).code == 0
    assert files(tmp_path / "one") == ["a b.png"]
    assert outpaint("extend", "--from-file", "nul", "-0", "-o", "two", *M).code == 0
    assert files(tmp_path / "two") == ["a b.png", "c\nd.png"]


def test_a_missing_path_in_a_list_fails_alone(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    (tmp_path / "list").write_text(f"gone.png\n{photo('a.png')}\n")
    done = outpaint("extend", "--from-file", "list", "-o", "out", *M)
    assert done.code == 3
    assert files(tmp_path / "out") == ["a.png"]
    assert any("gone.png" in line for line in done.lines)


def test_standard_input_to_standard_output(photo: Any, tmp_path: Path) -> None:
    source = photo("a.png")
    command = [sys.executable, "-m", "outpaint_cli", "extend", "-", *M]
    done = subprocess.run(command, input=source.read_bytes(), capture_output=True, cwd=tmp_path, check=True)
    assert pixels(done.stdout).shape == (60, 90, 3)
    to_file = subprocess.run(
        [*command, "-o", "b.png", "-q"],
        input=source.read_bytes(),
        capture_output=True,
        cwd=tmp_path,
        check=True,
    )
    assert to_file.stdout.strip() == b"b.png"
    assert pixels(tmp_path / "b.png").shape == (60, 90, 3)
    mixed = subprocess.run([*command, "--json"], input=b"", capture_output=True, cwd=tmp_path, check=False)
    assert (mixed.returncode, mixed.stdout) == (2, b"")
    nothing = subprocess.run(command, input=b"", capture_output=True, cwd=tmp_path, check=False)
    assert (nothing.returncode, nothing.stdout) == (3, b"")


# ----------------------------------------------------------------------------------------- geometry


@pytest.mark.parametrize(
    ("options", "size", "at"),
    [
        ((), (90, 60), (15, 10)),
        (("--scale", "2"), (120, 80), (30, 20)),
        (("--size", "101x77"), (101, 77), (20, 18)),
        (("--aspect", "16:9"), (71, 40), (5, 0)),
        (("--aspect", "9:16"), (60, 107), (0, 33)),
        (("--pad", "7"), (74, 54), (7, 7)),
        (("--pad", "10%"), (72, 48), (6, 4)),
        (("--pad", "1,2,3,50%"), (64, 62), (1, 2)),
        (("--left", "5", "--bottom", "25%"), (65, 50), (5, 0)),
        (("--size", "100x100", "--anchor", "bottom-right"), (100, 100), (40, 60)),
        (("--size", "30x90", "--fit", "shrink"), (30, 90), (0, 35)),
    ],
)
def test_sizes_are_exact_and_the_photo_is_where_it_should_be(
    outpaint: Outpaint,
    photo: Any,
    tmp_path: Path,
    options: tuple[str, ...],
    size: tuple[int, int],
    at: tuple[int, int],
) -> None:
    source = photo("a.png")
    done = outpaint("extend", source, "-o", "b.png", "--json", *options, *M)
    assert done.code == 0
    (event,) = done.events
    out = pixels(tmp_path / "b.png")
    assert (event["width"], event["height"]) == size == (out.shape[1], out.shape[0])
    assert (event["source"]["x"], event["source"]["y"]) == at
    rect = Rect(**event["source"])
    assert picture.read_photo_rect(tmp_path / "b.png") == rect
    if "shrink" not in options:
        assert event["core_exact"] is True
        assert np.array_equal(out[rect.slices()], pixels(source))
    else:
        assert event["core_exact"] is False


def test_one_pixel_and_ten_times(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    source = photo("a.png", 21, 12)
    for options, size in ((("--right", "1"), (22, 12)), (("--scale", "10"), (210, 120))):
        assert outpaint("extend", source, "-o", "b.png", "-f", *options).code == 0
        out = pixels(tmp_path / "b.png")
        assert (out.shape[1], out.shape[0]) == size


def test_overlap_lets_the_rim_change_and_says_so(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    source = photo("a.png", 120, 80)
    (event,) = outpaint("extend", source, "-o", "b.png", "--overlap", "6", "--json").events
    assert event["core_exact"] is False
    rect = Rect(**event["source"])
    core = Rect(rect.x + 6, rect.y + 6, rect.width - 12, rect.height - 12)
    out, own = pixels(tmp_path / "b.png"), pixels(source)
    assert np.array_equal(out[core.slices()], own[6:-6, 6:-6])
    assert not np.array_equal(out[rect.slices()], own)


# --------------------------------------------------------------------------------- what is written


def test_formats(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    source = photo("a.png")
    for name, kind in (("jpg", "JPEG"), ("webp", "WEBP"), ("tiff", "TIFF"), ("avif", "AVIF"), ("png", "PNG")):
        assert outpaint("extend", source, "-o", f"out_{name}/", "--format", name, *M).code == 0
        (made,) = files(tmp_path / f"out_{name}")
        with Image.open(tmp_path / f"out_{name}" / made) as image:
            assert image.format == kind


def test_a_change_of_format_that_makes_two_names_one_keeps_the_extension(
    outpaint: Outpaint, photo: Any, tmp_path: Path
) -> None:
    photo("in/a.png"), photo("in/a.jpg")
    assert outpaint("extend", "in", "-o", "out", "--format", "png", *M).code == 0
    assert files(tmp_path / "out") == ["a.jpg.png", "a.png"]


def test_a_gif_becomes_png_from_its_first_frame_and_says_so(outpaint: Outpaint, tmp_path: Path) -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    done = outpaint("extend", "a.gif", *M)
    assert done.code == 0
    assert any("first" in line for line in done.lines)
    with Image.open(tmp_path / "a_extended.png") as image:
        assert image.format == "PNG"


def test_jpeg_quality_never_falls_below_the_sources(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    source = photo("a.png", 200, 150)
    Image.open(source).save(tmp_path / "fine.jpg", quality=98, subsampling=0)
    assert outpaint("extend", "fine.jpg", "--quality", "50", *M).code == 0
    before, after = (
        picture.read(tmp_path / "fine.jpg").jpeg,
        picture.read(tmp_path / "fine_extended.jpg").jpeg,
    )
    assert before is not None
    assert after is not None
    assert after.subsampling == before.subsampling
    assert after.quality >= before.quality


def test_metadata_is_kept_or_stripped_but_the_photos_place_stays(
    outpaint: Outpaint, photo: Any, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x010E] = "a fine day"
    Image.open(photo("a.png")).save(tmp_path / "a.jpg", exif=exif)
    assert outpaint("extend", "a.jpg", "-o", "kept.jpg", *M).code == 0
    assert outpaint("extend", "a.jpg", "-o", "bare.jpg", "--strip-metadata", *M).code == 0
    with Image.open(tmp_path / "kept.jpg") as kept, Image.open(tmp_path / "bare.jpg") as bare:
        assert kept.getexif()[0x010E] == "a fine day"
        assert 0x010E not in bare.getexif()
    for name in ("kept.jpg", "bare.jpg"):
        assert picture.read_photo_rect(tmp_path / name) == Rect(15, 10, 60, 40)


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "1", "CMYK", "I;16"])
def test_every_mode_keeps_its_own_pixels(outpaint: Outpaint, photo: Any, tmp_path: Path, mode: str) -> None:
    with Image.open(photo("base.png")) as opened:
        base = opened.copy()
    suffix = "tiff" if mode == "CMYK" else "png"
    if mode == "I;16":
        values = np.random.default_rng(0).integers(0, 65536, (40, 60), np.uint16)
        Image.fromarray(values).save(tmp_path / "a.png")
    else:
        image = base.convert(mode) if mode != "LA" else base.convert("RGBA").convert("LA")
        image.save(tmp_path / f"a.{suffix}")
    assert outpaint("extend", f"a.{suffix}", "-o", f"b.{suffix}").code == 0
    a, b = picture.read(tmp_path / f"a.{suffix}"), picture.read(tmp_path / f"b.{suffix}")
    assert (b.width, b.height) == (90, 60)
    assert a.pixels.dtype == b.pixels.dtype
    assert np.array_equal(b.pixels[10:50, 15:75], a.pixels)
    assert (a.alpha is None) == (b.alpha is None)
    if a.alpha is not None and b.alpha is not None:
        assert np.array_equal(b.alpha[10:50, 15:75], a.alpha)


def test_alpha_goes_on_beyond_the_edge(outpaint: Outpaint, tmp_path: Path) -> None:
    rgba = np.full((40, 40, 4), 200, np.uint8)
    rgba[:, :20, 3] = 0
    Image.fromarray(rgba).save(tmp_path / "a.png")
    assert outpaint("extend", "a.png").code == 0
    out = np.asarray(Image.open(tmp_path / "a_extended.png"))
    assert not out[:, :10, 3].any()
    assert (out[:, 50:, 3] == 200).all()


# ------------------------------------------------------------------------------ repeatable, resumable


def shrunk(name: str, folder: Path, width: int) -> None:
    """A copy of the example photo ``name`` in ``folder``, ``width`` pixels wide: patches take long in large ones."""
    folder.mkdir(exist_ok=True)
    with Image.open(EXAMPLES / name) as image:
        image.resize((width, round(image.height * width / image.width))).save(folder / name)


def test_same_seed_same_bytes_whoever_else_is_in_the_batch(outpaint: Outpaint, tmp_path: Path) -> None:
    for name in ("china.jpg", "chelsea.png", "rocket.jpg"):
        shrunk(name, tmp_path / "in", 90)
    assert outpaint("extend", "in", "-o", "one").code == 0
    assert outpaint("extend", "in", "-o", "two", "-j", "1").code == 0
    assert outpaint("extend", "in/rocket.jpg", "-o", "three/").code == 0
    for name in ("china.jpg", "chelsea.png", "rocket.jpg"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    assert (tmp_path / "one/rocket.jpg").read_bytes() == (tmp_path / "three/rocket.jpg").read_bytes()
    assert outpaint("extend", "in/rocket.jpg", "-o", "four/", "--seed", "1").code == 0
    assert (tmp_path / "one/rocket.jpg").read_bytes() != (tmp_path / "four/rocket.jpg").read_bytes()


def test_variants_differ(outpaint: Outpaint, tmp_path: Path) -> None:
    shrunk("rocket.jpg", tmp_path, 160)
    assert outpaint("extend", "rocket.jpg", "--variants", "3", "--format", "png").code == 0
    found = [pixels(tmp_path / f"rocket_extended_v{i}.png") for i in (1, 2, 3)]
    for a, b in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(found[a].astype(int) - found[b]).mean() > 0.3


def test_skip_redoes_what_is_stale_and_nothing_else(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    photo("in/a.png"), photo("in/b.png", seed=1)
    run = ("extend", "in", "--json", *M)
    assert outpaint(*run).summary["ok"] == 2
    assert outpaint(*run).summary["skipped"] == 2
    photo("in/a.png", seed=5)
    again = outpaint(*run)
    assert {Path(e["input"]).name: e["status"] for e in again.events} == {"a.png": "ok", "b.png": "skipped"}
    assert outpaint(*run, "--scale", "2").summary["ok"] == 2
    (tmp_path / "in_extended" / "a.png").unlink()
    assert outpaint(*run, "--scale", "2").summary["ok"] == 1
    assert outpaint(*run, "--scale", "2", "-f").summary["ok"] == 2
    refused = outpaint(*run, "--existing", "error")
    assert (refused.code, refused.summary["failed"]) == (3, 2)


def test_a_strangers_file_is_not_overwritten_by_skip(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    photo("a.png")
    (tmp_path / "a_extended.png").write_bytes(b"mine")
    assert outpaint("extend", "a.png", "--json", *M).events[0]["status"] == "skipped"
    assert (tmp_path / "a_extended.png").read_bytes() == b"mine"


def test_a_torn_journal_is_dealt_with(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    photo("in/a.png"), photo("in/b.png")
    outpaint("extend", "in", *M)
    journal = tmp_path / "in_extended" / ".outpaint" / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-20])
    assert outpaint("extend", "in", "--json", "-f", *M).code == 0
    assert outpaint("extend", "in", "--json", *M).summary["skipped"] == 2


def test_shards_share_the_files_out(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    for i in range(9):
        photo(f"in/{i}.png")
    counts = [outpaint("extend", "in", "--shard", f"{i}/3", "--json", *M).summary["ok"] for i in (1, 2, 3)]
    assert sum(counts) == 9
    assert len(files(tmp_path / "in_extended")) == 9
    assert outpaint("extend", "in", "--shard", "4/3", *M).code == 2


# ------------------------------------------------------------------------------------------ reports


def test_json_lines_have_the_promised_keys(outpaint: Outpaint, photo: Any) -> None:
    photo("in/a.png"), photo("in/b.jpg")
    done = outpaint("extend", "in", "--json")
    keys = {
        "schema", "input", "output", "status", "width", "height", "source", "model", "revision", "device",
        "harmonizer", "seed", "seconds", "core_exact", "scores", "info", "error",
    }  # fmt: skip
    for event in done.events:
        assert set(event) == keys
        assert event["schema"] == 1
        assert event["device"] == "cpu"
        assert event["model"] == "context-encoder"
        assert re.fullmatch("[0-9a-f]{12}", event["revision"])
    summary = done.summary
    assert summary["status"] == "summary"
    assert set(summary) == {"schema", "status", "ok", "skipped", "failed", "seconds", "images_per_second"}


def test_core_exact_tells_lossless_from_lossy(outpaint: Outpaint, photo: Any) -> None:
    photo("in/a.png"), photo("in/b.jpg")
    exact = {Path(e["input"]).suffix: e["core_exact"] for e in outpaint("extend", "in", "--json", *M).events}
    assert exact == {".png": True, ".jpg": False}


def test_quiet_prints_paths_only(outpaint: Outpaint, photo: Any) -> None:
    photo("in/a.png")
    done = outpaint("extend", "in", "-q", *M)
    assert done.out == os.fsencode(Path("in_extended") / "a.png") + b"\n"
    assert done.err == ""
    assert outpaint("extend", "in", "-q", "--json", *M).code == 2


def test_verbose_tells_each_file(outpaint: Outpaint, photo: Any) -> None:
    photo("in/a.png")
    assert any("a.png ->" in line for line in outpaint("extend", "in", "-v", *M).lines)


def test_dry_run_tells_outputs_sizes_and_does_nothing(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    photo("in/a.png")
    (tmp_path / "in" / "bad.png").write_bytes(b"")
    done = outpaint("extend", "in", "-n", "--json", "--scale", "2")
    assert done.code == 3
    planned = {e["status"]: e for e in done.events}
    assert (planned["planned"]["width"], planned["planned"]["height"]) == (120, 80)
    assert planned["planned"]["output"].endswith("a.png")
    assert not (tmp_path / "in_extended").exists()


def test_fail_fast_stops_at_the_first_failure(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "0.png").write_bytes(b"")
    for i in range(1, 60):
        photo(f"in/{i:02}.png")
    done = outpaint("extend", "in", "--fail-fast", "--json", "-j", "1", *M)
    assert done.code == 3
    assert done.summary["failed"] == 1
    assert done.summary["ok"] < 59


def test_min_score_flags_and_strict_makes_it_an_error(outpaint: Outpaint, photo: Any) -> None:
    photo("in/a.png", 128, 96)
    flagged = outpaint("extend", "in", "--min-score", "0.999", "--json", "-m", "edge")
    assert flagged.code == 0
    assert flagged.events[0]["scores"]
    assert flagged.events[0]["flagged"]
    assert flagged.summary["flagged"] == 1
    assert outpaint("extend", "in", "--min-score", "0.999", "--strict", "-f", "-m", "edge").code == 3
    assert outpaint("extend", "in", "--min-score", "0", "--strict", "-f", "-m", "edge").code == 0


def test_options_come_from_the_environment(
    outpaint: Outpaint, photo: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo("a.png")
    monkeypatch.setenv("OUTPAINT_SCALE", "3")
    monkeypatch.setenv("OUTPAINT_MODEL", "edge")
    (event,) = outpaint("extend", "a.png", "--json").events
    assert (event["width"], event["model"]) == (180, "edge")
    (event,) = outpaint("extend", "a.png", "--json", "--scale", "2").events
    assert event["width"] == 120


@pytest.mark.parametrize(
    "args",
    [
        (), ("gone.png",), ("*.gone",), ("a.png", "--format", "gif"), ("a.png", "--existing", "maybe"),
        ("a.png", "-0"), ("-", "a.png"), ("a.png", "--quality", "0"), ("a.png", "--bogus"),
        ("a.png", "-O", "x"), ("a.png", "-O", "nobody.size=3"), ("a.png", "--scale", "0.5"),
        ("a.png", "--size", "5x5", "--scale", "2"), ("--from-file", "gone.txt"),
    ],
)  # fmt: skip
def test_wrong_usage_is_exit_code_2(outpaint: Outpaint, photo: Any, args: tuple[str, ...]) -> None:
    photo("a.png")
    assert outpaint("extend", *args).code == 2


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("-m", "nobody"), "there is no model 'nobody'"),
        (("-m", "gone.onnx"), "no such model file"),
        (("-m", "hf://owner/repo/x.onnx", "--offline"), "not in the cache"),
        (("-m", "hf://owner/x.onnx"), "not of the form hf://"),
        (("--harmonize", "nobody"), "no harmonizer 'nobody'"),
    ],
)
def test_a_model_that_is_not_to_be_had_is_exit_code_4(
    outpaint: Outpaint, photo: Any, args: tuple[str, ...], says: str
) -> None:
    photo("a.png")
    done = outpaint("extend", "a.png", *args)
    assert (done.code, len(done.lines)) == (4, 1)
    assert says in done.err


def test_a_device_that_is_not_there_is_exit_code_5(outpaint: Outpaint, photo: Any) -> None:
    photo("a.png")
    nonsense = outpaint("extend", "a.png", "--device", "tpu")
    assert (nonsense.code, len(nonsense.lines)) == (5, 1)
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has CUDA: it may well be there")
    missing = outpaint("extend", "a.png", "--device", "cuda")
    assert (missing.code, len(missing.lines)) == (5, 1)
    assert "gpu" in missing.err


# ------------------------------------------------------------------------------------- import, signals


@pytest.mark.parametrize("args", [["--help"], ["extend", "--help"], ["--version"]])
def test_help_imports_nothing_heavy(args: list[str]) -> None:
    code = (
        "import sys; sys.argv = ['outpaint', *sys.argv[1:]]\n"
        "from outpaint_cli.app import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'PIL', 'onnxruntime', 'torch', 'cv2', 'rich.console'} & set(sys.modules)\n"
        "print('heavy:', sorted(heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "heavy: []"
    assert len(done.stdout.splitlines()) > 1


@pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_finishes_what_is_in_flight_and_says_so(
    photo: Any, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    for i in range(60):
        photo(f"in/{i:03}.png", 400, 300, seed=i)
    command = [sys.executable, "-m", "outpaint_cli", "extend", "in", "--json", "-j", "1", "-m", "telea"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        first = process.stdout.readline()
        assert json.loads(first)["status"] == "ok"
        process.send_signal(number)
        rest, err = process.communicate(timeout=120)
    assert process.returncode == code, err
    summary = json.loads(rest.splitlines()[-1])
    assert summary["status"] == "summary"
    made = files(tmp_path / "in_extended")
    assert 0 < len(made) < 60
    assert len(made) == summary["ok"]
    for name in made:
        assert pixels(tmp_path / "in_extended" / name).shape == (450, 600, 3)


# ------------------------------------------------------------------------------------ other commands


def test_doctor_runs_a_real_inference(outpaint: Outpaint) -> None:
    done = outpaint("doctor", "--json")
    assert done.code == 0
    found = json.loads(done.out)
    assert found["devices"]["cpu"]["device"] == "cpu"
    assert found["plugins"]["context-encoder"] == "ok"
    assert b"device cpu: works" in outpaint("doctor").out


def test_models_and_plugins_are_listed(outpaint: Outpaint) -> None:
    models = [json.loads(line) for line in outpaint("models", "list", "--json").out.splitlines()]
    assert {"context-encoder", "reflect", "edge", "telea"} <= {m["name"] for m in models}
    assert b"baselines  ok" in outpaint("plugins", "list").out


def test_a_run_that_prints_into_a_closed_pipe_ends_quietly(photo: Any, tmp_path: Path) -> None:
    for i in range(5):
        photo(f"in/{i}.png")
    command = [sys.executable, "-m", "outpaint_cli", "extend", "in", "-q", *M]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        err = process.stderr.read()
    assert b"Traceback" not in err
