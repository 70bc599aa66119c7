"""What outputs say of their making in XMP: IPTC's source type, tool, model, seed, the photo's place; no paths."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from outpaint_cli import picture
from outpaint_cli.plugin import Rect
from tests.conftest import Outpaint

TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
TRAINED, UNTRAINED = TYPES + "compositeWithTrainedAlgorithmicMedia", TYPES + "algorithmicallyEnhanced"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
CAPTURED = f"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}"><rdf:Description rdf:about=""
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:ext="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" dc:format="x">
 <ext:DigitalSourceType>{TYPES}digitalCapture</ext:DigitalSourceType><ext:Event>party</ext:Event>
</rdf:Description></rdf:RDF></x:xmpmeta>""".encode()


def said(path: Path) -> tuple[dict[str, str], dict[str, str]]:
    """IPTC's properties and ours."""
    packet = picture.read(path).xmp
    return picture.iptc_properties(packet), picture.photo_properties(packet)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff", "avif"])
def test_a_trained_models_output_says_so(outpaint: Outpaint, photo: Any, tmp_path: Path, suffix: str) -> None:
    photo("a.png")
    out = tmp_path / f"b.{suffix}"
    done = outpaint("extend", "a.png", "-o", out, "--seed", "7", "--harmonize", "none", "--json")
    iptc, ours = said(out)
    assert iptc["DigitalSourceType"] == TRAINED
    assert iptc["AISystemUsed"] == f"outpaint (context-encoder {done.events[0]['revision']})"
    assert ours["Model"] == "context-encoder" and ours["Seed"] == "7"
    assert ours["Tool"].startswith("outpaint ") and "Harmonizer" not in ours
    assert [ours[f"Photo{n}"] for n in ("X", "Y", "Width", "Height")] == ["15", "10", "60", "40"]
    packet = picture.read(out).xmp or b""
    assert str(tmp_path).encode() not in packet and b"a.png" not in packet


@pytest.mark.parametrize("harmonizer", ["none", "patch"])
def test_without_a_trained_model_no_ai_is_claimed(
    outpaint: Outpaint, photo: Any, tmp_path: Path, harmonizer: str
) -> None:
    photo("a.png")
    assert outpaint("extend", "a.png", "-m", "reflect", "--harmonize", harmonizer).code == 0
    iptc, ours = said(tmp_path / "a_extended.png")
    assert iptc == {"DigitalSourceType": UNTRAINED}
    assert ours["Model"] == "reflect" and ours.get("Harmonizer", "none") == harmonizer


def test_no_provenance_leaves_the_photos_place(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    photo("a.png")
    assert outpaint("extend", "a.png", "-m", "reflect", "--no-provenance").code == 0
    iptc, ours = said(tmp_path / "a_extended.png")
    assert iptc == {} and set(ours) == {
        "PhotoX", "PhotoY", "PhotoWidth", "PhotoHeight", "FrameWidth", "FrameHeight",
    }  # fmt: skip
    redone = outpaint("extend", "a.png", "-m", "reflect", "--json")
    assert redone.events[0]["status"] == "ok"  # made with other settings
    assert said(tmp_path / "a_extended.png")[0]


def test_stripped_outputs_still_say_it(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    photo("a.png")
    assert outpaint("extend", "a.png", "-m", "reflect", "--strip-metadata").code == 0
    assert said(tmp_path / "a_extended.png")[0] == {"DigitalSourceType": UNTRAINED}


def test_where_nothing_was_generated_nothing_is_said(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    photo("a.png")
    assert outpaint("extend", "a.png", "--scale", "1", "-m", "reflect").code == 0
    assert said(tmp_path / "a_extended.png")[0] == {}


def test_finishing_what_a_model_made_does_not_talk_it_down(
    outpaint: Outpaint, photo: Any, tmp_path: Path
) -> None:
    photo("a.png")
    assert outpaint("extend", "a.png", "-o", "b.png", "--harmonize", "none").code == 0
    assert outpaint("harmonize", "b.png", "-o", "c.png", "--method", "patch").code == 0
    iptc, ours = said(tmp_path / "c.png")
    assert iptc["DigitalSourceType"] == TRAINED
    assert ours["Model"] == "context-encoder" and ours["Harmonizer"] == "patch"


def test_the_cameras_own_type_is_replaced_once_and_the_rest_stays() -> None:
    iptc = {"DigitalSourceType": TRAINED, "AISystemUsed": "outpaint"}
    packet = picture.photo_xmp(CAPTURED, Rect(0, 0, 1, 1), (2, 2), keep=True, iptc=iptc)
    again = picture.photo_xmp(packet, Rect(0, 0, 1, 1), (2, 2), keep=True, iptc=iptc)
    assert again == packet
    ElementTree.fromstring(packet)
    assert picture.iptc_properties(packet) == iptc
    assert packet.count(b"DigitalSourceType") == 1 and b"digitalCapture" not in packet and b"party" in packet
    untouched = picture.photo_xmp(CAPTURED, Rect(0, 0, 1, 1), (2, 2), keep=True)
    assert b"digitalCapture" in untouched
    with pytest.raises(ValueError, match="no property of IPTC's"):
        picture.photo_xmp(None, Rect(0, 0, 1, 1), (2, 2), keep=True, iptc={"Event": "x"})


def test_pictures_made_in_python_say_it_too(photo: Any) -> None:
    from outpaint_cli import extend

    made = extend(photo("a.png"), model="reflect", seed=3)
    assert picture.iptc_properties(made.info["xmp"]) == {"DigitalSourceType": UNTRAINED}
    assert picture.photo_properties(made.info["xmp"])["Seed"] == "3"
