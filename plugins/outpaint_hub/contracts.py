"""Which ONNX files are LaMa's or MI-GAN's, by names, shapes and types of what goes in and comes out."""

from __future__ import annotations

from outpaint_cli.plugin import OnnxContract, OnnxDescription, OnnxTensor

SIDE = 512
"""Pixels: what both were trained for, and LaMa's files are fixed to."""

FLOAT, BYTES = "tensor(float)", "tensor(uint8)"


def _is_lama(description: OnnxDescription) -> bool:
    """LaMa as Carve and OpenCV export it: 512 x 512, ``image`` and ``mask`` in, ``output`` out, all float."""
    inputs = {t.name: t for t in description.inputs}
    return (
        set(inputs) == {"image", "mask"}
        and [t.name for t in description.outputs] == ["output"]
        and _fits(inputs["image"], FLOAT, 3, fixed=True)
        and _fits(inputs["mask"], FLOAT, 1, fixed=True)
        and description.outputs[0].type == FLOAT
    )


def _is_migan(description: OnnxDescription) -> bool:
    """MI-GAN's pipeline: ``image`` and ``mask`` in, ``result`` out, all uint8 of any size."""
    inputs = {t.name: t for t in description.inputs}
    return (
        set(inputs) == {"image", "mask"}
        and [t.name for t in description.outputs] == ["result"]
        and _fits(inputs["image"], BYTES, 3, fixed=False)
        and _fits(inputs["mask"], BYTES, 1, fixed=False)
        and description.outputs[0].type == BYTES
    )


def _fits(tensor: OnnxTensor, kind: str, channels: int, *, fixed: bool) -> bool:
    shape = tensor.shape
    if tensor.type != kind or len(shape) != 4 or shape[1] not in (channels, None):
        return False
    free = all(not isinstance(side, int) for side in shape[2:])
    return shape[2:] == (SIDE, SIDE) if fixed else free


def picture_and_mask(description: OnnxDescription) -> tuple[str, str]:
    """The names of the inputs with three channels and with one, whatever they are. Raises ValueError."""
    by_channels = {t.shape[1]: t.name for t in description.inputs if len(t.shape) == 4}
    if len(description.inputs) != 2 or set(by_channels) != {1, 3}:
        raise ValueError("it takes not one picture (N, 3, H, W) and one mask (N, 1, H, W)")
    return by_channels[3], by_channels[1]


def side(description: OnnxDescription) -> int:
    """The side in pixels of the square pictures it takes: 512 where it takes any. Raises ValueError."""
    sides = {n for t in description.inputs for n in t.shape[2:] if isinstance(n, int)}
    if len(sides) > 1:
        raise ValueError("its picture is not square")
    size = sides.pop() if sides else SIDE
    if not 64 <= size <= 4096:
        raise ValueError(f"its picture has sides of {size} pixels")
    return size


def _accepts(kind: str, description: OnnxDescription) -> str:
    """Why a file can't be run as one whose tensors are all ``kind``, or ""."""
    try:
        picture_and_mask(description)
        side(description)
    except ValueError as error:
        return str(error)
    wrong = [t for t in (*description.inputs, *description.outputs[:1]) if t.type != kind]
    return f"'{wrong[0].name}' is {wrong[0].type}, not {kind}" if wrong else ""


CONTRACTS = (
    OnnxContract(
        "lama", _is_lama, lambda d: _accepts(FLOAT, d), "picture 0..1, mask 1 = hole; picture 0..255 out"
    ),
    OnnxContract("lama-unit", lambda d: False, lambda d: _accepts(FLOAT, d), "as lama, but picture 0..1 out"),
    OnnxContract(
        "migan", _is_migan, lambda d: _accepts(BYTES, d), "bytes: picture, mask 255 = known; picture out"
    ),
)
