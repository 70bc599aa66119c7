"""Two pieces of work at once: what keeps two cores busy, on a machine that does other things, too.

PyTorch's own threads meet after every small step of a small network, so that each time all wait for the one that
another program has put aside. Here two threads meet twice an iteration. What is computed does not depend on how
many threads there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

A = TypeVar("A")
B = TypeVar("B")


class Both:
    """Runs two functions, at the same time or one after the other: ``both(first, second)``.

    Neither may change what the other reads. Gradient modes are a thread's own: set them inside.
    """

    def __init__(self, pool: ThreadPoolExecutor | None = None) -> None:
        self._pool = pool

    def __call__(self, first: Callable[[], A], second: Callable[[], B]) -> tuple[A, B]:
        """What both return; waits for both even where one raises."""
        if self._pool is None:
            return first(), second()
        later = self._pool.submit(second)
        try:
            return first(), later.result()
        finally:
            later.exception()

    def each(self, work: Callable[[A], None], items: Iterable[A]) -> None:
        """``work`` on all items, on every second one in the other thread."""
        items = list(items)

        def some(part: list[A]) -> None:
            for item in part:
                work(item)

        self(lambda: some(items[::2]), lambda: some(items[1::2]))


@contextmanager
def two_threads(device: torch.device) -> Iterator[Both]:
    """A :class:`Both` that shares PyTorch's threads between the two; on a GPU, or with one thread, no second one."""
    threads = torch.get_num_threads()
    if device.type != "cpu" or threads < 2:
        yield Both()
        return
    torch.set_num_threads(threads // 2)
    with ThreadPoolExecutor(1, initializer=lambda: torch.set_num_threads(threads // 2)) as pool:
        try:
            yield Both(pool)
        finally:
            torch.set_num_threads(threads)
