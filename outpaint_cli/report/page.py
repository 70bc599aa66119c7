"""The page's HTML: the template with style, script and data put in, and a policy that allows nothing else."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from string import Template
from typing import Any

from outpaint_cli.report.facts import Facts


def build(title: str, facts: Mapping[str, Facts], data: Mapping[str, Any]) -> bytes:
    """The whole page, UTF-8. ``data`` is what page.js reads; ``facts`` become lists under their headings."""
    style, script = _asset("page.css"), _asset("page.js")
    return (
        Template(_asset("page.html"))
        .substitute(
            policy=html.escape(policy(style, script)),
            title=escape(title),
            style=style,
            facts=_lists(facts),
            data=as_script_data(data),
            script=script,
        )
        .encode("utf-8")
    )


def policy(style: str, script: str) -> str:
    """The Content-Security-Policy: this style and this script alone, pictures from here, and no connections.

    A page that is opened as a file is no origin of its own in all browsers, hence ``file:`` beside 'self'.
    """
    return (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; "
        "img-src 'self' file: data:; base-uri 'none'; form-action 'none'"
    )


def escape(text: str) -> str:
    """``text`` for HTML; what can't be UTF-8 (odd bytes in file names) as a question mark."""
    return html.escape(text.encode("utf-8", "replace").decode("utf-8"))


def as_script_data(data: Any) -> str:
    """JSON that can't end the script element it stands in, whatever the names in it are; ASCII alone."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _asset(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode()


def _lists(facts: Mapping[str, Facts]) -> str:
    return "\n".join(
        f"<section><h3>{escape(heading)}</h3><dl>{_rows(list(values.items()))}</dl></section>"
        for heading, values in facts.items()
        if values
    )


def _rows(values: Sequence[tuple[str, str]]) -> str:
    return "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in values)
