"""Every command: its options also take values from presets, the environment and files (see ``config``)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand

if TYPE_CHECKING:
    from outpaint_cli.config import Config, Setting

SETTINGS = "outpaint.settings"
"""The key in a context's ``meta`` under which what was settled lies, by parameter."""


class Configured(TyperCommand):
    """A command whose options the command line need not give."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As typer's; values from elsewhere become defaults. Raises UsageError for a file that is wrong."""
        for param in self.params:
            param.envvar = None  # read by config, which knows which of all sources is the strongest
        before = args[: args.index("--")] if "--" in args else args
        if not (ctx.resilient_parsing or {"-h", "--help"} & set(before)):
            settings = self._settle(ctx, args)
            ctx.meta[SETTINGS] = settings
            ctx.default_map = {name: setting.value for name, setting in settings.items()}
        rest = super().parse_args(ctx, args)
        if ctx.default_map and given(ctx, "option") and ctx.default_map.get("option"):
            ctx.params["option"] = [*ctx.default_map["option"], *ctx.params["option"]]
        return rest

    def _settle(self, ctx: Any, args: list[str]) -> dict[str, Setting]:
        from outpaint_cli.config import resolve

        path = command_path(ctx)
        commands, config = configuration(ctx)
        preset = None
        if "preset" in commands[path]:
            try:
                preset = self.make_parser(ctx).parse_args(args=list(args))[0].get("preset")
            except Exception:  # what is wrong is told when the arguments are read in earnest
                preset = None
        return resolve(path, commands[path], config, os.environ, preset)


def command_path(ctx: Any) -> str:
    """The command's name without the program's: "extend", "models list"."""
    names: list[str] = []
    while ctx.parent is not None:
        names.insert(0, ctx.info_name)
        ctx = ctx.parent
    return " ".join(names)


def configuration(ctx: Any) -> tuple[dict[str, Any], Config]:
    """The options of all commands, and the files that count for this call. Raises UsageError.

    The context's ``obj`` is the typer app.
    """
    from outpaint_cli.config import Config, options_of, read_config

    commands = options_of(ctx.obj, lambda command: command.cls is Configured)
    asked = ctx.find_root().params
    config = Config() if asked.get("no_config") else read_config(commands, asked.get("config"))
    return commands, config


def configure(app: typer.Typer) -> None:
    """Make all commands of ``app``, and of the groups in it, :class:`Configured`."""
    for command in app.registered_commands:
        command.cls = Configured
    for group in app.registered_groups:
        assert group.typer_instance is not None
        configure(group.typer_instance)


def given(ctx: Any, name: str) -> bool:
    """Whether parameter ``name`` was given on the command line."""
    source = ctx.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def rank(ctx: Any, name: str) -> int:
    """How strong the value of parameter ``name`` is; compare with the ranks in ``config.resolve``."""
    from outpaint_cli.config import COMMAND_LINE

    if given(ctx, name):
        return COMMAND_LINE
    setting: Setting | None = ctx.meta.get(SETTINGS, {}).get(name)
    return setting.origin.rank if setting else 0
