"""An iteration's arithmetic as one CUDA graph: recorded once, then started by a single call.

An iteration is some hundred small kernels, and a GPU is done with each sooner than Python can send the next. What
is recorded reads and writes the same memory every time, so inputs are copied to where the recording found them.
See "CUDA Graphs" in PyTorch's documentation (CUDA semantics).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

Tensors: TypeAlias = dict[str, Tensor]
Recorder: TypeAlias = Callable[[Callable[[], Tensors]], tuple[Callable[[], None], Tensors]]

WARM = 3
"""Times that work is done as it comes before it is recorded: libraries and optimizers set themselves up then."""


def record(work: Callable[[], Tensors]) -> tuple[Callable[[], None], Tensors]:
    """``work`` as a CUDA graph: what starts it, and the tensors its results will be in. Nothing is computed yet."""
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    # other threads of a batch may use the GPU meanwhile
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        results = work()
    return graph.replay, results


class Replays:
    """Does work that is always the same but for its inputs' values.

    One recording is kept for every name and every set of input shapes. Where recording fails, work goes on as it
    comes, and ``failed`` says why.
    """

    def __init__(self, recorder: Recorder = record) -> None:
        self.failed = ""
        self._recorder = recorder
        self._times: dict[object, int] = {}
        self._kept: dict[object, tuple[Tensors, Callable[[], None], Tensors]] = {}

    def __call__(self, name: str, inputs: Tensors, work: Callable[[Tensors], Tensors]) -> Tensors:
        """What ``work`` makes of ``inputs``; the results are overwritten by the next call."""
        key = name, tuple((of, tensor.shape) for of, tensor in inputs.items())
        times = self._times[key] = self._times.get(key, 0) + 1
        if times <= WARM or self.failed:
            return work(inputs)
        if key not in self._kept:
            still = {of: tensor.clone() for of, tensor in inputs.items()}
            try:
                replay, results = self._recorder(lambda: work(still))
            except RuntimeError as error:
                self.failed = str(error).splitlines()[0]
                return work(inputs)
            self._kept[key] = still, replay, results
        still, replay, results = self._kept[key]
        for of, tensor in inputs.items():
            still[of].copy_(tensor)
        replay()
        return results
