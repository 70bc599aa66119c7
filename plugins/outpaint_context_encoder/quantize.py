"""An int8 copy of an exported network, for CPUs: python -m outpaint_context_encoder.quantize MODEL PHOTOS -o FILE.

Every convolution of MODEL, an ONNX file of our network, computes in 8 bits afterwards; the smooth fill at its
beginning and the sum at its end stay in fp32. Weights take 7 of the 8 bits, channel by channel, so that sums of
products also fit on processors without VNNI, which add them in 16 bits. What ranges activations have is measured
on PHOTOS, which should be like those that the network was trained on.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from outpaint_cli.plugin import ModelError, OutpaintError
from outpaint_cli.training import masks
from outpaint_cli.training.photos import list_photos, read_photo, shrink

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Feed = dict[str, NDArray[np.float32]]

SHAPES = ((128, 128), (128, 96), (96, 128))
PHOTOS = 128
BEGIN = "cat"
"""The first tensor that becomes 8 bits: smooth fill and mask, the network's input."""


def quantize(model: Path, photos: Path, out: Path, count: int = PHOTOS, seed: int = 0) -> None:
    """Write ``out``, an int8 copy of ``model``, calibrated on ``count`` of the photos below ``photos``.

    Raises ModelError where ``model`` is not a file that :func:`outpaint_context_encoder.export.export_unet` wrote,
    UsageError where there are no photos.
    """
    import onnx
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    whole = widened(model)
    names = [node.name for node in whole.graph.node]
    begin = next((at for at, node in enumerate(whole.graph.node) if node.output[0] == BEGIN), None)
    metadata = {entry.key: entry.value for entry in whole.metadata_props}
    if begin is None or metadata.get("outpaint.network") != "context-unet":
        raise ModelError(f"{model.name}: not a context-unet that outpaint exported")

    class Reader(CalibrationDataReader):  # type: ignore[misc]  # it has no type stubs
        def __init__(self) -> None:
            self.feeds = feeds(photos, count, seed)

        def get_next(self) -> Feed | None:
            return next(self.feeds, None)

    with tempfile.TemporaryDirectory() as folder:
        wide, narrow = Path(folder) / "wide.onnx", Path(folder) / "narrow.onnx"
        onnx.save(whole, str(wide))
        logging.disable(logging.WARNING)  # it advises steps that the export has done
        try:
            quantize_static(
                str(wide), str(narrow), Reader(), quant_format=QuantFormat.QDQ, per_channel=True,
                reduce_range=True, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
                nodes_to_quantize=names[begin:-1],
            )  # fmt: skip
        finally:
            logging.disable(logging.NOTSET)
        made = onnx.load(str(narrow))
    del made.metadata_props[:]
    made.metadata_props.extend(whole.metadata_props)
    entry = made.metadata_props.add()
    entry.key, entry.value = "outpaint.precision", "int8"
    made.producer_name, made.producer_version = "outpaint", ""
    out.write_bytes(made.SerializeToString())


def widened(path: Path) -> Any:
    """The ONNX model with its fp16 weights as fp32. Raises ModelError where it can't be read."""
    import onnx
    from onnx import numpy_helper

    try:
        model = onnx.load(str(path), load_external_data=False)
    except Exception as error:  # protobuf's DecodeError, which has no type stubs, and OSError
        raise ModelError(f"{path.name}: not a readable ONNX file") from error
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    casts = [node for node in model.graph.node if node.op_type == "Cast" and node.input[0] in weights]
    for node in casts:
        tensor = weights[node.input[0]]
        values = numpy_helper.to_array(tensor).astype(np.float32)
        tensor.CopyFrom(numpy_helper.from_array(values, node.output[0]))
        model.graph.node.remove(node)
    return model


def feeds(photos: Path, count: int, seed: int) -> Iterator[Feed]:
    """What the network is given for one crop each of ``count`` photos, borders hidden as in training."""
    rng = np.random.default_rng(seed)
    names = list_photos(photos)
    for at in rng.permutation(len(names))[:count]:
        height, width = SHAPES[int(rng.integers(len(SHAPES)))]
        photo = shrink(read_photo(photos / names[int(at)]), 128)
        y, x = (
            int(rng.integers(full - part + 1))
            for full, part in zip(photo.shape, (height, width), strict=False)
        )
        known = masks.random_border(rng, height, width).astype(np.float32)
        crop = photo[y : y + height, x : x + width].transpose(2, 0, 1).astype(np.float32) / np.float32(255)
        yield {"image": np.ascontiguousarray(crop * known)[None], "known": known[None, None]}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m outpaint_context_encoder.quantize",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("photos", type=Path)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=PHOTOS, help="so many of the photos")
    parser.add_argument("--seed", type=int, default=0)
    asked: Any = parser.parse_args()
    try:
        quantize(asked.model, asked.photos, asked.out, asked.count, asked.seed)
    except OutpaintError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
