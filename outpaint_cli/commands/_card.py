"""A model card for the Hub, made of what the model file says of itself."""

from __future__ import annotations

import json
from pathlib import Path

from outpaint_cli import models, runtime
from outpaint_cli.plugin import UsageError


def card_of(file: Path, repo: str, licence: str = "") -> str:
    """README.md with the Hub's header: what the model is, how to use it, what it takes and gives.

    Raises ModelError where the file is no model, UsageError where no licence is stated anywhere.
    """
    description = runtime.describe(file)
    about = dict(description.metadata)
    licence = licence or about.get("outpaint.licence", "")
    if not licence:
        raise UsageError(
            f"{file}: states no licence; say under which one you publish it, as in --licence Apache-2.0"
        )
    reference = f"hf://{repo}/{file.name}"
    lines = [
        "---",
        f"license: {licence.lower()}",
        "library_name: outpaint",
        "pipeline_tag: image-to-image",
        "tags: [outpainting, inpainting, onnx]",
        "---",
        "",
        f"# {file.stem}",
        "",
        f"An ONNX model that imagines what is missing of a picture{_network(about)}. With outpaint:",
        "",
        "```",
        f"outpaint extend photo.jpg -m {reference}",
        "```",
        "",
        "| | |",
        "| --- | --- |",
        f"| file | `{file.name}`, {file.stat().st_size:,} bytes |",
        f"| sha256 | `{models.sha256(file)}` |",
        f"| licence | {licence} |",
    ]
    for way, tensors in (("in", description.inputs), ("out", description.outputs)):
        lines += [f"| {way} | `{t.name}` {t.type} {list(t.shape)} |" for t in tensors]
    for key, title in (
        ("outpaint.range", "values"),
        ("outpaint.mask", "mask"),
        ("outpaint.fill_spec", "fill spec"),
    ):
        if about.get(key):
            lines.append(f"| {title} | `{about[key]}` |")
    training = _json(about.get("outpaint.training", ""))
    if training:
        lines += ["", "## Training", "", "```json", json.dumps(training, indent=1, sort_keys=True), "```"]
    return "\n".join(lines) + "\n"


def _network(about: dict[str, str]) -> str:
    return f": the network {about['outpaint.network']}" if about.get("outpaint.network") else ""


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None
