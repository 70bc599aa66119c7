"""What the machine has: cores to work with, memory to work in."""

from __future__ import annotations

import os
from pathlib import Path

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
