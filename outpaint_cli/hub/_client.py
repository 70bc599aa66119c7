"""huggingface_hub as outpaint uses it: imported late, quiet, and patient for seconds rather than half a minute."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from outpaint_cli.plugin import ModelError

SECONDS = 5
"""How long the Hub may be silent. HF_HUB_ETAG_TIMEOUT and HF_HUB_DOWNLOAD_TIMEOUT, where set, count instead."""

HEADS, GETS = 3, 2
"""How often the same request may be made: the client's own retries go on for half a minute."""


def library() -> Any:
    """The module huggingface_hub. Raises ModelError, with the package to install, where there is none.

    Its transfers with hf_xet are switched off unless HF_HUB_DISABLE_XET=0 is set: that library has time
    limits and retries of its own, and these files are small enough for plain HTTP. So is its telemetry,
    unless HF_HUB_DISABLE_TELEMETRY=0 is set.
    """
    os.environ.setdefault("HF_HUB_DISABLE_XET", "1")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        import huggingface_hub
    except ImportError as error:
        raise ModelError("the Hub needs the package huggingface-hub: pip install huggingface-hub") from error
    return huggingface_hub


def is_offline(asked: bool = False) -> bool:
    """Whether the network must not be touched: ``asked``, or by OUTPAINT_OFFLINE, HF_HUB_OFFLINE."""
    names = ("OUTPAINT_OFFLINE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    return asked or any(os.environ.get(n, "").lower() in ("1", "true", "yes", "on", "t", "y") for n in names)


def endpoint() -> str:
    """The Hub's address: HF_ENDPOINT, or https://huggingface.co."""
    library()
    from huggingface_hub import constants

    return constants.ENDPOINT


def patience() -> tuple[float, float]:
    """Seconds that the Hub may be silent: before it answers, and in the middle of a file."""
    from huggingface_hub import constants

    answer, file = constants.HF_HUB_ETAG_TIMEOUT, constants.HF_HUB_DOWNLOAD_TIMEOUT
    return (
        SECONDS if answer == constants.DEFAULT_ETAG_TIMEOUT else answer,
        SECONDS if file == constants.DEFAULT_DOWNLOAD_TIMEOUT else file,
    )


class GaveUp(Exception):
    """The same request failed too often. Its ``__context__`` is how it failed last."""


class Patience:
    """A request hook that shortens time limits and ends retries which get nowhere.

    A download that goes on from where it was cut makes another request each time (Range) and may.
    """

    def __init__(self) -> None:
        self.answer, self.file = patience()
        self._asked: Counter[tuple[str, str, str]] = Counter()

    def __call__(self, request: Any) -> None:
        """Called by httpx before it sends ``request``."""
        limit = self.answer if request.method == "HEAD" else self.file
        given = request.extensions.get("timeout") or {}
        request.extensions["timeout"] = {
            name: min(limit, given.get(name) or limit) for name in ("connect", "read", "write", "pool")
        }
        what = (request.method, str(request.url), request.headers.get("Range", ""))
        self._asked[what] += 1
        if self._asked[what] > (HEADS if request.method == "HEAD" else GETS):
            raise GaveUp


@contextmanager
def talking(hook: Any = None) -> Iterator[None]:
    """While huggingface_hub talks to the Hub: its messages silent, ``hook`` called before each request."""
    logging: Any = library().utils.logging
    before = logging.get_verbosity()
    if os.environ.get("OUTPAINT_DEBUG") != "1":
        logging.set_verbosity_error()
    session = library().get_session()
    hooks = session.event_hooks
    if hook is not None:
        session.event_hooks = {**hooks, "request": [*hooks["request"], hook]}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        session.event_hooks = hooks
        logging.set_verbosity(before)
