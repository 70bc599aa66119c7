"""The options of all commands as files and variables know them, read off the commands' own signatures."""

from __future__ import annotations

import inspect
import shlex
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias, Union, get_args, get_origin

import typer
from typer.models import CommandInfo, OptionInfo

from outpaint_cli.plugin import UsageError

Commands: TypeAlias = "Mapping[str, Mapping[str, Option]]"
"""By a command's name ("extend", "models list"): its options by their long names without dashes in front."""

PREFIX = "OUTPAINT_"
TRUE = ("1", "true", "yes", "on", "t", "y")
FALSE = ("0", "false", "no", "off", "f", "n")
NUMBERS_TOO = ("pad", "left", "top", "right", "bottom")
"""Options that are texts but whose texts may be plain numbers."""


@dataclass(frozen=True)
class Option:
    """One option. ``kind`` is bool, int, float, str or Path; ``many`` says that it may be given again.

    ``variables`` are what it reads from the environment, the first that is not empty; ``low`` and ``high`` are
    the least and the greatest number; ``default`` what it is without any.
    """

    name: str
    parameter: str
    kind: type
    many: bool
    variables: tuple[str, ...]
    low: float | None = None
    high: float | None = None
    default: Any = None
    help: str = ""

    def from_toml(self, value: Any, where: str) -> Any:
        """A value of a file, checked. Raises UsageError that begins with ``where``."""
        if self.name == "option" and isinstance(value, dict):
            return self._plugin_table(value, where)
        if self.many:
            values = [value] if isinstance(value, str) else value
            if not isinstance(values, list) or not all(isinstance(part, str) for part in values):
                raise UsageError(f"{where}: {self.name} must be a list of texts, not {_shown(value)}")
            return [_home(part) for part in values]
        if self.kind is bool:
            right, wanted = isinstance(value, bool), "true or false"
        elif self.kind is int:
            right, wanted = isinstance(value, int) and not isinstance(value, bool), "a whole number"
        elif self.kind is float:
            right, wanted = isinstance(value, (int, float)) and not isinstance(value, bool), "a number"
        else:
            right, wanted = isinstance(value, str), "a text in quotes"
            if self.name in NUMBERS_TOO and isinstance(value, int) and not isinstance(value, bool):
                return str(value)
        if not right:
            raise UsageError(f"{where}: {self.name} must be {wanted}, not {_shown(value)}")
        return self._within(_home(value) if isinstance(value, str) else value, where)

    def from_text(self, text: str, where: str) -> Any:
        """The value of a variable, checked; lists are split as a shell does. Raises UsageError."""
        if self.many:
            return _words(text, where)
        if self.kind is bool:
            if text.lower() not in TRUE + FALSE:
                raise UsageError(f"{where}='{text}' must be 1 or 0")
            return text.lower() in TRUE
        if self.kind in (int, float):
            try:
                return self._within(self.kind(text), where)
            except ValueError as error:
                wanted = "a whole number" if self.kind is int else "a number"
                raise UsageError(f"{where}='{text}' must be {wanted}") from error
        return text

    def _within(self, value: Any, where: str) -> Any:
        low, high = self.low, self.high
        if self.kind in (int, float) and (
            (low is not None and value < low) or (high is not None and value > high)
        ):
            limits = f"from {low:g} to {high:g}" if None not in (low, high) else f"at least {low or 0:g}"
            raise UsageError(f"{where}: {self.name} must be {limits}, not {value:g}")
        return value

    def _plugin_table(self, table: Mapping[str, Any], where: str) -> list[str]:
        """``[option]`` with a table a plugin, as a list of plugin.option=value."""
        texts = []
        for plugin, values in table.items():
            if not isinstance(values, dict):
                raise UsageError(
                    f"{where}: under option, '{plugin}' must be plugin.option, as in singan.size = 512"
                )
            for name, value in values.items():
                if not isinstance(value, (str, int, float)):
                    raise UsageError(
                        f"{where}: {plugin}.{name} must be a text or a number, not {_shown(value)}"
                    )
                text = str(value).lower() if isinstance(value, bool) else str(value)
                texts.append(f"{plugin}.{name}={text}")
        return texts


def options_of(
    app: typer.Typer, wanted: Callable[[CommandInfo], bool] = lambda command: True, before: str = ""
) -> dict[str, dict[str, Option]]:
    """The commands of ``app`` and of the groups in it that are ``wanted``, with their options."""
    found = {}
    for command in app.registered_commands:
        assert command.callback is not None
        name = command.name or command.callback.__name__.replace("_", "-")
        if wanted(command):
            found[before + name] = _options(command.callback)
    for group in app.registered_groups:
        assert group.typer_instance is not None
        found |= options_of(group.typer_instance, wanted, f"{before}{group.name} ")
    return found


def _options(callback: Callable[..., Any]) -> dict[str, Option]:
    options = {}
    for parameter in inspect.signature(callback, eval_str=True).parameters.values():
        if get_origin(parameter.annotation) is not Annotated:
            continue
        annotation, info = get_args(parameter.annotation)[:2]
        if not isinstance(info, OptionInfo):
            continue
        declared = (info.default, *(info.param_decls or ()))  # in Annotated the first name is the "default"
        names = [text for text in declared if isinstance(text, str) and text.startswith("--")]
        name = (names[0] if names else parameter.name.replace("_", "-")).split("/")[0].removeprefix("--")
        kind, many = _kind(annotation)
        given = [info.envvar] if isinstance(info.envvar, str) else info.envvar
        options[name] = Option(
            name, parameter.name, kind, many,
            tuple(given or [PREFIX + name.replace("-", "_").upper()]),
            info.min, info.max, parameter.default, info.help or "",
        )  # fmt: skip
    return options


def _kind(annotation: Any) -> tuple[type, bool]:
    """The type of one value, and whether there may be several."""
    if get_origin(annotation) in (Union, types.UnionType):
        annotation = next(part for part in get_args(annotation) if part is not type(None))
    if get_origin(annotation) in (list, tuple):
        return _kind(get_args(annotation)[0])[0], True
    return (annotation if annotation in (bool, int, float, str, Path) else str), False


def _words(text: str, where: str) -> list[str]:
    """Split at blanks, quoted parts kept whole; a backslash is a character like any other."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.commenters, lexer.escape = True, "", ""
    try:
        return list(lexer)
    except ValueError as error:
        raise UsageError(
            f"{where}: a quote is not closed; put what has blanks or an apostrophe in it into double quotes"
        ) from error


def _home(text: str) -> str:
    """``~/`` as a shell would have it."""
    return str(Path(text).expanduser()) if text.startswith("~/") else text


def _shown(value: Any) -> str:
    text = (
        f'"{value}"'
        if isinstance(value, str)
        else str(value).lower()
        if isinstance(value, bool)
        else str(value)
    )
    return text if len(text) <= 40 else text[:39] + "…"
