"""What a batch asks of the machine."""

from __future__ import annotations

import ctypes
import sys

import pytest

from outpaint_cli.batch.machine import few_heaps


class Library:
    def __init__(self) -> None:
        self.calls: list[tuple[int, int]] = []

    def mallopt(self, name: int, value: int) -> int:
        self.calls.append((name, value))
        return 1


def test_threads_share_two_heaps_unless_the_environment_says_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    library = Library()
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    few_heaps()
    assert library.calls == [(-8, 2)]
    monkeypatch.setenv("MALLOC_ARENA_MAX", "8")
    few_heaps()
    assert len(library.calls) == 1


def test_other_c_libraries_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    few_heaps()
