"""XMP: where the photo sits in the larger picture, written into the packet that is already there.

The packet is edited as text, so that what others wrote stays as they wrote it; a parser only checks that it
is well-formed before and after.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from xml.etree import ElementTree

from outpaint_cli.plugin import Rect

NAMESPACE = "http://ns.outpaint.dev/1.0/"
IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
IPTC_NAMES = (
    "DigitalSourceType", "AISystemUsed", "AISystemVersionUsed", "AIPromptInformation", "AIPromptWriterName",
)  # fmt: skip
"""Who made the picture, as the IPTC Photo Metadata Standard 2025.1 has it."""
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_HEAD = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
_TAIL = '\n<?xpacket end="w"?>'
_END_OF_RDF = re.compile(r"</\s*(?:[\w.-]+:)?RDF\s*>(?!.*</\s*(?:[\w.-]+:)?RDF\s*>)", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_][\w.-]*")

# Fields that speak of the old pixels. An orientation left behind would turn the picture a second time.
_SIZES = {
    "Orientation": "tiff",
    "ImageWidth": "tiff",
    "ImageLength": "tiff",
    "PixelXDimension": "exif",
    "PixelYDimension": "exif",
}
# What describes data that are not written: a preview, a gain map behind the picture, a packet's second part.
_STALE_ELEMENTS = ("xmp:Thumbnails", "xap:Thumbnails", "Container:Directory", "GContainer:Directory")
_STALE_ATTRIBUTES = (r"hdrgm:\w+", r"xmpNote:HasExtendedXMP", r"HDRGainMap:\w+")


def decode(packet: bytes | None) -> str | None:
    """The packet as text, or None where it is not well-formed RDF."""
    if not packet:
        return None
    try:
        text = (
            packet.decode("utf-16")
            if packet[:2] in (b"\xff\xfe", b"\xfe\xff")
            else packet.decode("utf-8-sig")
        )
    except UnicodeDecodeError:
        return None
    text = text.rstrip("\0").strip()
    return text if _root(text) is not None else None


def _root(text: str) -> ElementTree.Element | None:
    if "<!DOCTYPE" in text or "<!ENTITY" in text:  # XMP has neither; entities can be made to explode
        return None
    try:
        root = ElementTree.fromstring(text.encode())
    except (ElementTree.ParseError, ValueError):
        return None
    return root if root.tag == f"{{{_RDF}}}RDF" or root.find(f"{{{_RDF}}}RDF") is not None else None


def fitted(packet: bytes, width: int, height: int) -> bytes:
    """``packet`` of an upright picture of that size in pixels: orientation and sizes right, no preview."""
    text = decode(packet)
    if text is None:
        return packet
    values = {
        "Orientation": 1,
        "ImageWidth": width,
        "ImageLength": height,
        "PixelXDimension": width,
        "PixelYDimension": height,
    }
    changed = text
    for field, prefix in _SIZES.items():
        name = f"{prefix}:{field}"
        changed = re.sub(rf"(\s{name}\s*=\s*)(['\"])\s*\d+\s*\2", rf"\g<1>\g<2>{values[field]}\g<2>", changed)
        changed = re.sub(rf"(<{name}>)\s*\d+\s*(</{name}>)", rf"\g<1>{values[field]}\g<2>", changed)
    for name in _STALE_ELEMENTS:
        changed = re.sub(rf"<{name}\b(?:[^>]*/>|.*?</{name}\s*>)", "", changed, flags=re.DOTALL)
    for name in _STALE_ATTRIBUTES:
        changed = re.sub(rf"\s{name}\s*=\s*(?:\"[^\"]*\"|'[^']*')", "", changed)
        changed = re.sub(rf"<({name})\b(?:[^>]*/>|.*?</\1\s*>)", "", changed, flags=re.DOTALL)
    if changed == text:
        return packet
    return changed.encode() if _root(changed) is not None else packet


def photo_xmp(
    existing: bytes | None,
    rect: Rect,
    frame: tuple[int, int],
    *,
    keep: bool,
    extra: Mapping[str, str] | None = None,
    iptc: Mapping[str, str] | None = None,
) -> bytes:
    """An XMP packet, UTF-8, that says where the photo sits: ``rect`` inside ``frame`` (width, height), in
    pixels.

    ``keep``: the rest of ``existing`` stays, except what an earlier run said and sizes, which become those of
    the frame; else, or where ``existing`` is broken, the packet is ours alone. ``extra`` adds further
    properties of our namespace, ``iptc`` some of :data:`IPTC_NAMES`, which then replace all of those. Raises
    ValueError for a name in ``extra`` that XML does not allow, or that IPTC does not have.
    """
    values = {
        "PhotoX": str(rect.x),
        "PhotoY": str(rect.y),
        "PhotoWidth": str(rect.width),
        "PhotoHeight": str(rect.height),
        "FrameWidth": str(frame[0]),
        "FrameHeight": str(frame[1]),
        **(extra or {}),
    }
    for name in values:
        if not _NAME.fullmatch(name):
            raise ValueError(f"'{name}' can't be the name of an XMP property")
    if unknown := set(iptc or ()) - set(IPTC_NAMES):
        raise ValueError(f"{', '.join(unknown)} is no property of IPTC's that outpaint writes")
    text = decode(fitted(existing, *frame)) if existing and keep else None
    if text is not None:
        if iptc:
            text = _without(text, IPTC, "|".join(IPTC_NAMES))
        merged = _merge(_without_ours(text), values, iptc or {})
        if merged is not None:
            return merged.encode()
    return _alone(values, iptc or {})


def _alone(values: Mapping[str, str], iptc: Mapping[str, str]) -> bytes:
    body = _description(values, iptc, "")
    return (
        f'{_HEAD}<x:xmpmeta xmlns:x="adobe:ns:meta/">\n<rdf:RDF xmlns:rdf="{_RDF}">\n'
        f"{body}\n</rdf:RDF>\n</x:xmpmeta>{_TAIL}"
    ).encode()


def _description(values: Mapping[str, str], iptc: Mapping[str, str], about: str) -> str:
    named = {f"outpaint:{name}": text for name, text in values.items()}
    named |= {f"Iptc4xmpExt:{name}": text for name, text in iptc.items()}
    # Control characters are not XML at all, escaped or not.
    clean = {
        name: re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", " ", text) for name, text in named.items()
    }
    fields = "".join(f"\n  {name}={_quoted(text)}" for name, text in clean.items())
    # The RDF prefix is declared once more here: the packet around may call it something else.
    spaces = f'xmlns:rdf="{_RDF}" xmlns:outpaint="{NAMESPACE}"'
    spaces += f' xmlns:Iptc4xmpExt="{IPTC}"' if iptc else ""
    return f"<rdf:Description {spaces} rdf:about={_quoted(about)}{fields}/>"


def _quoted(text: str) -> str:
    """An attribute's value, with its quotes; line ends and tabs as references, or readers would make them blanks."""
    escaped = html.escape(text)
    for character in "\n\r\t":
        escaped = escaped.replace(character, f"&#{ord(character)};")
    return f'"{escaped}"'


def _without_ours(text: str) -> str:
    """``text`` without any property in our namespace, whichever prefix or form another tool gave it."""
    text = _without(text, NAMESPACE, r"[\w.-]+")
    for prefix in _prefixes(text, NAMESPACE):
        # The description that an earlier run wrote is now empty: take it out, or every run adds one.
        text = re.sub(
            rf"<(rdf:Description)(?=[^>]*\sxmlns:{re.escape(prefix)}=)(?:\s(?:xmlns:rdf|xmlns:Iptc4xmpExt|xmlns:{re.escape(prefix)}|"
            r"rdf:about)\s*=\s*(?:\"[^\"]*\"|'[^']*'))*\s*(?:/>|>\s*</\1\s*>)\s*",
            "",
            text,
        )
    return text


def _prefixes(text: str, namespace: str) -> set[str]:
    return set(re.findall(rf"xmlns:([\w.-]+)\s*=\s*['\"]{re.escape(namespace)}['\"]", text))


def _without(text: str, namespace: str, names: str) -> str:
    """``text`` without the properties of ``namespace`` that the pattern ``names`` matches, in either form."""
    for prefix in _prefixes(text, namespace):
        name = rf"{re.escape(prefix)}:(?:{names})"
        text = re.sub(rf"\s{name}\s*=\s*(?:\"[^\"]*\"|'[^']*')", "", text)
        text = re.sub(rf"<({name})\b(?:[^>]*/>|.*?</\1\s*>)", "", text, flags=re.DOTALL)
    return text


def _merge(text: str, values: Mapping[str, str], iptc: Mapping[str, str]) -> str | None:
    root = _root(text)
    if root is None:
        return None
    rdf = root if root.tag == f"{{{_RDF}}}RDF" else root.find(f"{{{_RDF}}}RDF")
    first = rdf.find(f"{{{_RDF}}}Description") if rdf is not None else None
    # All descriptions of one packet must be about the same thing.
    about = first.get(f"{{{_RDF}}}about", "") if first is not None else ""
    end = _END_OF_RDF.search(text)
    if end is None:
        return None
    merged = f"{text[: end.start()]}{_description(values, iptc, about)}\n{text[end.start() :]}"
    return merged if _root(merged) is not None else None


def properties(packet: bytes | None) -> dict[str, str]:
    """The properties of our namespace in a packet; empty where there are none or it is broken."""
    return _properties(packet, NAMESPACE)


def iptc_properties(packet: bytes | None) -> dict[str, str]:
    """Those of :data:`IPTC_NAMES` that a packet has; empty where there are none or it is broken."""
    return {name: v for name, v in _properties(packet, IPTC).items() if name in IPTC_NAMES}


def _properties(packet: bytes | None, namespace: str) -> dict[str, str]:
    text = decode(packet)
    root = _root(text) if text is not None else None
    if root is None:
        return {}
    mark = f"{{{namespace}}}"
    found: dict[str, str] = {}
    for node in root.iter():
        if node.tag.startswith(mark):
            found[node.tag[len(mark) :]] = (node.text or node.get(f"{{{_RDF}}}resource") or "").strip()
        for name, value in node.attrib.items():
            if name.startswith(mark):
                found[name[len(mark) :]] = value
    return found


def photo_rect(packet: bytes | None) -> Rect | None:
    """Where the photo sits, or None where the packet does not say."""
    found = properties(packet)
    try:
        values = [int(found[name]) for name in ("PhotoX", "PhotoY", "PhotoWidth", "PhotoHeight")]
    except (KeyError, ValueError):
        return None
    return Rect(*values) if values[2] > 0 and values[3] > 0 else None


def ours_alone(packet: bytes) -> bytes:
    """A packet with the properties that we write only."""
    return _alone(properties(packet), iptc_properties(packet))
