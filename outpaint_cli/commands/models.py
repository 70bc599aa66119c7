"""outpaint models: the models there are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="List models.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _group() -> None:
    """List models."""


@app.command("list")
def list_models(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List the models that --model knows by name."""
    from outpaint_cli import registry

    for name, (plugin, card) in sorted(registry.model_cards().items()):
        source = (
            "bundled" if isinstance(card.source, Path) else "no weights" if card.source is None else "hub"
        )
        if as_json:
            row = {
                "name": name,
                "plugin": plugin.name,
                "summary": card.summary,
                "source": source,
                "bytes": card.bytes,
                "sha256": card.sha256 or None,
                "licence": card.licence or None,
                "training_data": card.training_data or None,
                "scores": dict(card.scores),
            }
            typer.echo(json.dumps(row))
        else:
            size = f", {card.bytes / 1e6:.1f} MB" if card.bytes else ""
            typer.echo(f"{name}  ({plugin.name}; {source}{size})  {card.summary}")
