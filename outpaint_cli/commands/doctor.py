"""outpaint doctor: versions, devices, and one tiny real inference on each."""

from __future__ import annotations

import json
import platform
import sys
import time
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Any

import typer

PACKAGES = (
    "outpaint-cli", "numpy", "pillow", "opencv-python-headless", "tifffile", "onnxruntime", "onnxruntime-gpu",
    "torch", "pillow-heif",
)  # fmt: skip


def doctor(as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False) -> None:
    """Check versions, devices, plugins; run one tiny inference on each device."""
    from outpaint_cli import models, registry, runtime
    from outpaint_cli.plugin import OutpaintError

    found: dict[str, Any] = {
        "python": sys.version.split()[0],
        "system": f"{platform.system()} {platform.machine()}",
        "packages": {},
        "plugins": {f.name: f.error or "ok" for f in registry.find_plugins()},
        "devices": {},
    }
    for package in PACKAGES:
        try:
            found["packages"][package] = version(package)
        except PackageNotFoundError:
            found["packages"][package] = None
    problems = []
    if found["packages"]["onnxruntime"] and found["packages"]["onnxruntime-gpu"]:
        problems.append(
            "onnxruntime and onnxruntime-gpu are both installed and break each other: uninstall both, install one"
        )
    devices = ["cpu"]
    try:
        if "CUDAExecutionProvider" in runtime.onnxruntime_module().get_available_providers():
            devices.append("cuda")
    except OutpaintError as error:
        problems.append(str(error))
    code = 0
    for device in devices:
        try:
            found["devices"][device] = _try(device, models.resolve(models.DEFAULT_MODEL))
        except OutpaintError as error:
            found["devices"][device] = {"error": str(error)}
            if device == "cpu":
                problems.append(str(error))
                code = error.exit_code
    found["problems"] = problems
    if as_json:
        typer.echo(json.dumps(found))
    else:
        typer.echo(f"python {found['python']} on {found['system']}")
        for package, number in found["packages"].items():
            typer.echo(f"  {package} {number or 'not installed'}")
        for name, state in found["plugins"].items():
            typer.echo(f"plugin {name}: {state}")
        for device, result in found["devices"].items():
            told = result.get("error") or f"works, {result['milliseconds']:.1f} ms for one 128-pixel picture"
            typer.echo(f"device {device}: {told}")
        for problem in problems:
            typer.echo(f"problem: {problem}")
    raise typer.Exit(code)


def _try(device: str, ref: Any) -> dict[str, Any]:
    """Fill one tiny picture on ``device`` with the default model."""
    import numpy as np

    from outpaint_cli import models
    from outpaint_cli.compose import fill_picture
    from outpaint_cli.frame import Geometry, plan_frame
    from outpaint_cli.plugin import Context

    ctx = Context(device=device)
    filler = models.load(ref, ctx)
    photo = np.full((64, 64, 3), 128, np.uint8)
    frame = plan_frame(64, 64, Geometry())
    fill_picture(photo, frame, filler, ctx)
    started = time.perf_counter()
    out, _ = fill_picture(photo, frame, filler, ctx)
    return {
        "device": filler.device,
        "milliseconds": (time.perf_counter() - started) * 1000,
        "mean": float(out.mean()),
    }
