"""Runs a context encoder on onnxruntime, as its own metadata describes it."""

from __future__ import annotations

from outpaint_cli.described import DescribedFiller, describes_itself, parse_spec
from outpaint_cli.plugin import OnnxDescription

__all__ = ["ContextEncoder", "parse_spec", "recognises"]


class ContextEncoder(DescribedFiller):
    """A filler for our network (picture and mask in) and for the paper's (one picture, filled with white)."""


def recognises(description: OnnxDescription) -> bool:
    """Whether an ONNX file is a context encoder of ours."""
    return describes_itself(description, "context-encoder")
