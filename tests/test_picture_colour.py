"""Everything is imagined in sRGB; a photo in other colours keeps them, and what is added is converted."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageCms

from outpaint_cli.picture import Picture, encode, from_srgb, is_srgb, read, to_srgb
from outpaint_cli.picture._icc import from_cicp, matrix_profile
from tests.pictures import (
    ADOBE_RGB,
    DISPLAY_P3,
    SRGB,
    cmyk_profile,
    grey_profile,
    photo,
    picture,
    table_profile,
)


def twisted() -> bytes:
    """An RGB profile made of tables: matrix and curves can't express that its channels are swapped."""
    return table_profile("RGB", 3, lambda x: x[..., ::-1] ** 1.2, lambda x: x[..., ::-1] ** (1 / 1.2))


PROFILES = {"Adobe RGB": ADOBE_RGB, "Display P3": DISPLAY_P3, "tables": twisted()}


@pytest.mark.parametrize("icc", [None, SRGB])
@pytest.mark.parametrize("bits", [8, 16])
def test_srgb_goes_through_as_it_is_without_a_copy(icc: bytes | None, bits: int) -> None:
    own = picture(bits=bits, icc=icc)
    assert is_srgb(own)
    assert to_srgb(own) is own.pixels
    assert from_srgb(own, own.pixels) is own.pixels


@pytest.mark.parametrize("icc", PROFILES.values(), ids=PROFILES)
@pytest.mark.parametrize("bits", [8, 16])
def test_what_was_imagined_comes_back_in_the_photos_colours(icc: bytes, bits: int) -> None:
    own = picture(bits=bits, icc=icc)
    imagined = picture(bits=bits).pixels
    ring = from_srgb(own, imagined)
    assert ring.dtype == imagined.dtype and ring.shape == imagined.shape
    assert np.abs(ring.astype(int) - imagined).max() > 8 * 257 ** (bits == 16)
    back = to_srgb(own, ring)
    error = np.abs(back.astype(int) - imagined) / (1 if bits == 8 else 257)
    # The two tables of a printer's profile are inverses of each other only as far as their grids go.
    assert error.max() <= (6 if icc is PROFILES["tables"] else 2) and error.mean() < 1


@pytest.mark.parametrize("icc", [ADOBE_RGB, DISPLAY_P3])
def test_16_bit_colours_agree_with_littlecms(icc: bytes) -> None:
    pixels = photo()
    own = picture(icc=icc, bits=16)
    fine = to_srgb(own, pixels.astype(np.uint16) * 257)
    image = ImageCms.profileToProfile(
        Image.fromarray(pixels),
        ImageCms.ImageCmsProfile(io.BytesIO(icc)),
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )
    assert np.abs(fine / 257 - np.asarray(image)).max() < 1.5


@pytest.mark.parametrize("icc", PROFILES.values(), ids=PROFILES)
def test_a_16_bit_gradient_stays_smooth(icc: bytes) -> None:
    """Through 8 bits a sky would show bands: 256 steps instead of thousands."""
    ramp = np.linspace(9000, 40000, 4096).astype(np.uint16)
    rgb = np.repeat(ramp[None, :, None], 3, axis=2)
    ring = from_srgb(picture(bits=16, icc=icc), rgb)
    assert len(np.unique(ring[0, :, 1])) > 2500
    assert np.abs(np.diff(ring[0, :, 1].astype(int))).max() < 40


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("icc", [None, cmyk_profile()], ids=["no profile", "profile"])
def test_cmyk_both_ways(bits: int, icc: bytes | None) -> None:
    own = picture("CMYK", bits=bits, icc=icc)
    imagined = picture(bits=bits).pixels // 2 + np.iinfo(picture(bits=bits).pixels.dtype).max // 4
    ring = from_srgb(own, imagined)
    assert ring.shape == own.pixels.shape and ring.dtype == own.pixels.dtype
    back = to_srgb(own, ring).astype(int)
    step = 1 if bits == 8 else 257
    assert np.abs(back - imagined).mean() <= 1.5 * step
    assert np.abs(back - imagined).max() <= 4 * step
    assert to_srgb(own).shape == (48, 64, 3)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("gamma", [1.0, 1.8, 2.2])
def test_grey_with_a_profile(bits: int, gamma: float) -> None:
    own = picture("L", bits=bits, icc=grey_profile(gamma))
    top = np.iinfo(own.pixels.dtype).max
    shown = to_srgb(own)
    light = (own.pixels[..., 0] / top) ** gamma
    wanted = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055) * top
    assert np.abs(shown[..., 0] - wanted).max() <= (1 if bits == 8 else 80)
    assert (shown[..., 0] == shown[..., 2]).all()
    imagined = np.repeat(picture("L", bits=bits).pixels, 3, axis=2)
    assert np.abs(to_srgb(own, from_srgb(own, imagined)).astype(int) - imagined).max() <= 12 * top // 255


def test_untagged_grey_is_expanded_and_comes_back_as_luma() -> None:
    own = picture("L")
    rgb = to_srgb(own)
    assert (rgb == own.pixels).all() and rgb.shape == (48, 64, 3)
    assert (from_srgb(own, rgb) == own.pixels).all()
    red, green = np.zeros((1, 1, 3), np.uint8), np.zeros((1, 1, 3), np.uint8)
    red[..., 0], green[..., 1] = 255, 255
    assert from_srgb(own, green)[0, 0, 0] == 182 and from_srgb(own, red)[0, 0, 0] == 54


def test_parts_of_another_size_are_converted() -> None:
    own = picture(icc=ADOBE_RGB)
    assert (to_srgb(own)[3:9, 5:20] == to_srgb(own, own.pixels[3:9, 5:20])).all()


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
@pytest.mark.parametrize("mode, icc", [("RGB", ADOBE_RGB), ("L", grey_profile(1.8))])
def test_profiles_are_kept(format: str, mode: str, icc: bytes) -> None:
    done = encode(picture(mode, icc=icc), format=format)
    again = read(done.data)
    if again.mode == mode:
        assert again.icc == icc and not again.notes
    else:
        assert again.icc is None and "converted to sRGB" in " ".join(done.notes)


def test_stripping_a_profile_does_not_shift_the_colours() -> None:
    own = picture(icc=ADOBE_RGB)
    done = encode(own, format="PNG", strip_metadata=True)
    again = read(done.data)
    assert again.icc is None and not done.exact
    assert any("sRGB" in note for note in done.notes)
    assert (again.pixels == to_srgb(own)).all()


def test_stripping_srgb_leaves_the_pixels_alone() -> None:
    own = picture(icc=SRGB)
    done = encode(own, format="PNG", strip_metadata=True)
    assert done.exact and (read(done.data).pixels == own.pixels).all()


def test_stripping_a_grey_profile_keeps_it_grey() -> None:
    own = picture("L", icc=grey_profile(1.0))
    again = read(encode(own, format="PNG", strip_metadata=True).data)
    assert again.mode == "L" and (again.pixels == to_srgb(own)[..., :1]).all()


@pytest.mark.parametrize("icc", [b"nonsense", ADOBE_RGB[:200], ADOBE_RGB[:128] + bytes(len(ADOBE_RGB) - 128)])
@pytest.mark.parametrize("bits", [8, 16])
def test_a_broken_profile_is_ignored_with_a_note(icc: bytes, bits: int) -> None:
    own = Picture(picture(bits=bits).pixels, None, "PNG")
    out = io.BytesIO()
    if bits == 8:
        Image.fromarray(own.pixels).save(out, "PNG", icc_profile=icc)
        data = out.getvalue()
    else:
        data = encode(picture(bits=16, icc=icc), format="TIFF").data
    again = read(data)
    assert again.icc is None and "profile is broken" in again.notes[0]
    assert (again.pixels == own.pixels).all()


def test_a_profile_for_other_colours_is_ignored_with_a_note() -> None:
    out = io.BytesIO()
    Image.fromarray(photo()[..., 0]).save(out, "JPEG", icc_profile=ADOBE_RGB)
    again = read(out.getvalue())
    assert again.icc is None and "is for RGB, the picture is L" in again.notes[0]


def test_colours_named_by_number_become_a_profile() -> None:
    """AVIF, HEIC and PNG may say "Display P3" by two numbers instead of a profile."""
    icc = from_cicp(12, 13)
    assert icc is not None
    assert np.abs(matrix_profile(icc).matrix - matrix_profile(DISPLAY_P3).matrix).max() < 1e-4
    assert from_cicp(1, 13) is None
