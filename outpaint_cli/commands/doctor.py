"""outpaint doctor: versions, devices, and one tiny real inference on each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from outpaint_cli.commands import _options as o


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for bug reports.")] = False,
    offline: o.Offline = False,
) -> None:
    """Check versions, devices, plugins, caches and the Hub; run one tiny inference on each device.

    Exit code 0 when the default device works. Nothing that it prints is secret.
    """
    from outpaint_cli import health

    found = health.examine(offline)
    code = int(found.pop("exit_code"))
    if as_json:
        typer.echo(json.dumps(found))
    else:
        for line in _lines(found):
            typer.echo(line)
    raise typer.Exit(code)


def _lines(found: dict[str, Any]) -> Iterator[str]:
    yield f"outpaint {found['outpaint']}, python {found['python']} on {found['system']}"
    for package, number in found["packages"].items():
        yield f"  {package} {number or 'not installed'}"
    ort = found["onnxruntime"]
    named = ", ".join(f"{name} {number}" for name, number in ort["packages"].items()) or "not installed"
    yield f"onnxruntime: {named}" + (f"; offers {', '.join(ort['providers'])}" if ort["providers"] else "")
    torch = found["torch"]
    if torch is None:
        yield "PyTorch: not installed (only for training, converting and singan)"
    else:
        yield f"PyTorch: {torch.get('error') or ', '.join([torch['version'], *torch['devices']])}"
    for name, state in found["plugins"].items():
        yield f"plugin {name}: {state}"
    for name, result in found["devices"].items():
        yield f"device {name}: {_worked(result)}"
    yield f"default device: {_worked(found['default'])}"
    for name, cache in found["cache"].items():
        what = "models from the Hub" if name == "hub" else "outpaint's own"
        yield f"cache, {what}: {cache['path']}, {cache['bytes'] / 1e6:.1f} MB ({cache['free'] / 1e9:.1f} GB free)"
    hub = found["hub"]
    told = hub.get("error") or (
        f"answers in {hub['milliseconds']:.0f} ms" if "milliseconds" in hub else hub["state"]
    )
    yield f"Hub: {hub.get('endpoint', '')} {told}; " + ("a token is set" if hub.get("token") else "no token")
    for problem in found["problems"]:
        yield f"problem: {problem}"


def _worked(result: dict[str, Any]) -> str:
    if "error" in result:
        return str(result["error"])
    return f"works, on {result['device']}, {result['milliseconds']:.1f} ms for one 128-pixel picture"
