"""onnxruntime sessions: providers, proof of the device, threads.

onnxruntime comes with the extra ``cpu`` or ``gpu`` and is imported only here, when a session is opened.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from outpaint_cli.onnxfile import check_external
from outpaint_cli.plugin import DeviceError, ModelError, OnnxDescription, OnnxTensor

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DEVICE = re.compile(r"auto|cpu|cuda(?::(\d+))?")


def onnxruntime_module() -> Any:
    """The onnxruntime module.

    Raises ModelError, with the extra to install, where there is none.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise ModelError(
            "this model needs onnxruntime: install the extra 'cpu' or 'gpu', as in pip install 'outpaint-cli[cpu]'"
        ) from error
    onnxruntime.set_default_logger_severity(4)
    return onnxruntime


def check_device(device: str) -> None:
    """Raise DeviceError unless ``device`` reads auto, cpu, cuda or cuda:N."""
    if not _DEVICE.fullmatch(device):
        raise DeviceError(f"there is no device '{device}': use auto, cpu, cuda or cuda:N")


def on_cpu(device: str) -> bool:
    """Whether a session on ``device`` will run on the CPU; for "auto", as far as the package tells, unloaded."""
    if device != "auto":
        return device == "cpu"
    found = importlib.util.find_spec("onnxruntime")
    folders = found.submodule_search_locations if found else None
    libraries = ("libonnxruntime_providers_cuda.so", "onnxruntime_providers_cuda.dll")
    return not any((Path(folder) / "capi" / name).is_file() for folder in folders or () for name in libraries)


class Session:
    """One loaded ONNX model on one device.

    ``device`` is read back from the session after creation: a CUDA session that onnxruntime moved to the
    CPU says so here, and an explicit request for CUDA that was not met raises DeviceError.
    """

    def __init__(self, path: Path, device: str = "auto", threads: int = 0) -> None:
        ort = onnxruntime_module()
        check_device(device)
        options = ort.SessionOptions()
        options.log_severity_level = 4
        if threads > 0:
            options.intra_op_num_threads = threads
        # Its threads would otherwise wait in loops that take the cores from those that decode and encode.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = _open(ort, path, _providers(ort, device), options)
        chosen = self._session.get_providers()[0]
        if device.startswith("cuda") and chosen != "CUDAExecutionProvider":
            raise DeviceError(_why_no_cuda(ort, device))
        if chosen == "CUDAExecutionProvider":
            settings = self._session.get_provider_options()[chosen]
            self.device = f"cuda:{settings.get('device_id', '0')}"
        else:
            self.device = "cpu"
        self.description = OnnxDescription(
            tuple(OnnxTensor(t.name, t.type, tuple(t.shape)) for t in self._session.get_inputs()),
            tuple(OnnxTensor(t.name, t.type, tuple(t.shape)) for t in self._session.get_outputs()),
            dict(self._session.get_modelmeta().custom_metadata_map),
        )

    def run(self, inputs: Mapping[str, NDArray[Any]], outputs: Sequence[str] | None = None) -> list[Any]:
        """The model's outputs, in order, as arrays."""
        return list(self._session.run(list(outputs) if outputs else None, dict(inputs)))


def describe(path: Path) -> OnnxDescription:
    """What the ONNX file ``path`` says of itself. Raises ModelError when it is not a usable model."""
    return Session(path, "cpu").description


def _providers(ort: Any, device: str) -> list[Any]:
    available = ort.get_available_providers()
    if device == "cpu" or (device == "auto" and "CUDAExecutionProvider" not in available):
        return ["CPUExecutionProvider"]
    if "CUDAExecutionProvider" not in available:
        raise DeviceError(
            f"--device {device}: this onnxruntime has no CUDA; install the extra 'gpu' in place of 'cpu'"
        )
    if hasattr(ort, "preload_dlls"):
        with contextlib.redirect_stdout(io.StringIO()):  # it prints failures to standard output
            ort.preload_dlls()
    index = _DEVICE.fullmatch(device)
    settings = {"device_id": index.group(1) if index and index.group(1) else "0"}
    return [("CUDAExecutionProvider", settings), "CPUExecutionProvider"]


def _open(ort: Any, path: Path, providers: list[Any], options: Any) -> Any:
    check_external(path)
    try:
        return ort.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # onnxruntime's errors are plain Exceptions
        first_line = " ".join(str(error).split())[:160]
        if providers[0] != "CPUExecutionProvider" and "CUDA" in first_line:
            raise DeviceError(f"CUDA can't be used: {first_line}") from error
        raise ModelError(
            f"{path.name}: not a usable ONNX model ({first_line}); fetch or export the file again"
        ) from error


def _why_no_cuda(ort: Any, device: str) -> str:
    listed = ", ".join(p.removesuffix("ExecutionProvider") for p in ort.get_available_providers())
    return (
        f"--device {device}: no such GPU could be used (onnxruntime {ort.__version__} has {listed}); "
        "check the driver and CUDA libraries, or use --device cpu"
    )
