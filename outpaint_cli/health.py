"""What ``outpaint doctor`` finds out: each part by itself, as plain JSON values, without secrets or home folders."""

from __future__ import annotations

import platform
import shutil
import sys
import time
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path
from typing import Any

import outpaint_cli
from outpaint_cli import hub, kept, models, registry, runtime
from outpaint_cli.places import cache_root
from outpaint_cli.plugin import Context, OutpaintError

PACKAGES = (
    "outpaint-cli", "numpy", "pillow", "opencv-python-headless", "tifffile", "huggingface-hub", "torch",
    "safetensors", "pillow-heif",
)  # fmt: skip
MOST_GPUS = 16
SECONDS = 3.0
"""How long the Hub may take to answer."""

CLASH = (
    "{both} are both installed and overwrite each other's files: pip uninstall -y {names} && pip install "
    "'outpaint-cli[{extra}]'"
)


def examine(offline: bool) -> dict[str, Any]:
    """Everything. ``problems`` says in words what is wrong; ``exit_code`` is 0 when the default device works."""
    found: dict[str, Any] = {
        "schema": 1,
        "outpaint": outpaint_cli.__version__,
        "python": sys.version.split()[0],
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "packages": {name: _version(name) for name in PACKAGES},
        "onnxruntime": flavours(),
        "plugins": {f.name: f.error or "ok" for f in registry.find_plugins()},
        "torch": pytorch(),
        "devices": devices(),
        "default": try_device("auto"),
        "cache": caches(),
        "hub": reach(offline),
    }
    found["problems"] = problems(found)
    found["exit_code"] = found["default"].get("exit_code", 0)
    return found


def problems(found: dict[str, Any]) -> list[str]:
    """What is wrong, with the remedy, a sentence each."""
    told = [text for text in (found["onnxruntime"]["clash"], found["default"].get("error")) if text]
    told += [f"plugin {name}: {state}" for name, state in found["plugins"].items() if state != "ok"]
    for name, device in found["devices"].items():
        text = device.get("error")
        if text and text not in told:
            told.append(f"device {name}: {text}")
    return told


def flavours() -> dict[str, Any]:
    """Which packages provide onnxruntime, whether they clash, and what it offers."""
    there = {
        name: dist.version
        for dist in distributions()
        if (name := (dist.name or "").lower().replace("_", "-")).startswith("onnxruntime")
        and name not in ("onnxruntime-extensions", "onnxruntime-genai", "onnxruntime-tools")
    }
    found: dict[str, Any] = {
        "packages": dict(sorted(there.items())),
        "clash": None,
        "version": None,
        "providers": [],
    }
    if len(there) > 1:
        names = sorted(there)
        extra = "gpu" if "onnxruntime-gpu" in names else "cpu"
        found["clash"] = CLASH.format(both=" and ".join(names), names=" ".join(names), extra=extra)
    try:
        module = runtime.onnxruntime_module()
        found["version"] = getattr(module, "__version__", None)
        found["providers"] = [p.removesuffix("ExecutionProvider") for p in module.get_available_providers()]
    except OutpaintError as error:
        found["error"] = str(error)
    except Exception as error:  # what is left of two packages that broke each other
        found["error"] = (
            f"onnxruntime can't be used ({type(error).__name__}: {' '.join(str(error).split())[:160]})"
        )
    return found


def devices() -> dict[str, dict[str, Any]]:
    """A tiny picture filled on the CPU and on every CUDA device that onnxruntime claims to have."""
    found = {"cpu": try_device("cpu")}
    if "CUDA" not in flavours()["providers"]:
        return found
    for number in range(MOST_GPUS):
        tried = try_device(f"cuda:{number}")
        if number and "error" in tried:
            break  # there is no such one
        found[f"cuda:{number}"] = tried
    return found


def try_device(device: str) -> dict[str, Any]:
    """Fill one tiny picture with the default model: where it ran, as read back, and how long it took."""
    import numpy as np

    from outpaint_cli.compose import fill_picture
    from outpaint_cli.frame import Geometry, plan_frame

    try:
        ctx = Context(device=device)
        filler = models.load(models.variant(models.resolve(models.DEFAULT_MODEL), device, {}), ctx)
        photo = np.full((64, 64, 3), 128, np.uint8)
        frame = plan_frame(64, 64, Geometry())
        fill_picture(photo, frame, filler, ctx)
        started = time.perf_counter()
        out, _ = fill_picture(photo, frame, filler, ctx)
        taken = (time.perf_counter() - started) * 1000
    except OutpaintError as error:
        return {"error": str(error), "exit_code": error.exit_code}
    except Exception as error:  # onnxruntime's own, where its installation is broken
        return {"error": f"{type(error).__name__}: {' '.join(str(error).split())[:200]}", "exit_code": 4}
    return {"device": filler.device, "milliseconds": round(taken, 2), "mean": float(out.mean())}


def pytorch() -> dict[str, Any] | None:
    """PyTorch's version and what it can use, or None where it is not installed."""
    from importlib.util import find_spec

    if find_spec("torch") is None:
        return None
    try:
        import torch

        names = [torch.cuda.get_device_name(n) for n in range(torch.cuda.device_count())]
        return {"version": torch.__version__, "cuda": torch.version.cuda, "devices": names}
    except Exception as error:  # a broken installation
        return {
            "version": _version("torch"),
            "error": f"{type(error).__name__}: {' '.join(str(error).split())[:160]}",
        }


def caches() -> dict[str, Any]:
    """Where models and the tool's own things are kept, how large they are, and what is free there."""
    found: dict[str, Any] = {}
    for name, folder in (("own", cache_root()), ("hub", _hub_cache())):
        if folder is None:
            continue
        nearest = folder
        while not nearest.exists():
            nearest = nearest.parent
        found[name] = {
            "path": _homeless(folder),
            "bytes": kept.size(folder),
            "free": shutil.disk_usage(nearest).free,
        }
    return found


def reach(offline: bool) -> dict[str, Any]:
    """Whether the Hub answers: "reachable", "unreachable", or "not asked" under --offline."""
    try:
        found: dict[str, Any] = {"endpoint": hub.endpoint(), "token": hub.has_token()}
    except OutpaintError as error:
        return {"state": "unreachable", "error": str(error)}
    if hub.is_offline(offline):
        return {**found, "state": "not asked"}
    started = time.perf_counter()
    why = hub.ask(SECONDS)
    taken = round((time.perf_counter() - started) * 1000, 1)
    return (
        {**found, "state": "unreachable", "error": why}
        if why
        else {**found, "state": "reachable", "milliseconds": taken}
    )


def _hub_cache() -> Path | None:
    try:
        return hub.cache_folder()
    except OutpaintError:
        return None


def _homeless(path: Path) -> str:
    """A path without the user's name in it."""
    try:
        return f"~/{path.relative_to(Path.home()).as_posix()}"
    except (ValueError, RuntimeError):
        return str(path)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
