"""From a PyTorch module to an ONNX file that describes itself, with proof that both compute the same.

The graph is PyTorch's own export, cleaned of everything that tells of the machine it was made on.
"""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from outpaint_cli.plugin import ModelError

OPSET = 18
TOLERANCE = 1e-3
SMALL = 16  # tensors with fewer values stay fp32: nothing is won by rounding them


@dataclass(frozen=True)
class Port:
    """A named input or output; ``dynamic`` maps axes to symbolic names."""

    name: str
    dynamic: Mapping[int, str]


def export_onnx(
    module: nn.Module,
    example: Sequence[Tensor],
    inputs: Sequence[Port],
    output: str,
    path: Path,
    metadata: Mapping[str, str],
    fp16: bool = False,
) -> float:
    """Write ``module`` to ``path`` as ONNX, whole or not at all: the largest difference to PyTorch.

    ``example`` are inputs that the graph is traced with; their dynamic axes should be larger than 1.
    BatchNorm is folded into the convolutions before it. With ``fp16`` the weights are stored in half
    precision and cast back once when the model is loaded, so that it computes in fp32 everywhere.

    Raises ModelError when onnxruntime and PyTorch differ by more than 1e-3 on random inputs.
    """
    folded = fold_batchnorm(module)
    if fp16:
        round_to_half(folded)
    model = _trace(folded, example, inputs, output)
    _clean(model)
    if fp16:
        _store_half(model, set(folded.state_dict()))
    for key, value in metadata.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, beside = tempfile.mkstemp(prefix=".", suffix=".onnx", dir=path.parent)
    os.close(handle)
    try:
        Path(beside).write_bytes(model.SerializeToString())
        difference = parity(folded, Path(beside), example, inputs, output)
        if not difference <= TOLERANCE:
            raise ModelError(
                f"{path.name}: onnxruntime and PyTorch differ by {difference:.2g} (at most {TOLERANCE:g} is "
                "right), so it was not written; please report this with the versions from outpaint doctor"
            )
        Path(beside).chmod(0o666 & ~_umask())
        Path(beside).replace(path)
    finally:
        Path(beside).unlink(missing_ok=True)
    return difference


def parity(
    module: nn.Module, path: Path, example: Sequence[Tensor], inputs: Sequence[Port], output: str
) -> float:
    """The largest difference between ``module`` and the ONNX file on inputs shaped like ``example``."""
    from outpaint_cli.runtime import Session

    with torch.inference_mode():
        expected = module(*example).float().numpy()
    feed = {port.name: tensor.numpy() for port, tensor in zip(inputs, example, strict=True)}
    found = Session(path, "cpu").run(feed, [output])[0]
    return float(abs(found - expected).max())


def fold_batchnorm(module: nn.Module) -> nn.Module:
    """A copy of ``module``, in evaluation mode, whose BatchNorm layers are part of the convolutions before.

    A convolution and a BatchNorm count as a pair where one directly follows the other among a module's
    children, which must be registered in the order in which they run.
    """
    module = copy.deepcopy(module).float().cpu().eval().requires_grad_(False)
    for parent in list(module.modules()):
        before: nn.Module | None = None
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.BatchNorm2d) and isinstance(before, (nn.Conv2d, nn.ConvTranspose2d)):
                _fold(before, child)
                setattr(parent, name, nn.Identity())
            before = child
    return module


def round_to_half(module: nn.Module) -> None:
    """Round all parameters but the smallest to the nearest half-precision number, in place."""
    for tensor in module.state_dict().values():
        if tensor.is_floating_point() and tensor.numel() >= SMALL:
            tensor.copy_(tensor.half().float())


def _fold(conv: nn.Conv2d | nn.ConvTranspose2d, norm: nn.BatchNorm2d) -> None:
    mean, var = norm.running_mean, norm.running_var
    assert mean is not None and var is not None
    transposed = isinstance(conv, nn.ConvTranspose2d)
    conv.weight, conv.bias = fuse_conv_bn_weights(
        conv.weight, conv.bias, mean, var, norm.eps, norm.weight, norm.bias, transposed
    )
    conv.requires_grad_(False)


def _trace(module: nn.Module, example: Sequence[Tensor], inputs: Sequence[Port], output: str) -> Any:
    with _quiet():
        program = torch.onnx.export(
            module,
            tuple(example),
            dynamo=True,
            external_data=False,
            input_names=[port.name for port in inputs],
            output_names=[output],
            dynamic_shapes=tuple(dict(port.dynamic) for port in inputs),
            opset_version=OPSET,
            verbose=False,
        )
    assert program is not None
    return program.model_proto


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter warns of its own internals and of libraries that nobody needs here."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _clean(model: Any) -> None:
    """Take out stack traces, which hold local paths, and all other notes of the exporter."""
    del model.metadata_props[:]
    del model.functions[:]
    model.doc_string = model.graph.doc_string = model.producer_version = model.domain = ""
    model.producer_name = "outpaint"
    model.graph.name = "network"
    del model.graph.metadata_props[:]
    del model.graph.value_info[:]
    for group in (model.graph.node, model.graph.initializer, model.graph.input, model.graph.output):
        for item in group:
            item.doc_string = ""
            if hasattr(item, "metadata_props"):
                del item.metadata_props[:]
    for number, node in enumerate(model.graph.node):
        node.name = f"{node.op_type}_{number}"


def _store_half(model: Any, weights: set[str]) -> None:
    """Store the named weights as fp16, each with one Cast that onnxruntime folds when it loads the model."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    casts = []
    for tensor in model.graph.initializer:
        if tensor.name not in weights or tensor.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(tensor)
        if values.size < SMALL:
            continue
        name = tensor.name
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), name))
        wide = f"{name}.fp32"
        for node in model.graph.node:
            for index, source in enumerate(node.input):
                if source == name:
                    node.input[index] = wide
        casts.append(helper.make_node("Cast", [name], [wide], name=f"Cast_{name}", to=TensorProto.FLOAT))
    nodes = casts + list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
