"""Small ONNX files with the inputs, outputs, ranges and mask polarity of the published models.

They paint a hole in a way that tells how they were asked: in the mean colour of what is known when everything
is as it should be, and known pixels they damage, as the published ones do at the seam.
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper, numpy_helper

OPSET = helper.make_opsetid("", 17)


def _model(nodes: list, inputs: list, outputs: list, constants: dict[str, np.ndarray]) -> bytes:
    initializers = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "standin", inputs, outputs, initializers)
    model = helper.make_model(graph, opset_imports=[OPSET], ir_version=8)
    return model.SerializeToString()


def lama(white: float = 255.0, side: int | str = 512) -> bytes:
    """``image`` float 0..1, ``mask`` 1 = hole; ``output`` 0..``white``: the mean of the known, plus 1/10 there."""
    node = helper.make_node
    nodes = [
        node("Sub", ["one", "mask"], ["known"]),
        node("Mul", ["image", "known"], ["seen"]),
        node("ReduceSum", ["seen", "axes"], ["sum"], keepdims=1),
        node("ReduceSum", ["known", "axes"], ["count"], keepdims=1),
        node("Div", ["sum", "count"], ["mean"]),
        node("Mul", ["mean", "mask"], ["painted"]),
        node("Add", ["image", "tenth"], ["damaged"]),
        node("Mul", ["damaged", "known"], ["kept"]),
        node("Add", ["painted", "kept"], ["unit"]),
        node("Mul", ["unit", "white"], ["output"]),
    ]
    constants = {
        "one": np.float32([1]), "axes": np.int64([2, 3]), "tenth": np.float32([0.1]), "white": np.float32([white]),
    }  # fmt: skip
    value = helper.make_tensor_value_info
    inputs = [value(n, TensorProto.FLOAT, ["N", c, side, side]) for n, c in (("image", 3), ("mask", 1))]
    return _model(nodes, inputs, [value("output", TensorProto.FLOAT, ["N", 3, side, side])], constants)


def migan() -> bytes:
    """``image`` and ``mask`` bytes, 255 = known; ``result`` the mean of the known, known pixels 7 brighter.

    Where the hole's bounding box is not the whole picture, which the published pipeline would then cut out
    and squeeze into a square, the hole becomes black.
    """
    node = helper.make_node
    nodes = [
        node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        node("Cast", ["mask"], ["bytes"], to=TensorProto.FLOAT),
        node("Div", ["bytes", "top"], ["known"]),
        node("Sub", ["one", "known"], ["hole"]),
        node("Mul", ["pixels", "known"], ["seen"]),
        node("ReduceSum", ["seen", "axes"], ["sum"], keepdims=1),
        node("ReduceSum", ["known", "axes"], ["count"], keepdims=1),
        node("Div", ["sum", "count"], ["mean"]),
        node("ReduceMax", ["hole"], ["rows"], axes=[1, 3], keepdims=0),
        node("ReduceMax", ["hole"], ["columns"], axes=[1, 2], keepdims=0),
        *[node("Gather", [line, end], [f"{line} {end}"], axis=1)
          for line in ("rows", "columns") for end in ("first", "last")],
        node("Mul", ["rows first", "rows last"], ["tall"]),
        node("Mul", ["columns first", "columns last"], ["wide"]),
        node("Mul", ["tall", "wide"], ["whole"]),
        node("Mul", ["mean", "hole"], ["filled"]),
        node("Mul", ["filled", "whole"], ["painted"]),
        node("Add", ["pixels", "seven"], ["damaged"]),
        node("Mul", ["damaged", "known"], ["kept"]),
        node("Add", ["painted", "kept"], ["total"]),
        node("Round", ["total"], ["round"]),
        node("Min", ["round", "top"], ["clipped"]),
        node("Cast", ["clipped"], ["result"], to=TensorProto.UINT8),
    ]  # fmt: skip
    constants = {
        "one": np.float32([1]), "axes": np.int64([2, 3]), "top": np.float32([255]), "seven": np.float32([7]),
        "first": np.int64(0), "last": np.int64(-1),
    }  # fmt: skip
    value = helper.make_tensor_value_info
    inputs = [value(n, TensorProto.UINT8, [1, c, "H", "W"]) for n, c in (("image", 3), ("mask", 1))]
    return _model(nodes, inputs, [value("result", TensorProto.UINT8, [1, 3, "H", "W"])], constants)


def external(location: str) -> bytes:
    """A model whose one weight lies in another file."""
    weight = TensorProto(
        name="weight", data_type=TensorProto.FLOAT, dims=[4], data_location=TensorProto.EXTERNAL
    )
    for key, text in (("location", location), ("offset", "0"), ("length", "16")):
        weight.external_data.add(key=key, value=text)
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Add", ["x", "weight"], ["y"])], "external",
        [value("x", TensorProto.FLOAT, [4])], [value("y", TensorProto.FLOAT, [4])], [weight],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[OPSET], ir_version=8).SerializeToString()
