"""Ctrl-C and SIGTERM: the pictures in flight are finished, then the run ends."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


class Stop:
    """Whether, and by which signal, the run is to stop."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self.exit_code = 0

    def __call__(self) -> bool:
        """True once a signal came."""
        return self._event.is_set()

    def request(self, number: int) -> None:
        """Ask for the end; the second Ctrl-C raises KeyboardInterrupt."""
        if self._event.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.exit_code = self.exit_code or 128 + number
        self._event.set()


@contextlib.contextmanager
def stopping() -> Iterator[Stop]:
    """A :class:`Stop` that SIGINT and SIGTERM (where there is one) set; old handlers come back afterwards."""
    stop = Stop()

    def handle(number: int, frame: FrameType | None) -> None:
        stop.request(number)

    before = {}
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGINT", "SIGTERM"):
            if hasattr(signal, name):
                number = getattr(signal, name)
                before[number] = signal.signal(number, handle)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
