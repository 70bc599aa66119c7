"""What of a URL may be shown: no passwords, no signed queries."""

from __future__ import annotations

import re

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/{1,2}([^/\s'\"?#]*@)?([^\s'\"]*)")


def redact(text: str) -> str:
    """``text`` without what is secret in the URLs in it: passwords, and the queries of https (signatures)."""
    return _URL.sub(_shown, text) if ":/" in text else text


def _shown(match: re.Match[str]) -> str:
    scheme, user, rest = match[1], match[2] or "", match[3]
    start = match[0][: match.start(2) - match.start()] if user else match[0][: match.start(3) - match.start()]
    if scheme.lower() in ("http", "https"):
        return start + re.split(r"[?#]", rest, maxsplit=1)[0]
    # A user alone is no secret; abfs has its container there.
    return start + ("" if ":" in user else user) + rest
