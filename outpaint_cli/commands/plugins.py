"""outpaint plugins: what is installed, and what is broken."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

app = typer.Typer(help="List plugins.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _group() -> None:
    """List plugins."""


@app.command("list")
def list_plugins(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List plugins with what they offer; a broken one with its error."""
    from outpaint_cli import registry

    for found in registry.find_plugins():
        plugin = found.plugin
        row: dict[str, Any] = {
            "name": found.name,
            "distribution": found.distribution,
            "state": "ok" if plugin else "broken",
            "error": found.error or None,
            "summary": plugin.summary if plugin else "",
            "models": [card.name for card in plugin.models] if plugin else [],
            "harmonizers": list(plugin.harmonizers) if plugin else [],
            "networks": list(plugin.trainers) if plugin else [],
            "layouts": [layout.name for layout in plugin.layouts] if plugin else [],
            "options": [f"{plugin.name}.{option.name}" for option in plugin.options] if plugin else [],
        }
        if as_json:
            typer.echo(json.dumps(row))
            continue
        typer.echo(f"{row['name']}  {row['state']}  ({row['distribution']})  {row['summary']}")
        if found.error:
            typer.echo(f"    error: {found.error}")
        for key in ("models", "harmonizers", "networks", "layouts", "options"):
            if row[key]:
                typer.echo(f"    {key}: {', '.join(row[key])}")
