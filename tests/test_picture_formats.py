"""Every format, depth and mode goes round; lossless ones to the last bit."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from outpaint_cli.picture import Picture, PictureInfo, encode, output_format, probe, read
from outpaint_cli.plugin import PictureError, UsageError
from tests.pictures import lzw_tiff, photo, picture

MODES = ["L", "RGB", "CMYK"]


def saved(image: Image.Image, format: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def matches(info: PictureInfo, got: Picture) -> bool:
    return (info.width, info.height, info.format, info.mode, info.bits, info.has_alpha, info.palette) == (
        *(got.width, got.height, got.format, got.mode, got.bits, got.alpha is not None, got.palette),
    )


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "AVIF", "HEIF"])
def test_round_trip(format: str, mode: str, bits: int, alpha: bool) -> None:
    own = picture(mode, bits, alpha)
    done = encode(own, format=format)
    got = read(done.data)
    assert got.format == format and (got.width, got.height) == (64, 48)
    assert matches(probe(done.data), got)
    if done.exact:
        assert got.pixels.dtype == own.pixels.dtype and np.array_equal(got.pixels, own.pixels)
        assert (got.alpha is None) == (own.alpha is None)
        assert own.alpha is None or np.array_equal(got.alpha, own.alpha)
    else:
        assert done.notes or format in ("JPEG", "WEBP", "AVIF", "HEIF")
        assert got.bits == bits or any("16 were rounded" in note for note in done.notes)
    lossless = {"PNG": mode != "CMYK", "TIFF": True, "BMP": mode != "CMYK" and bits == 8 and not alpha}
    assert done.exact == lossless.get(format, False)


def test_lossless_webp_stays_lossless_even_under_full_transparency() -> None:
    first = read(saved(Image.fromarray(photo()), "WEBP", lossless=True))
    own = Picture(first.pixels, np.zeros((48, 64), np.uint8), "WEBP", lossless=first.lossless)
    done = encode(own, format="WEBP")
    assert done.exact and np.array_equal(read(done.data).pixels, photo())
    assert not encode(read(saved(Image.fromarray(photo()), "WEBP")), format="WEBP").exact


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("predictor", [False, True])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("mode", MODES)
def test_tiff_compressions(mode: str, bits: int, predictor: bool, compression: str | None) -> None:
    own = picture(mode, bits)
    out = io.BytesIO()
    photometric = {"L": "minisblack", "RGB": "rgb", "CMYK": "separated"}[mode]
    array = own.pixels[..., 0] if mode == "L" else own.pixels
    predictor = predictor and compression is not None
    tifffile.imwrite(
        out, array, photometric=photometric, compression=compression, predictor=predictor, metadata=None
    )
    assert np.array_equal(read(out.getvalue()).pixels, own.pixels)


@pytest.mark.parametrize("imagecodecs", [True, False])
@pytest.mark.parametrize("orientation", [1, 6, 7])
@pytest.mark.parametrize("predictor", [False, True])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("mode", MODES)
def test_lzw_with_and_without_imagecodecs(
    mode: str,
    bits: int,
    predictor: bool,
    orientation: int,
    imagecodecs: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What most editors write is read with what the base installation has."""
    own = picture(mode, bits)
    data = lzw_tiff(own.pixels, predictor, orientation)
    if imagecodecs:
        pytest.importorskip("imagecodecs")
    else:

        def refuse(*_: object, **__: object) -> None:
            raise ValueError("<COMPRESSION.LZW: 5> requires the 'imagecodecs' package")

        monkeypatch.setattr(tifffile.TiffPage, "asarray", refuse)
    right_way_up = {
        1: own.pixels,
        6: np.rot90(own.pixels, -1),
        7: np.rot90(own.pixels, 2).swapaxes(0, 1),
    }
    assert np.array_equal(read(data).pixels, right_way_up[orientation])


@pytest.mark.parametrize("bits", [8, 16])
def test_tiff_in_planes_and_white_is_zero(bits: int) -> None:
    own = picture("RGB", bits)
    out = io.BytesIO()
    planes = np.moveaxis(own.pixels, -1, 0)
    tifffile.imwrite(out, planes, photometric="rgb", planarconfig="separate", metadata=None)
    assert np.array_equal(read(out.getvalue()).pixels, own.pixels)
    grey = picture("L", bits)
    out = io.BytesIO()
    tifffile.imwrite(out, ~grey.pixels[..., 0], photometric="miniswhite", metadata=None)
    assert np.array_equal(read(out.getvalue()).pixels, grey.pixels)


@pytest.mark.parametrize("order", ["<", ">"])
def test_tiff_of_either_byte_order(order: str) -> None:
    own = picture("RGB", 16, True)
    out = io.BytesIO()
    both = np.concatenate([own.pixels, own.alpha[..., None]], axis=2)
    tifffile.imwrite(
        out, both, byteorder=order, photometric="rgb", extrasamples=["unassalpha"], metadata=None
    )
    got = read(out.getvalue())
    assert np.array_equal(got.pixels, own.pixels) and np.array_equal(got.alpha, own.alpha)


@pytest.mark.parametrize("bits", [8, 16])
def test_premultiplied_tiff_is_made_straight(bits: int) -> None:
    own = picture("RGB", bits, True)
    top = np.iinfo(own.pixels.dtype).max
    cover = np.maximum(own.alpha, top // 2)
    stored = np.rint(own.pixels.astype(np.float64) * cover[..., None] / top).astype(own.pixels.dtype)
    both = np.concatenate([stored, cover[..., None]], axis=2)
    out = io.BytesIO()
    tifffile.imwrite(out, both, photometric="rgb", extrasamples=["assocalpha"], metadata=None)
    got = read(out.getvalue())
    assert np.abs(got.pixels.astype(int) - own.pixels).max() <= 2
    assert np.array_equal(got.alpha, cover) and "multiplied" in got.notes[0]


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_png_with_one_transparent_colour(mode: str, bits: int) -> None:
    from outpaint_cli.picture._container import png_chunk

    own = picture(mode, bits)
    data = encode(own, format="PNG").data
    key = own.pixels[7, 11]
    data = data[:33] + png_chunk(b"tRNS", key.astype(">u2").tobytes()) + data[33:]
    got = read(data)
    assert probe(data).has_alpha and got.alpha is not None
    assert np.array_equal(got.pixels, own.pixels)
    assert np.array_equal(got.alpha == 0, (own.pixels == key).all(axis=2))


def test_palette_and_one_bit() -> None:
    image = Image.fromarray(photo()).quantize(32)
    for format in ("PNG", "GIF", "TIFF", "BMP"):
        data = saved(image, format)
        got = read(data)
        assert got.palette and got.mode == "RGB" and matches(probe(data), got)
        assert np.array_equal(got.pixels, np.asarray(image.convert("RGB")))
        assert output_format(got, "keep", f".{format.lower()}") == ("PNG", ".png")
    clear = saved(image, "PNG", transparency=3)
    assert np.array_equal(read(clear).alpha == 0, np.asarray(image) == 3)
    bilevel = Image.fromarray(photo()).convert("1")
    for format in ("PNG", "TIFF", "BMP"):
        got = read(saved(bilevel, format))
        assert got.mode == "L" and np.array_equal(got.pixels[..., 0], np.asarray(bilevel.convert("L")))


def test_grey_with_alpha() -> None:
    array = np.dstack([photo()[..., 0], photo()[..., 1]])
    for format in ("PNG", "TIFF"):
        got = read(saved(Image.merge("LA", bands(array)), format))
        assert got.mode == "L" and np.array_equal(got.pixels[..., 0], array[..., 0])
        assert np.array_equal(got.alpha, array[..., 1])


def bands(array: np.ndarray) -> list[Image.Image]:
    return [Image.fromarray(np.ascontiguousarray(array[..., band])) for band in range(array.shape[2])]


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG", "TIFF", "AVIF"])
def test_of_several_pictures_the_first_is_used_and_it_says_so(format: str) -> None:
    first = Image.fromarray(photo())
    data = saved(first, format, save_all=True, append_images=[first.rotate(90), first.rotate(180)])
    got = read(data)
    assert probe(data).frames == 3
    assert got.notes == ("the file holds 3 pictures: only the first one is used",)
    assert np.abs(got.pixels.astype(int) - photo()).mean() < 12


def test_the_content_counts_not_the_name(tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(encode(picture(), format="PNG").data)
    got = read(path)
    assert got.format == "PNG" and got.notes == ("the file is called .jpg but holds PNG",)
    assert output_format(got, "keep", path.suffix) == ("PNG", ".png")


def test_jpeg_keeps_its_subsampling_quality_and_progression() -> None:
    for subsampling, name in ((0, "4:4:4"), (1, "4:2:2"), (2, "4:2:0")):
        for quality in (60, 85, 99):
            for progressive in (False, True):
                image = Image.fromarray(photo())
                data = saved(image, "JPEG", quality=quality, subsampling=subsampling, progressive=progressive)
                own = read(data)
                assert own.jpeg is not None
                settings = (own.jpeg.subsampling, own.jpeg.quality, own.jpeg.progressive)
                assert settings == (name, quality, progressive)
                for asked in (50, 95):
                    again = read(encode(own, format="JPEG", quality=asked).data)
                    assert again.jpeg is not None
                    assert again.jpeg.subsampling == name and again.jpeg.progressive == progressive
                    assert again.jpeg.quality == max(quality, asked)
                    for key, table in own.jpeg.qtables.items():
                        assert all(a <= b for a, b in zip(again.jpeg.qtables[key], table, strict=True))


def test_a_jpeg_with_chroma_of_an_unusual_size_loses_none() -> None:
    from dataclasses import replace

    own = read(saved(Image.fromarray(photo()), "JPEG", subsampling="4:2:0"))
    assert own.jpeg is not None
    own.jpeg = replace(own.jpeg, subsampling="")
    again = read(encode(own, format="JPEG").data)
    assert again.jpeg is not None and again.jpeg.subsampling == "4:4:4"


def test_cmyk_jpeg_stays_cmyk() -> None:
    own = read(saved(Image.fromarray(picture("CMYK").pixels, "CMYK"), "JPEG", quality=98))
    assert own.mode == "CMYK"
    again = read(encode(own, format="JPEG").data)
    assert again.mode == "CMYK" and np.abs(again.pixels.astype(int) - own.pixels).mean() < 2


def test_16_bits_are_rounded_not_cut() -> None:
    pixels = np.array([0, 127, 128, 129, 384, 385, 386, 65406, 65407, 65535], np.uint16).reshape(1, 10, 1)
    done = encode(Picture(pixels, None, "TIFF"), format="BMP")
    assert read(done.data).pixels.ravel().tolist() == [0, 0, 0, 1, 1, 1, 2, 254, 255, 255]
    assert not done.exact and "rounded" in done.notes[0]


def test_alpha_is_flattened_on_white() -> None:
    pixels = np.full((8, 8, 3), 100, np.uint8)
    alpha = np.full((8, 8), 51, np.uint8)
    done = encode(Picture(pixels, alpha, "PNG"), format="JPEG")
    assert "white" in done.notes[0]
    assert np.abs(read(done.data).pixels.astype(int) - 224).max() <= 2
    whole = encode(Picture(pixels, np.full((8, 8), 255, np.uint8), "PNG"), format="JPEG")
    assert whole.notes == ()


@pytest.mark.parametrize(
    "format, wanted, suffix, expected",
    [
        ("JPEG", "keep", ".JPEG", ("JPEG", ".JPEG")),
        ("JPEG", "png", ".jpg", ("PNG", ".png")),
        ("PNG", "jpg", ".png", ("JPEG", ".jpg")),
        ("GIF", "keep", ".gif", ("PNG", ".png")),
        ("BMP", "keep", ".bmp", ("BMP", ".bmp")),
        ("TIFF", "tiff", ".tiff", ("TIFF", ".tiff")),
        ("HEIF", "keep", ".heic", ("HEIF", ".heic")),
        ("PNG", "avif", "", ("AVIF", ".avif")),
    ],
)
def test_output_format(format: str, wanted: str, suffix: str, expected: tuple[str, str]) -> None:
    assert output_format(picture(format=format), wanted, suffix) == expected


def test_an_unknown_output_format_is_wrong_usage() -> None:
    with pytest.raises(UsageError, match="use keep, png"):
        output_format(picture(), "jp2")


def test_heic_without_its_extra_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encode(picture(), format="HEIF").data
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    for call in (
        lambda: read(data),
        lambda: probe(data),
        lambda: output_format(picture(format="HEIF"), "keep"),
    ):
        with pytest.raises(PictureError, match=r"outpaint-cli\[heif\]"):
            call()


def test_10_bit_heic_is_read_as_8_with_a_note() -> None:
    import pillow_heif

    wide = picture("RGB", 16)
    out = io.BytesIO()
    pillow_heif.from_bytes("RGB;16", (64, 48), wide.pixels.tobytes()).save(out, quality=95, chroma=444)
    got = read(out.getvalue())
    assert got.bits == 8 and any("bits a sample and was read as 8" in note for note in got.notes)
    assert np.abs(got.pixels.astype(int) - (wide.pixels >> 8)).mean() < 4


@pytest.mark.parametrize("format, side", [("WEBP", 16384), ("JPEG", 65501)])
def test_pictures_too_large_for_a_format(format: str, side: int) -> None:
    with pytest.raises(PictureError, match="choose --format png or tiff"):
        encode(Picture(np.zeros((1, side, 3), np.uint8), None, "PNG"), format=format)
