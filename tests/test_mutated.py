"""Thousands of damaged pictures of every format: no traceback, no hang, no partial output."""

from __future__ import annotations

import io
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.conftest import files
from tests.pictures import DISPLAY_P3, exif, photo

RUN = """
import sys
from outpaint_cli.app import main
main()
"""


def originals() -> dict[str, bytes]:
    """A small real photo in every format and kind that is read, by a name with its suffix."""
    rgb = Image.fromarray(photo(40, 56))
    alpha = rgb.copy()
    alpha.putalpha(Image.fromarray(np.tile(np.arange(56, dtype=np.uint8) * 4, (40, 1))))
    made: dict[str, bytes] = {}

    def save(name: str, image: Image.Image, kind: str, **more: Any) -> None:
        out = io.BytesIO()
        image.save(out, kind, **more)
        made[name] = out.getvalue()

    block = b"Exif\0\0" + exif(orientation=6, width=56, height=40)
    save("plain.jpg", rgb, "JPEG", exif=block, icc_profile=DISPLAY_P3)
    save("progressive.jpg", rgb, "JPEG", progressive=True)
    save("grey.jpg", rgb.convert("L"), "JPEG")
    save("cmyk.jpg", rgb.convert("CMYK"), "JPEG")
    save("plain.png", rgb, "PNG", icc_profile=DISPLAY_P3)
    save("alpha.png", alpha, "PNG")
    save("palette.png", rgb.quantize(16), "PNG")
    save("deep.png", Image.fromarray(photo(40, 56)[..., 0].astype(np.uint16) * 257), "PNG")
    save("lossy.webp", rgb, "WEBP")
    save("lossless.webp", alpha, "WEBP", lossless=True)
    save("plain.tif", rgb, "TIFF")
    save("packed.tif", rgb, "TIFF", compression="tiff_lzw")
    save("deflated.tif", alpha, "TIFF", compression="tiff_adobe_deflate")
    save("plain.bmp", rgb, "BMP")
    save("plain.gif", rgb.quantize(32), "GIF", save_all=True, append_images=[rgb.rotate(180).quantize(32)])
    save("plain.avif", rgb, "AVIF")
    try:
        import pillow_heif
    except ImportError:
        return made
    out = io.BytesIO()
    pillow_heif.from_pillow(rgb).save(out)
    made["plain.heic"] = out.getvalue()
    return made


def mutated(data: bytes, rng: random.Random) -> bytes:
    """The file with one kind of damage: flipped, zeroed, cut, doubled or swapped bytes, mostly near its head."""
    found = bytearray(data)

    def place() -> int:
        return rng.randrange(min(len(found), 200) if rng.random() < 0.5 else len(found))

    kind = rng.randrange(7)
    if kind == 0:
        for _ in range(rng.randint(1, 8)):
            found[place()] ^= 1 << rng.randrange(8)
    elif kind == 1:
        for _ in range(rng.randint(1, 4)):
            found[place()] = rng.choice((0, 1, 0x7F, 0x80, 0xFF))
    elif kind == 2:
        at = place()
        found[at : at + rng.choice((2, 4, 8))] = rng.choice((b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff"))
    elif kind == 3:
        del found[rng.randrange(len(found)) :]
    elif kind == 4:
        at = place()
        del found[at : at + rng.randint(1, 64)]
    elif kind == 5:
        at = place()
        found[at:at] = found[at : at + rng.randint(1, 64)]
    else:
        a, b = place(), place()
        found[a : a + 16], found[b : b + 16] = found[b : b + 16], found[a : a + 16]
    return bytes(found)


def corpus(folder: Path, count: int, seed: int) -> None:
    """``count`` damaged files in ``folder``, the formats in turn."""
    folder.mkdir()
    rng, made = random.Random(seed), originals()
    for number in range(count):
        name = list(made)[number % len(made)]
        (folder / f"{number:05}-{name}").write_bytes(mutated(made[name], rng))


@pytest.mark.parametrize(
    "count", [170, pytest.param(2400, marks=[pytest.mark.slow, pytest.mark.timeout(1500)])]
)
def test_damaged_pictures_fail_in_one_line_or_come_out_whole(tmp_path: Path, count: int) -> None:
    import json

    corpus(tmp_path / "in", count, seed=count)
    environment = {n: v for n, v in os.environ.items() if not n.startswith("OUTPAINT_")}
    command = [sys.executable, "-c", RUN, "extend", "in", "-o", "out", "--json", "--pad", "4", "-m", "edge"]
    done = subprocess.run(
        [*command, "--timeout", "100", "--max-pixels", "1000000"],
        capture_output=True, cwd=tmp_path, env=environment, timeout=1400, check=False,
    )  # fmt: skip
    said = done.stderr.decode("utf-8", "replace")
    assert done.returncode == 3, said[-2000:]
    assert "Traceback" not in said
    assert "a fault of outpaint" not in said
    events = [json.loads(line) for line in done.stdout.splitlines()][:-1]
    assert len(events) == count
    failed = [e for e in events if e["status"] == "failed"]
    assert {e["error"]["type"] for e in failed} == {"PictureError"}
    assert 0 < len(failed) < count
    told = {line.split(": ")[1] for line in said.split("\n") if line.startswith("outpaint: in/")}
    assert told == {e["input"] for e in failed}
    noise = [line for line in said.split("\n") if line and not line.startswith(("outpaint: in/", "in/"))]
    assert noise == [], "what libraries say of it is no message of ours"
    outputs = {Path(e["output"]).name for e in events if e["status"] == "ok"}
    assert set(files(tmp_path / "out")) == outputs
    from outpaint_cli import picture

    for event in events:
        if event["status"] == "ok":
            whole = picture.read(Path(tmp_path / event["output"]))
            assert (whole.width, whole.height) == (event["width"], event["height"])
    assert [p.name for p in (tmp_path / "out" / ".outpaint").iterdir()] == ["journal.jsonl"]
