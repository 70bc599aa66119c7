"""Standard error for our own messages alone: libraries in C write theirs to file descriptor 2, amid our lines."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def own_stderr() -> Iterator[None]:
    """Meanwhile ``sys.stderr`` goes where it did, and what decoders say to descriptor 2 goes nowhere.

    What they would say of a damaged picture names no file; our own line does. OUTPAINT_DEBUG=1 lets it through.
    """
    before = sys.stderr
    try:
        number = before.fileno()
    except (AttributeError, OSError, ValueError):
        number = -1
    if number != 2 or os.environ.get("OUTPAINT_DEBUG") == "1":
        yield
        return
    before.flush()
    kept = os.dup(2)
    with open(kept, "w", encoding=before.encoding, errors=before.errors, buffering=1) as ours:  # noqa: PTH123
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        sys.stderr = ours
        try:
            yield
        finally:
            ours.flush()
            sys.stderr = before
            os.dup2(kept, 2)
