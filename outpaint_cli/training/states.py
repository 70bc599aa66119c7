"""State dicts of unknown origin: found inside what safe loading gives, and compared with a network's own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias, TypeVar

import torch
from torch import Tensor, nn

State: TypeAlias = Mapping[str, Tensor]
Net = TypeVar("Net", bound=nn.Module)
WRAPPERS = ("average", "ema", "net", "model", "state_dict", "player.network")  # in order of preference


def states(loaded: Any) -> Iterable[State]:
    """The state dicts that ``loaded`` may hold, the likeliest first, without a leading ``module.``."""
    if not isinstance(loaded, Mapping):
        return
    for wrapper in WRAPPERS:
        inner = loaded.get(wrapper)
        if isinstance(inner, Mapping):
            yield from states(inner)
        prefix = f"{wrapper}."
        flat = {str(k).removeprefix(prefix): v for k, v in loaded.items() if str(k).startswith(prefix)}
        if flat:
            yield from states(flat)
    state = {str(key).removeprefix("module."): value for key, value in loaded.items()}
    if state and all(isinstance(value, Tensor) for value in state.values()):
        yield state


def read(loaded: Any, build: Callable[[State], tuple[Net, State] | None]) -> Net | None:
    """The network, in evaluation mode, whose weights ``loaded`` holds, or None.

    ``build`` makes it for a state dict that fits, and returns it with that state under its own names.
    """
    for state in states(loaded):
        found = build(state)
        if found is not None:
            network, named = found
            load(network, named)
            return network
    return None


def count(state: State, pattern: str) -> int:
    """How many different numbers the first group of ``pattern`` finds in the keys, if they run from 0; else 0."""
    found = {int(match[1]) for match in (re.fullmatch(pattern, key) for key in state) if match}
    return len(found) if found == set(range(len(found))) else 0


def fits(make: Callable[[], nn.Module], state: State) -> bool:
    """Whether the network that ``make`` gives has exactly these parameters; nothing is allocated for it."""
    with torch.device("meta"):
        wanted = make().state_dict()
    spare = {key for key in wanted if key.endswith("num_batches_tracked")}
    if set(wanted) - spare != set(state) - spare:
        return False
    return all(state[key].shape == wanted[key].shape for key in set(wanted) - spare)


def load(network: nn.Module, state: State) -> None:
    """Put ``state`` into ``network`` as fp32 and set it to evaluation mode."""
    counters = {k: v for k, v in network.state_dict().items() if k.endswith("num_batches_tracked")}
    network.load_state_dict({**counters, **{key: value.float() for key, value in state.items()}})
    network.eval()
