"""outpaint man: the manual page, made of the same help as --help."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

import outpaint_cli
from outpaint_cli.commands._manual import ENDING
from outpaint_cli.plugin import UsageError


def man(
    ctx: typer.Context,
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[COMMAND]", help="One command's page alone.")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option("--dir", help="Write outpaint.1 and a page a command here.", metavar="DIR"),
    ] = None,
) -> None:
    """Print the manual page, for man -l or for a folder that man reads."""
    root = ctx.find_root()
    pages = dict(_commands(root.command, root))
    if folder is not None:
        if command:
            raise UsageError("--dir writes all pages; drop the command")
        _write(folder, {"": whole(root, pages), **{name: page(name, one) for name, one in pages.items()}})
        return
    name = " ".join(command or [])
    if name and name not in pages:
        raise UsageError(f"there is no command '{name}': use {', '.join(pages)}")
    typer.echo(page(name, pages[name]) if name else whole(root, pages), nl=False)


def _write(folder: Path, pages: dict[str, str]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in pages.items():
            path = folder / ("-".join(["outpaint", *name.split()]) + ".1")
            path.write_text(text, encoding="utf-8")
            typer.echo(path)
    except OSError as error:
        raise UsageError(f"--dir {folder}: can't be written ({(error.strerror or '').lower()})") from error


def _commands(group: Any, ctx: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """The contexts of all commands below ``group``, by name."""
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        if command.hidden:
            continue
        below = type(ctx)(command, parent=ctx, info_name=name)
        if hasattr(command, "list_commands"):
            yield from _commands(command, below, f"{before}{name} ")
        else:
            yield f"{before}{name}", below


def whole(root: Any, pages: dict[str, Any]) -> str:
    """outpaint(1): every command with its options."""
    lines = [
        *_title("outpaint"),
        ".SH NAME",
        f"outpaint \\- {_text(_first(root.command.help))}",
        ".SH SYNOPSIS",
    ]
    lines += [f".B outpaint\n{_text(_usage(root))}", ".SH OPTIONS", *_options(root), ".SH COMMANDS"]
    for name, ctx in pages.items():
        lines += [
            f".SS outpaint {_text(name)} {_text(_usage(ctx))}",
            *_paragraphs(ctx.command.help),
            *_options(ctx),
        ]
    return "\n".join([*lines, *ENDING]) + "\n"


def page(name: str, ctx: Any) -> str:
    """outpaint-NAME(1): one command."""
    title = "-".join(["outpaint", *name.split()])
    lines = [
        *_title(title),
        ".SH NAME",
        f"{_text(title)} \\- {_text(_first(ctx.command.help))}",
        ".SH SYNOPSIS",
    ]
    lines += [
        f".B outpaint {_text(name)}\n{_text(_usage(ctx))}",
        ".SH DESCRIPTION",
        *_paragraphs(ctx.command.help),
    ]
    lines += [".SH OPTIONS", *_options(ctx), *ENDING, ".SH SEE ALSO", ".BR outpaint (1)"]
    return "\n".join(lines) + "\n"


def _title(name: str) -> list[str]:
    return [f'.TH {name.upper()} 1 "" "outpaint {outpaint_cli.__version__}" "User Commands"', ".nh", ".ad l"]


def _usage(ctx: Any) -> str:
    return " ".join(ctx.command.collect_usage_pieces(ctx))


def _first(help: str | None) -> str:
    """The first sentence, as NAME has it: without the full stop."""
    return " ".join((help or "").split("\n\n")[0].split()).split(". ")[0].rstrip(".")


def _paragraphs(help: str | None) -> list[str]:
    lines: list[str] = []
    for paragraph in (help or "").split("\n\n"):
        lines += [".PP", _text(" ".join(paragraph.split()))]
    return lines


def _options(ctx: Any) -> list[str]:
    """Arguments and options as --help has them."""
    lines: list[str] = []
    for param in ctx.command.get_params(ctx):
        record = param.get_help_record(ctx)
        if record is None:
            continue
        name = param.metavar if param.param_type_name == "argument" and param.metavar else record[0]
        lines += [".TP", f".B {_text(name)}", _text(" ".join(record[1].split())) or "\\&"]
    return lines


def _text(text: str) -> str:
    """``text`` for roff: no character of it is a command, and dashes can be copied."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{text}" if text[:1] in (".", "'") else text
