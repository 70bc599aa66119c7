"""outpaint_cli in Python: the same pictures as the command line's, from paths and from Pillow images."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from outpaint_cli import Event, extend, extend_files, harmonize, harmonize_files, inpaint, inpaint_files
from outpaint_cli.plugin import ModelError, PictureError, UsageError
from tests.conftest import EXAMPLES, Outpaint, files, pixels


def small(path: Path, to: Path, size: tuple[int, int]) -> Path:
    with Image.open(path) as image:
        image.convert("RGB").resize(size).save(to)
    return to


def test_a_path_gives_the_command_lines_pixels(outpaint: Outpaint, tmp_path: Path) -> None:
    photo = small(EXAMPLES / "flower.jpg", tmp_path / "a.png", (64, 48))
    assert outpaint("extend", photo, "-o", "cli.png", "--aspect", "16:9", "--seed", "3").code == 0
    wide = extend(str(photo), aspect=(16, 9), seed=3)
    assert np.array_equal(np.asarray(wide), pixels(tmp_path / "cli.png"))
    x, y, width, height = wide.info["outpaint"]["source"]
    assert (width, height) == (64, 48)
    assert np.array_equal(np.asarray(wide)[y : y + height, x : x + width], pixels(photo))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
def test_pillow_images_keep_their_mode(photo: Any, mode: str) -> None:
    with Image.open(photo("a.png", 40, 30)) as opened:
        if mode == "I;16":
            given = Image.fromarray((np.asarray(opened.convert("L")).astype(np.uint16) << 8) + 3)
        else:
            given = opened.convert(mode)
    given.info["dpi"] = (300, 300)
    out = extend(given, pad=(4, 3, 2, 1), model="reflect")
    assert out.mode == {"1": "L", "P": "RGB"}.get(mode, mode)
    assert out.size == (46, 34)
    assert out.info["dpi"] == pytest.approx((300, 300), abs=0.01)
    inner = out.crop((4, 3, 44, 33))
    wanted = given.convert(out.mode) if mode in ("1", "P") else given
    assert np.array_equal(np.asarray(inner), np.asarray(wanted))


def test_metadata_and_orientation(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a flower"
    with Image.open(EXAMPLES / "flower.jpg") as image:
        image.resize((60, 40)).save(tmp_path / "a.jpg", exif=exif, dpi=(254, 254))
    with Image.open(tmp_path / "a.jpg") as given:
        out = extend(given, left="1cm", model="edge")
    assert out.size == (140, 60)
    found = Image.Exif()
    found.load(out.info["exif"])
    assert (found[0x0112], found[0x010E]) == (1, "a flower")
    assert out.info["outpaint"]["source"] == (100, 0, 40, 60)


def test_holes(photo: Any, tmp_path: Path, outpaint: Outpaint) -> None:
    path = photo("a.png", 60, 40)
    mask = Image.new("1", (60, 40))
    mask.paste(1, (20, 10, 40, 30))
    mask.save(tmp_path / "mask.png")
    assert outpaint("inpaint", path, "--mask", "mask.png", "-o", "cli.png", "-m", "telea").code == 0
    wanted = pixels(tmp_path / "cli.png")
    for given in (mask, "mask.png", tmp_path / "mask.png"):
        assert np.array_equal(np.asarray(inpaint(path, given, model="telea")), wanted)
    with Image.open(path) as opened:
        cut = opened.convert("RGBA")
    cut.paste((0, 0, 0, 0), (20, 10, 40, 30))
    filled = inpaint(cut, model="telea")
    assert filled.getchannel("A").getextrema() == (255, 255)
    assert np.array_equal(np.asarray(filled.convert("RGB")), wanted)
    nothing = inpaint(path, Image.new("L", (60, 40)))
    assert np.array_equal(np.asarray(nothing), pixels(path))


def test_harmonizing_what_extend_made(photo: Any) -> None:
    rough = extend(photo("a.png", 60, 40), harmonize="none")
    done = harmonize(rough, "patch")  # the image itself says where the photo sits
    assert done.info["outpaint"]["source"] == rough.info["outpaint"]["source"]
    assert not np.array_equal(np.asarray(done), np.asarray(rough))
    inner = (15, 10, 75, 50)
    assert np.array_equal(np.asarray(done.crop(inner)), np.asarray(rough.crop(inner)))
    del rough.info["xmp"]
    with pytest.raises(PictureError, match="where the photo sits"):
        harmonize(rough, "patch")
    assert harmonize(rough, "patch", source=(15, 10, 60, 40)).size == rough.size


def test_a_batch_is_a_generator_of_events(photo: Any, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        photo(f"in/{name}")
    (tmp_path / "in" / "bad.png").write_bytes(b"\x89PNG")
    batch = extend_files(tmp_path / "in", out=tmp_path / "out", size=(100, 80), model="reflect")
    assert len(batch) == 3
    assert files(tmp_path) == ["in/a.png", "in/b.png", "in/bad.png"]
    assert sorted(event.status for event in batch.planned()) == ["failed", "planned", "planned"]
    events = {Path(event.input).name: event for event in batch}
    assert all(isinstance(event, Event) for event in events.values())
    assert {name: event.status for name, event in events.items()} == {
        "a.png": "ok",
        "b.png": "ok",
        "bad.png": "failed",
    }
    assert events["bad.png"].error is not None
    assert (events["a.png"].width, events["a.png"].height) == (100, 80)
    again = extend_files([tmp_path / "in" / "a.png"], out=tmp_path / "out", size="100x80", model="reflect")
    assert [event.status for event in again] == ["skipped"]
    assert files(tmp_path / "out") == ["a.png", "b.png"]


def test_the_other_batches(photo: Any, tmp_path: Path) -> None:
    photo("in/a.png", 60, 40)
    Image.new("L", (60, 40), 0).save(tmp_path / "m.png")
    inpainted = inpaint_files(str(tmp_path / "in"), tmp_path / "m.png", model="telea", format="jpg")
    assert [event.output for event in inpainted] == [str(tmp_path / "in_inpainted" / "a.jpg")]
    done = harmonize_files([tmp_path / "in"], "patch", source=(0, 0, 60, 20), out=tmp_path / "o", variants=2)
    assert sorted(Path(event.output or "").name for event in done) == ["a_v1.png", "a_v2.png"]


def test_leaving_a_batch_early_keeps_what_is_done(photo: Any, tmp_path: Path) -> None:
    for i in range(4):
        photo(f"in/{i}.png")
    batch = extend_files(tmp_path / "in", out=tmp_path / "out", model="reflect", jobs=1)
    events = iter(batch)
    assert next(events).status == "ok"
    events.close()  # type: ignore[attr-defined]
    assert 1 <= len(files(tmp_path / "out")) <= 4
    batch.cancel()
    assert list(batch) == []


@pytest.mark.parametrize(
    ("error", "call"),
    [
        (UsageError, lambda p: extend(p, scale=2, size=(9, 9))),
        (UsageError, lambda p: extend(p, options={"singan.sice": 3})),
        (UsageError, lambda p: harmonize(p, "patch", source=(0, 0, 0, 5))),
        (UsageError, lambda p: extend_files([])),
        (UsageError, lambda p: extend_files([p], format="bmp")),
        (UsageError, lambda p: extend_files(["gone.png"])),
        (PictureError, lambda p: extend("gone.png")),
        (PictureError, lambda p: extend(p, size=(5, 5))),
        (PictureError, lambda p: extend(p, scale=100, max_pixels=1000)),
        (PictureError, lambda p: extend(Image.new("F", (5, 5)))),
        (PictureError, lambda p: inpaint(p, Image.new("L", (9, 50)))),
        (PictureError, lambda p: inpaint(p)),
        (ModelError, lambda p: extend(p, model="gone")),
        (ModelError, lambda p: extend_files([p], harmonize="gone")),
    ],
)
def test_what_is_wrong_raises(photo: Any, error: type[Exception], call: Any) -> None:
    path = photo("a.png")
    with pytest.raises(error) as caught:
        call(path)
    assert "\n" not in str(caught.value)


def test_importing_and_help_stay_light() -> None:
    """Neither the package nor --help imports what only pictures need."""
    code = (
        "import sys, outpaint_cli, outpaint_cli.app\n"
        "print([name for name in ('numpy', 'PIL', 'cv2', 'rich') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
