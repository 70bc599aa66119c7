"""A bad file gives one line that says what is wrong and what to do: no traceback, no silence, no hang."""

from __future__ import annotations

import io
import os
import struct
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from outpaint_cli.picture import encode, probe, read, read_photo_rect
from outpaint_cli.picture._container import png_chunk
from outpaint_cli.plugin import PictureError
from tests.pictures import exif, lzw_tiff, photo, picture


def saved(format: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(photo()).save(out, format, **options)
    return out.getvalue()


def tiff(array: np.ndarray, **options: object) -> bytes:
    out = io.BytesIO()
    tifffile.imwrite(out, array, metadata=None, **options)
    return out.getvalue()


FILES = {
    "jpeg": saved("JPEG"),
    "progressive": saved("JPEG", progressive=True),
    "jpeg with exif": saved("JPEG", exif=b"Exif\0\0" + exif(6, thumbnail=b"\xff\xd8\xff\xd9")),
    "png": saved("PNG"),
    "png 16": encode(picture(bits=16), format="PNG").data,
    "webp": saved("WEBP"),
    "webp lossless": saved("WEBP", lossless=True),
    "bmp": saved("BMP"),
    "gif": saved("GIF"),
    "avif": saved("AVIF"),
    "heic": encode(picture(), format="HEIF").data,
    "tiff": tiff(photo(), photometric="rgb"),
    "tiff lzw": saved("TIFF", compression="tiff_lzw"),
    "tiff jpeg": saved("TIFF", compression="jpeg"),
    "tiff 16": tiff(picture(bits=16).pixels, photometric="rgb", compression="zlib"),
    "tiff 16 lzw": lzw_tiff(picture(bits=16).pixels),
}


def refusal(data: bytes | Path, **options: int) -> str:
    with pytest.raises(PictureError) as caught:
        read(data, **options)
    text = str(caught.value)
    assert "\n" not in text and 10 < len(text) < 300
    return text


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9, 0.98])
@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_off_is_refused(name: str, share: float) -> None:
    data = FILES[name]
    text = refusal(data[: int(len(data) * share)])
    assert "cut off" in text or "damaged" in text or "not a picture" in text


@pytest.mark.parametrize("name", FILES)
def test_a_file_short_of_its_last_bytes_is_refused_or_whole(name: str) -> None:
    data = FILES[name]
    for missing in (1, 2, 8, 20):
        try:
            got = read(data[:-missing])
        except PictureError:
            continue
        assert name == "gif" and np.array_equal(got.pixels, read(data).pixels)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(set(FILES) - {"heic", "avif"})), st.data())
def test_damaged_bytes_never_get_through_as_another_error(name: str, data: st.DataObject) -> None:
    block = bytearray(FILES[name])
    for _ in range(data.draw(st.integers(1, 8))):
        block[data.draw(st.integers(0, len(block) - 1))] = data.draw(st.integers(0, 255))
    for call in (probe, read, read_photo_rect):
        try:
            call(bytes(block))
        except PictureError as error:
            assert "\n" not in str(error)


@pytest.mark.parametrize(
    "data, words",
    [
        (b"", "empty"),
        (bytes(4000), "zeros"),
        (b"hello", "not a picture"),
        (b"<html>", "not a picture"),
        (b"%PDF-1.4 ....", "a PDF file"),
        (b"8BPS\0\1", "Photoshop"),
        (b"\x89PNG\r\n\x1a\n", "cut off"),
        (b"\xff\xd8\xff\xe0", "cut off"),
        (b"II*\0\x08\0\0\0", "cut off"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", "video"),
        (b"\0\0\0\x18ftypcrx \0\0\0\0crx isom", "camera raw"),
        (b"II*\0\x10\0\0\0CR\2\0", "camera raw"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    ],
)
def test_what_is_no_picture_is_named(data: bytes, words: str) -> None:
    assert words in refusal(data)
    with pytest.raises(PictureError, match=words):
        probe(data)


def test_paths(tmp_path: Path) -> None:
    assert "folder" in refusal(tmp_path)
    missing = tmp_path / "missing.png"
    text = refusal(missing)
    assert "no such file" in text and "missing.png" not in text
    for path in (tmp_path, missing):
        with pytest.raises(PictureError):
            probe(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="only POSIX has named pipes")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    assert "standard input" in refusal(tmp_path / "pipe.png")


def test_an_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = tmp_path / "a.png"
    path.write_bytes(FILES["png"])
    monkeypatch.setattr(Path, "read_bytes", refuse)
    monkeypatch.setattr(Path, "open", refuse)
    assert "permissions" in refusal(path)
    with pytest.raises(PictureError, match="permissions"):
        probe(path)


def bomb_png(width: int, height: int) -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = png_chunk(b"IHDR", head) + png_chunk(b"IDAT", b"x") + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def test_a_decompression_bomb_is_refused_from_its_header() -> None:
    data = bomb_png(100_000, 100_000)
    assert "--max-pixels" in refusal(data)
    with pytest.raises(PictureError, match="100000 x 100000"):
        probe(data)
    with pytest.raises(PictureError, match="more than the limit of 3000"):
        probe(FILES["jpeg"], max_pixels=3000)
    assert probe(FILES["jpeg"], max_pixels=64 * 48).width == 64
    assert probe(bomb_png(20_000, 20_000)).width == 20_000  # Pillow's own limit does not stand in the way


@pytest.mark.parametrize(
    "array, options, words",
    [
        (photo().astype(np.float32), {"photometric": "rgb"}, "32-bit floating-point"),
        (photo().astype(np.float16), {"photometric": "rgb"}, "16-bit floating-point"),
        (photo()[..., 0].astype(np.float32), {"photometric": "minisblack"}, "floating-point"),
        (photo().astype(np.uint32), {"photometric": "rgb"}, "32-bit samples"),
        (photo().astype(np.int16), {"photometric": "rgb"}, "signed"),
        (photo(), {"photometric": "cielab"}, "CIELab"),
        (photo()[..., 0], {"photometric": "cfa"}, "camera raw"),
        (photo(), {"photometric": "rgb", "subfiletype": 1}, "camera raw"),
    ],
)
def test_tiffs_that_would_lose_something_in_silence_are_named(
    array: np.ndarray, options: dict[str, object], words: str
) -> None:
    data = tiff(array, **options)
    text = refusal(data)
    assert words in text and "first" in text
    with pytest.raises(PictureError, match=words):
        probe(data)


def test_hdr_is_named() -> None:
    data = FILES["png"]
    hdr = data[:33] + png_chunk(b"cICP", bytes([9, 16, 0, 1])) + data[33:]
    assert "HDR picture (PQ)" in refusal(hdr)


def test_reading_in_many_threads_leaves_warnings_as_they_were() -> None:
    before, limit = list(warnings.filters), Image.MAX_IMAGE_PIXELS
    palette = io.BytesIO()
    Image.fromarray(photo()).quantize(9).save(palette, "PNG", transparency=bytes(9))
    failed: list[BaseException] = []

    def work() -> None:
        try:
            for data in (*FILES.values(), palette.getvalue()):
                read(data)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed and list(warnings.filters) == before and limit == Image.MAX_IMAGE_PIXELS
