"""The checkpoints that become a partial convolution network: recognised by keys and shapes alone.

What comes in is what safe loading gives: dicts of tensors, numbers and strings.
"""

from __future__ import annotations

import re
from typing import Any

from outpaint_cli.training.states import State, count, fits, read
from outpaint_pconv.network import LeanConfig, LeanPConv
from outpaint_pconv.paper import PaperConfig, PaperPConv


def read_lean(loaded: Any) -> LeanPConv | None:
    """Our network, in evaluation mode, if ``loaded`` holds its weights: bare, or within a training state."""
    return read(loaded, _lean)


def read_paper(loaded: Any) -> PaperPConv | None:
    """The paper's network, in evaluation mode, if ``loaded`` holds its weights, published or our own."""
    return read(loaded, _paper)


def _lean(state: State) -> tuple[LeanPConv, State] | None:
    config = lean_config(state)
    return (LeanPConv(config), state) if config else None


def _paper(found: State) -> tuple[PaperPConv, State] | None:
    state, summed = plain(found)
    config = paper_config(state, summed)
    return (PaperPConv(config), state) if config else None


def plain(state: State) -> tuple[State, bool]:
    """``state`` with our names, and whether it is in the published layout, whose normalisation is its own.

    Published layers have ``conv.input_conv`` for weights and ``conv.mask_conv``, all ones, for the mask's sum.
    """
    if not any(".conv.mask_conv." in key for key in state):
        return state, False
    kept = {key: value for key, value in state.items() if ".conv.mask_conv." not in key}
    return {key.replace(".conv.input_conv.", ".conv."): value for key, value in kept.items()}, True


def lean_config(state: State) -> LeanConfig | None:
    """The leaner network's hyperparameters from its parameters' shapes, or None if it isn't one."""
    try:
        levels = count(state, r"down\.(\d+)\.conv\.weight")
        config = LeanConfig(
            widths=tuple(int(state[f"down.{i}.conv.weight"].shape[0]) for i in range(levels)),
            blocks=tuple(count(state, rf"encode\.{i}\.(\d+)\.first\.conv\.weight") for i in range(levels)),
            rim=int(state["rim.weight"].shape[0]),
        )
    except (KeyError, IndexError):
        return None
    return config if levels > 1 and fits(lambda: LeanPConv(config), state) else None


def paper_config(state: State, summed: bool) -> PaperConfig | None:
    """The paper's network's hyperparameters from its parameters' shapes, or None if it isn't one."""
    levels = max(
        (int(m[1]) for m in (re.fullmatch(r"enc_(\d+)\.conv\.weight", key) for key in state) if m), default=0
    )
    try:
        shapes = [state[f"enc_{level}.conv.weight"].shape for level in range(1, levels + 1)]
        config = PaperConfig(
            widths=tuple(int(shape[0]) for shape in shapes),
            kernels=tuple(int(shape[2]) for shape in shapes),
            kernel=int(state["dec_1.conv.weight"].shape[2]),
            summed=summed,
        )
    except (KeyError, IndexError):
        return None
    return config if levels > 1 and fits(lambda: PaperPConv(config), state) else None
