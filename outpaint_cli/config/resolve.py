"""Which value of an option counts, and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from outpaint_cli.config.options import Option
from outpaint_cli.config.sources import Config
from outpaint_cli.plugin import UsageError

COMMAND_LINE = 100
COMMAND_PRESET = 90
ENVIRONMENT = 80
PROJECT = 60
USER = 40
DEFAULT = 0
BELOW = 10
"""How far a preset stands below where it was named."""

MERGED = ("option",)
"""Lists that are joined, the stronger last, where others are replaced: -O names what it sets."""


@dataclass(frozen=True)
class Origin:
    """Where a value comes from. ``rank`` compares; ``kind`` is a word of --json; ``where`` is for people."""

    rank: int
    kind: str
    where: str


@dataclass(frozen=True)
class Setting:
    """The value of one option."""

    value: Any
    origin: Origin


def resolve(
    command: str,
    options: Mapping[str, Option],
    config: Config,
    environment: Mapping[str, str],
    preset: str | None = None,
) -> dict[str, Setting]:
    """The options of ``command`` that something other than the command line sets, by parameter name.

    ``preset`` is the one named on the command line. Raises UsageError for variables of a wrong type and
    presets that are not there or don't fit.
    """
    layers = [_from_variables(options, environment)]
    for rank, kind, file in ((PROJECT, "file", config.project), (USER, "user-file", config.user)):
        found = file.values(command, options) if file else {}
        layers.append({name: Setting(v, Origin(rank, kind, where)) for name, (v, where) in found.items()})
    if "preset" in options:
        named = (
            Setting(preset, Origin(COMMAND_LINE, "command-line", "--preset")) if preset is not None else None
        )
        named = named or next((layer["preset"] for layer in layers if "preset" in layer), None)
        if named is not None and named.value != "none":
            layers.append(_from_preset(command, options, config, named))
    settings: dict[str, Setting] = {}
    for layer in layers:
        for name, setting in layer.items():
            key, other = options[name].parameter, settings.get(options[name].parameter)
            if other is None:
                settings[key] = setting
                continue
            weak, strong = sorted((setting, other), key=lambda one: one.origin.rank)
            value = [*weak.value, *strong.value] if name in MERGED else strong.value
            settings[key] = Setting(value, strong.origin)
    return settings


def _from_variables(options: Mapping[str, Option], environment: Mapping[str, str]) -> dict[str, Setting]:
    settings = {}
    for name, option in options.items():
        variable = next((v for v in option.variables if environment.get(v)), None)
        if variable is not None:
            value = option.from_text(environment[variable], variable)
            settings[name] = Setting(value, Origin(ENVIRONMENT, "environment", variable))
    return settings


def _from_preset(
    command: str, options: Mapping[str, Option], config: Config, named: Setting
) -> dict[str, Setting]:
    """What the preset sets; one named for all commands alike may hold more than this one knows."""
    by_hand = named.origin.rank == COMMAND_LINE
    preset = config.preset(named.value, "" if by_hand else named.origin.where)
    unknown = [name for name in preset.values if name not in options]
    if unknown and by_hand:
        raise UsageError(
            f"preset '{preset.name}' sets {', '.join(unknown)}, which outpaint {command} has no option for"
        )
    where = f"preset {preset.name}" + (f" of {preset.where}" if preset.where else "")
    where += "" if by_hand else f", named by {named.origin.where}"
    origin = Origin(named.origin.rank - BELOW, "preset", where)
    said = preset.where or f"preset {preset.name}"
    return {
        name: Setting(options[name].from_toml(value, said), origin)
        for name, value in preset.values.items()
        if name in options
    }
