"""What a file carries besides its pixels stays, and what was true of the old pixels alone is put right."""

from __future__ import annotations

import io
import struct
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from outpaint_cli.picture import (
    Picture,
    encode,
    photo_xmp,
    probe,
    read,
    read_photo_properties,
    read_photo_rect,
)
from outpaint_cli.picture import _xmp as xmp_module
from outpaint_cli.picture._container import png_chunk
from outpaint_cli.plugin import Rect
from tests.pictures import ADOBE_RGB, exif, photo, picture

CARRIERS = ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"]
RECT, FRAME = Rect(16, 8, 64, 48), (96, 72)

LIGHTROOM = b"""<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="uuid:1" xmlns:tiff="http://ns.adobe.com/tiff/1.0/"
    xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/"
    tiff:Orientation="6" tiff:ImageWidth='4000' hdrgm:Version="1.0" xmp:Rating="4">
   <exif:PixelXDimension>4000</exif:PixelXDimension>
   <xmp:Thumbnails><rdf:Alt><rdf:li>old</rdf:li></rdf:Alt></xmp:Thumbnails>
   <dc:creator><rdf:Seq><rdf:li>Ada &amp; Grace \xc3\xa9</rdf:li></rdf:Seq></dc:creator>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""


def saved(image: Image.Image, format: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


# ---------------------------------------------------------------------------------------- orientation


def turned(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """How EXIF 2.32 says that stored rows and columns are shown."""
    return {
        1: pixels,
        2: pixels[:, ::-1],
        3: pixels[::-1, ::-1],
        4: pixels[::-1],
        5: pixels.swapaxes(0, 1),
        6: np.rot90(pixels, -1),
        7: np.rot90(pixels, 2).swapaxes(0, 1),
        8: np.rot90(pixels),
    }[orientation]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["PNG 8", "PNG 16", "TIFF 8", "TIFF 16", "TIFF LZW", "WEBP", "JPEG"])
def test_pixels_come_upright_and_the_tag_says_so(format: str, orientation: int, order: str) -> None:
    own = picture("RGB", 16 if format.endswith("16") else 8)
    block = exif(orientation, order=order)
    if format.startswith("PNG"):
        data = encode(own, format="PNG").data
        data = data[:33] + png_chunk(b"eXIf", block) + data[33:]
    elif format == "TIFF LZW":
        data = saved(Image.fromarray(own.pixels), "TIFF", compression="tiff_lzw", tiffinfo={274: orientation})
    elif format.startswith("TIFF"):
        out = io.BytesIO()
        tags = [(274, 3, 1, orientation, True)]
        tifffile.imwrite(out, own.pixels, photometric="rgb", byteorder=order, metadata=None, extratags=tags)
        data = out.getvalue()
    else:
        options = {"lossless": True} if format == "WEBP" else {"quality": 100, "subsampling": 0}
        data = saved(Image.fromarray(own.pixels), format, exif=b"Exif\0\0" + block, **options)
    got, info = read(data), probe(data)
    wanted = turned(own.pixels, orientation)
    assert (info.width, info.height) == (got.width, got.height) == wanted.shape[1::-1]
    limit = 12 if format == "JPEG" else 0
    assert np.abs(got.pixels.astype(int) - wanted).max() <= limit
    again = read(encode(got, format="PNG").data)
    assert again.pixels.shape == wanted.shape
    if not format.startswith("TIFF"):
        assert got.exif is not None and Image.Exif() is not None
        tags = Image.Exif()
        tags.load(got.exif)
        assert tags[ExifTags.Base.Orientation] == 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_heic_and_avif_are_turned_once(orientation: int) -> None:
    """They turn by a box of their own and may say so in EXIF as well."""
    import pillow_heif

    out = io.BytesIO()
    block = b"Exif\0\0" + exif(orientation)
    pillow_heif.from_bytes("RGB", (64, 48), photo().tobytes()).save(out, quality=100, chroma=444, exif=block)
    wanted = turned(photo(), orientation)
    for data in (out.getvalue(), saved(Image.fromarray(photo()), "AVIF", quality=95, exif=block)):
        got, info = read(data), probe(data)
        assert (info.width, info.height) == (got.width, got.height) == wanted.shape[1::-1]
        assert np.abs(got.pixels.astype(int) - wanted).mean() < 4
        again = read(encode(got, format=got.format).data)
        assert np.abs(again.pixels.astype(int) - wanted).mean() < 6


# ----------------------------------------------------------------------------------------------- EXIF


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("format", CARRIERS)
def test_exif_is_kept_its_sizes_put_right_and_its_thumbnail_gone(format: str, order: str) -> None:
    thumbnail = b"\xff\xd8\xff" + b"old picture" * 40 + b"\xff\xd9"
    block = exif(1, width=4000, height=3000, order=order, thumbnail=thumbnail)
    own = picture(exif=block, format="JPEG")
    data = encode(own, format=format).data
    assert b"old picture" not in data
    got = read(data)
    assert got.exif is not None
    tags = Image.Exif()
    tags.load(got.exif)
    inner = tags.get_ifd(ExifTags.IFD.Exif)
    assert tags[ExifTags.Base.Make] == "Maker" and tags[ExifTags.Base.DateTime] == "2024:01:02 03:04:05"
    assert inner[ExifTags.Base.DateTimeOriginal] == "2024:01:02 03:04:05"
    assert (inner[ExifTags.Base.ExifImageWidth], inner[ExifTags.Base.ExifImageHeight]) == (64, 48)
    assert inner[ExifTags.Base.MakerNote] == b"MakerNote with an offset"
    assert tags.get_ifd(ExifTags.IFD.IFD1) == {}


def test_a_size_beyond_16_bits_fits_where_a_short_was() -> None:
    from outpaint_cli.picture._exif import fitted

    tags = Image.Exif()
    tags.load(fitted(exif(), 70000, 90000))
    inner = tags.get_ifd(ExifTags.IFD.Exif)
    assert (inner[ExifTags.Base.ExifImageWidth], inner[ExifTags.Base.ExifImageHeight]) == (70000, 90000)


def test_maker_notes_stay_where_they_are() -> None:
    """Their offsets count from the beginning of the block: moving them would break them."""
    block = exif(6, width=4000)
    got = read(encode(picture(exif=block), format="JPEG").data)
    assert got.exif is not None
    assert got.exif.index(b"MakerNote") == block.index(b"MakerNote") and len(got.exif) == len(block)


@given(st.data())
def test_broken_exif_never_spoils_a_picture(data: st.DataObject) -> None:
    block = bytearray(exif(6, thumbnail=b"\xff\xd8 thumb"))
    for _ in range(data.draw(st.integers(1, 6))):
        block[data.draw(st.integers(0, len(block) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(block[: data.draw(st.integers(0, len(block)))])
    own = picture(exif=cut)
    for format in ("PNG", "TIFF"):
        read(encode(own, format=format).data)


def test_colours_converted_to_srgb_are_called_so() -> None:
    own = picture("CMYK", exif=exif())
    tags = Image.Exif()
    tags.load(read(encode(own, format="PNG").data).exif or b"")
    assert tags.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ColorSpace] == 1


# ------------------------------------------------------------------------------------ dpi and stripping


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "BMP"])
def test_dpi_is_kept(format: str, bits: int) -> None:
    got = read(encode(picture(bits=bits, dpi=(300.0, 240.0)), format=format).data)
    assert got.dpi == pytest.approx((300, 240), abs=0.02)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("format", CARRIERS)
def test_stripping_leaves_only_where_the_photo_sits(format: str, bits: int) -> None:
    own = picture(bits=bits, exif=exif(), icc=ADOBE_RGB, dpi=(300.0, 300.0), xmp=LIGHTROOM)
    packet = photo_xmp(own.xmp, RECT, FRAME, keep=False)
    got = read(encode(own, format=format, strip_metadata=True, xmp=packet).data)
    assert (got.exif, got.icc, got.dpi) == (None, None, None)
    assert got.xmp is not None and b"Ada" not in got.xmp
    bare = read(encode(own, format=format, strip_metadata=True).data)
    assert bare.xmp is None


# ------------------------------------------------------------------------------------------------ XMP


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("format", CARRIERS)
def test_where_the_photo_sits_goes_round(format: str, keep: bool, bits: int) -> None:
    packet = photo_xmp(LIGHTROOM, RECT, FRAME, keep=keep, extra={"Model": 'a "b" <c> & é\n'})
    data = encode(picture(bits=bits), format=format, xmp=packet).data
    assert read_photo_rect(data) == RECT
    found = read_photo_properties(data)
    assert found["FrameWidth"] == "96" and found["Model"].strip() == 'a "b" <c> & é'
    assert (b"Ada &amp; Grace" in packet) == keep


def test_other_pictures_say_nothing() -> None:
    assert read_photo_rect(encode(picture(), format="PNG").data) is None
    assert read_photo_rect(encode(picture(xmp=LIGHTROOM), format="PNG").data) is None


def test_the_rest_of_the_packet_stays_but_what_is_no_longer_true() -> None:
    packet = photo_xmp(LIGHTROOM, RECT, FRAME, keep=True).decode()
    assert 'tiff:Orientation="1"' in packet and "tiff:ImageWidth='96'" in packet
    assert "<exif:PixelXDimension>96</exif:PixelXDimension>" in packet
    assert "Thumbnails" not in packet and "hdrgm:Version" not in packet
    assert 'xmp:Rating="4"' in packet and "Ada &amp; Grace é" in packet
    assert packet.count('rdf:about="uuid:1"') == 2


def test_a_second_run_replaces_what_the_first_said() -> None:
    once = photo_xmp(LIGHTROOM, Rect(1, 1, 2, 2), (4, 4), keep=True, extra={"Old": "x"})
    twice = photo_xmp(once, RECT, FRAME, keep=True)
    assert twice.count(b"outpaint:PhotoX") == 1 and b"outpaint:Old" not in twice
    assert len(photo_xmp(twice, RECT, FRAME, keep=True)) == len(twice)
    assert xmp_module.photo_rect(twice) == RECT


def test_what_another_tool_made_of_our_properties_is_found_and_replaced() -> None:
    moved = LIGHTROOM.replace(
        b"<dc:creator>",
        b'<o:PhotoX xmlns:o="http://ns.outpaint.dev/1.0/">1</o:PhotoX>'
        b'<o:PhotoY xmlns:o="http://ns.outpaint.dev/1.0/">2</o:PhotoY>'
        b'<o:PhotoWidth xmlns:o="http://ns.outpaint.dev/1.0/">3</o:PhotoWidth>'
        b'<o:PhotoHeight xmlns:o="http://ns.outpaint.dev/1.0/">4</o:PhotoHeight><dc:creator>',
    )
    assert xmp_module.photo_rect(moved) == Rect(1, 2, 3, 4)
    again = photo_xmp(moved, RECT, FRAME, keep=True)
    assert xmp_module.photo_rect(again) == RECT and b"o:PhotoX" not in again.replace(b"outpaint:", b"")


BOMB = b"<!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]>" + LIGHTROOM.partition(b"?>\n")[2]


@pytest.mark.parametrize("broken", [b"", b"\xff\xfe\x00", b"<x>", LIGHTROOM[:300], b"<a/>", BOMB, b"\0" * 50])
def test_a_broken_packet_is_replaced(broken: bytes) -> None:
    packet = photo_xmp(broken, RECT, FRAME, keep=True)
    assert xmp_module.photo_rect(packet) == RECT
    ElementTree.fromstring(packet)
    if broken:
        data = encode(picture(), format="PNG", xmp=broken).data
        got = read(data)
        assert got.xmp is None and got.notes == ("the XMP packet is broken and was left out",)
        assert read_photo_rect(data) is None


def test_a_packet_in_utf_16() -> None:
    wide = LIGHTROOM.decode().encode("utf-16")
    packet = photo_xmp(wide, RECT, FRAME, keep=True)
    assert b"Ada &amp; Grace" in packet and xmp_module.photo_rect(packet) == RECT


@given(
    st.dictionaries(
        st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,8}", fullmatch=True), st.text(max_size=30), max_size=4
    ),
    st.tuples(*[st.integers(0, 10**6)] * 2, *[st.integers(1, 10**6)] * 2),
)
def test_any_text_goes_into_a_packet(extra: dict[str, str], numbers: tuple[int, int, int, int]) -> None:
    extra = {name: text.encode("utf-8", "replace").decode() for name, text in extra.items()}
    rect = Rect(*numbers)
    packet = photo_xmp(
        LIGHTROOM, rect, (2 * 10**6, 2 * 10**6), keep=True, extra={f"X{k}": v for k, v in extra.items()}
    )
    assert xmp_module.photo_rect(packet) == rect


def test_names_that_xml_does_not_allow_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="property"):
        photo_xmp(None, RECT, FRAME, keep=True, extra={"a b": "c"})


def test_a_packet_too_large_for_jpeg_keeps_at_least_where_the_photo_sits() -> None:
    large = LIGHTROOM.replace(b"Grace", b"Grace" + b"x" * 70000)
    done = encode(picture(), format="JPEG", xmp=photo_xmp(large, RECT, FRAME, keep=True))
    assert read_photo_rect(done.data) == RECT
    assert any("too large for JPEG" in note for note in done.notes)


def test_metadata_after_the_pixels_of_a_png_is_found() -> None:
    data = encode(picture(), format="PNG").data
    packet = png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + photo_xmp(None, RECT, FRAME, keep=True))
    late = data[:-12] + png_chunk(b"eXIf", exif(6)) + packet + data[-12:]
    assert read_photo_rect(late) == RECT and (probe(late).width, probe(late).height) == (48, 64)
    assert read(late).pixels.shape == (64, 48, 3)


def test_a_larger_picture_with_the_old_metadata() -> None:
    """What the host does: the same picture with more pixels."""
    own = read(encode(picture(exif=exif(width=64, height=48), xmp=LIGHTROOM), format="JPEG").data)
    pixels = np.pad(own.pixels, ((12, 12), (16, 16), (0, 0)), mode="edge")
    larger = replace(own, pixels=pixels)
    assert isinstance(larger, Picture)
    got = read(encode(larger, format="JPEG").data)
    tags = Image.Exif()
    tags.load(got.exif or b"")
    inner = tags.get_ifd(ExifTags.IFD.Exif)
    assert (inner[ExifTags.Base.ExifImageWidth], inner[ExifTags.Base.ExifImageHeight]) == FRAME
    assert got.xmp is not None and b"tiff:ImageWidth='96'" in got.xmp


def test_big_tiff_is_read() -> None:
    out = io.BytesIO()
    tifffile.imwrite(out, picture(bits=16).pixels, bigtiff=True, photometric="rgb", metadata=None)
    assert struct.unpack("<H", out.getvalue()[2:4])[0] == 43
    assert np.array_equal(read(out.getvalue()).pixels, picture(bits=16).pixels)
