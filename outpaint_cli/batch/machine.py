"""What the machine has: cores to work with, memory to work in."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import cv2
from threadpoolctl import threadpool_limits

MOST, LEAST = 3 << 30, 256 << 20


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


def memory() -> int:
    """Bytes of pictures in flight that this machine can well bear: a third of what is free, at most 3 GiB."""
    return max(LEAST, min(MOST, _available() // 3))


def _available() -> int:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return 3 * MOST


ARENA_MAX = -8
"""glibc's M_ARENA_MAX (malloc.h)."""


def few_heaps() -> None:
    """Let threads share two heaps, where the C library is glibc and MALLOC_ARENA_MAX does not say otherwise.

    With a heap for each of them, what one thread has given back is of no use to the next: a run of thousands of
    pictures grows by a tenth. It holds for the whole process: for one of our own, not for a caller of the API's.
    """
    if sys.platform == "linux" and "MALLOC_ARENA_MAX" not in os.environ:
        with suppress(OSError, AttributeError):  # musl has no such function
            ctypes.CDLL(None).mallopt(ARENA_MAX, 2)


@contextmanager
def one_thread_a_call() -> Iterator[None]:
    """Keep matrix products and OpenCV to the thread that calls them.

    The pictures themselves keep all cores busy, and threads within would only wait for one another. A sum
    that is split among threads is also rounded by how many there are: so the same seed gives the same bytes
    whatever --jobs or OMP_NUM_THREADS say.
    """
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with threadpool_limits(limits=1, user_api="blas"):
            yield
    finally:
        cv2.setNumThreads(before)
