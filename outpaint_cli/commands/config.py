"""outpaint config: where options get their values from, and the presets there are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from outpaint_cli.commands._complete import commands as complete_commands
from outpaint_cli.commands._complete import presets as complete_presets
from outpaint_cli.commands._configured import configuration
from outpaint_cli.plugin import UsageError

app = typer.Typer(
    help="Show options and presets of outpaint.toml.", no_args_is_help=True, rich_markup_mode=None
)


@app.callback()
def _group() -> None:
    """Show options and presets of outpaint.toml."""


@app.command()
def show(
    ctx: typer.Context,
    command: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[COMMAND]", help="One command, with its defaults too.", autocompletion=complete_commands
        ),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(
            "--preset", help="As if it were given.", metavar="NAME", autocompletion=complete_presets
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Say which options are set, and where: outpaint.toml, the user's own, OUTPAINT_* variables, a preset."""
    import os

    from outpaint_cli.config import resolve
    from outpaint_cli.config.sources import user_file

    commands, config = configuration(ctx)
    name = " ".join(command or [])
    if name and name not in commands:
        raise UsageError(f"there is no command '{name}': use {', '.join(commands)}")
    if preset is not None and not name:
        raise UsageError("--preset goes with a command, as in: outpaint config show extend --preset square")
    if not as_json:
        for label, layer, path in (
            ("this folder's", config.project, Path("outpaint.toml")),
            ("the user's", config.user, user_file()),
        ):
            typer.echo(f"{label} file: {layer.path if layer else f'{path} (not there)'}")
    for one in [name] if name else commands:
        settings = resolve(one, commands[one], config, os.environ, preset)
        rows = []
        for option in commands[one].values():
            setting = settings.get(option.parameter)
            if setting is not None:
                rows.append((option.name, setting.value, setting.origin.kind, setting.origin.where))
            elif name:
                default = list(option.default or []) if option.many else option.default
                rows.append((option.name, default, "default", "default"))
        if as_json:
            for key, value, kind, where in rows:
                row = {
                    "schema": 1,
                    "command": one,
                    "option": key,
                    "value": _plain(value),
                    "from": kind,
                    "where": where,
                }
                typer.echo(json.dumps(row))
        elif rows:
            typer.echo(one)
            wide = max(len(row[0]) for row in rows)
            for key, value, _, where in rows:
                typer.echo(
                    f"    {key.ljust(wide)}  {json.dumps(_plain(value), ensure_ascii=False)}  ({where})"
                )


@app.command()
def presets(
    ctx: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """List the presets, with what they set."""
    _, config = configuration(ctx)
    for preset in config.presets.values():
        if as_json:
            row = {
                "name": preset.name,
                "options": {key: _plain(value) for key, value in preset.values.items()},
                "help": preset.help,
                "from": preset.where or "outpaint",
            }
            typer.echo(json.dumps(row))
            continue
        options = " ".join(f"{key}={_plain(value)}" for key, value in preset.values.items())
        told = f"  {preset.help}" if preset.help else ""
        typer.echo(f"{preset.name}  ({preset.where or 'outpaint'})  {options}{told}")


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value
