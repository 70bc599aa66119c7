"""Whether the Hub can be reached at all."""

from __future__ import annotations

from typing import Any

from outpaint_cli.hub import _client as client
from outpaint_cli.hub._faults import explain
from outpaint_cli.plugin import HubFile


def has_token() -> bool:
    """Whether a token is set: HF_TOKEN, or that of ``hf auth login``."""
    library: Any = client.library()
    return bool(library.get_token())


def ask(seconds: float) -> str:
    """One request to the Hub: "" when it answers, else what is wrong. Raises ModelError without the library."""
    library: Any = client.library()
    where = client.endpoint()
    try:
        with client.talking():
            answer = library.get_session().head(where, timeout=seconds, follow_redirects=False)
    except Exception as error:  # httpx's
        return str(explain(error, HubFile("", "", ""), "Hub")).removeprefix("Hub: ")
    return f"{where} answers {answer.status_code}" if answer.status_code >= 500 else ""
