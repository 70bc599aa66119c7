"""``outpaint.toml`` of the working folder and of the user: found, read, and checked against the options."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from outpaint_cli.config.options import Commands, Option
from outpaint_cli.places import config_folder
from outpaint_cli.plugin import UsageError

NAME = "outpaint.toml"
EVERYWHERE = ""
"""The name, in :attr:`Layer.tables`, of what stands outside any table: it holds for all commands."""


@dataclass(frozen=True)
class Preset:
    """``--preset NAME``: options by name, as the file ``where`` has them ("" for ours)."""

    name: str
    values: Mapping[str, Any]
    help: str = ""
    where: str = ""


OURS = {
    preset.name: preset
    for preset in (
        Preset("print-bleed", {"pad": "3mm"}, "3 mm more on each side, to be cut off after printing"),
        Preset("social-16x9", {"aspect": "16:9"}, "the smallest 16:9 frame around the photo"),
        Preset("square", {"aspect": "1:1"}, "the smallest square around the photo"),
        Preset("video-frame", {"size": "1920x1080", "fit": "shrink"}, "a frame of full-HD video"),
    )
}


@dataclass(frozen=True)
class Layer:
    """One file. ``tables`` has the values by command and option.

    Those under :data:`EVERYWHERE` are as the file has them: one name may be a text to one
    command and a list to another.
    """

    path: Path
    tables: Mapping[str, Mapping[str, Any]]
    presets: Mapping[str, Preset]

    def values(self, command: str, options: Mapping[str, Option]) -> dict[str, tuple[Any, str]]:
        """What it says for ``command``: by option the value, and where in the file it stands.

        Raises UsageError for a value above all tables that this command has another type for.
        """
        common = {
            name: (options[name].from_toml(value, str(self.path)), str(self.path))
            for name, value in self.tables.get(EVERYWHERE, {}).items()
            if name in options
        }
        own = self.tables.get(command, {})
        return common | {k: (v, f"{self.path} [{command.replace(' ', '.')}]") for k, v in own.items()}


@dataclass(frozen=True)
class Config:
    """The files that count: that of the working folder (or of --config), and the user's."""

    project: Layer | None = None
    user: Layer | None = None
    _ours: Mapping[str, Preset] = field(default_factory=lambda: OURS, repr=False)

    @property
    def presets(self) -> dict[str, Preset]:
        """All presets by name, sorted; of equal names that of the nearer file."""
        layers = [layer.presets for layer in (self.user, self.project) if layer]
        found = dict(self._ours)
        for presets in layers:
            found.update(presets)
        return dict(sorted(found.items()))

    def preset(self, name: str, where: str = "") -> Preset:
        """The preset called ``name``. Raises UsageError with the names there are."""
        presets = self.presets
        if name not in presets:
            said = f"{where}: " if where else ""
            raise UsageError(
                f"{said}there is no preset '{name}': use {', '.join(presets)}{_meant(name, presets)}"
            )
        return presets[name]


def user_file() -> Path:
    """Where the user's own file is looked for."""
    return config_folder() / NAME


def read_config(commands: Commands, given: Path | None = None) -> Config:
    """The files there are, checked whole. ``given`` stands in for that of the working folder.

    Raises UsageError, one line with the file's name: no TOML, an unknown key, a wrong type, a file ``given``
    that is not there.
    """
    if given is not None and not given.is_file():
        raise UsageError(f"--config {given}: there is no such file")
    return Config(_read(given or Path(NAME), commands), _read(user_file(), commands))


def _read(path: Path, commands: Commands) -> Layer | None:
    try:
        with path.open("rb") as file:
            data = tomllib.load(file)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        reason = (error.strerror or "can't be read").lower()
        raise UsageError(f"{path}: can't be read ({reason}); mend that, or use --no-config") from error
    except ValueError as error:
        raise UsageError(f"{path}: is not TOML ({error}); mend it, or use --no-config") from error
    return parse(path, data, commands)


def parse(path: Path, data: Mapping[str, Any], commands: Commands) -> Layer:
    """What a file of that name says. Raises UsageError for what no command knows, and for wrong types."""
    tables: dict[str, dict[str, Any]] = {EVERYWHERE: {}}
    everywhere: dict[str, list[Option]] = {}
    for options in commands.values():
        for name, option in options.items():
            everywhere.setdefault(name, []).append(option)
    groups = {command.split()[0] for command in commands if " " in command}
    presets: dict[str, Preset] = {}
    for key, value in data.items():
        if key == "presets":
            presets = _presets(path, value, everywhere)
        elif key in commands:
            tables[key] = _table(path, key, value, commands)
        elif key in groups and isinstance(value, dict):
            for name, table in value.items():
                if f"{key} {name}" not in commands:
                    raise UsageError(f"{path}: there is no command '{key} {name}'")
                tables[f"{key} {name}"] = _table(path, f"{key} {name}", table, commands)
        else:
            having = everywhere.get(key.replace("_", "-"))
            if having is None:
                what = "table" if isinstance(value, dict) else "option"
                raise UsageError(
                    f"{path}: there is no {what} '{key}'{_meant(key, [*everywhere, *commands, 'presets'])}"
                )
            tables[EVERYWHERE][having[0].name] = _checked(value, having, str(path))
    return Layer(path, tables, presets)


def _checked(value: Any, options: Sequence[Option], where: str) -> Any:
    """``value``, where one of the options of this name takes it. Raises UsageError."""
    error: UsageError | None = None
    for option in options:
        try:
            option.from_toml(value, where)
        except UsageError as wrong:
            error = error or wrong
        else:
            return value
    assert error is not None
    raise error


def _table(path: Path, command: str, table: Any, commands: Commands) -> dict[str, Any]:
    header = f"{path}: [{command.replace(' ', '.')}]"
    if not isinstance(table, dict):
        raise UsageError(f"{header} must be a table")
    options, values = commands[command], {}
    for key, value in table.items():
        name = key.replace("_", "-")
        if name not in options:
            having = [other for other in commands if name in commands[other]]
            verb = "has" if len(having) == 1 else "have"
            hint = f"; {' and '.join(having)} {verb} it" if 0 < len(having) < 4 else _meant(key, options)
            raise UsageError(f"{header} there is no option '{key}'{hint}")
        values[name] = options[name].from_toml(value, header)
    return values


def _presets(path: Path, tables: Any, everywhere: Mapping[str, Sequence[Option]]) -> dict[str, Preset]:
    if not isinstance(tables, dict) or not all(isinstance(table, dict) for table in tables.values()):
        raise UsageError(f"{path}: presets must be tables, as in [presets.wall]")
    presets = {}
    for name, table in tables.items():
        header = f"{path}: [presets.{name}]"
        if name == "none":
            raise UsageError(f"{header} 'none' means no preset; choose another name")
        values = {}
        for key, value in table.items():
            if key == "help" and isinstance(value, str):
                continue
            having = everywhere.get(key.replace("_", "-"), ())
            if not having or having[0].name == "preset":
                raise UsageError(f"{header} there is no option '{key}' for a preset{_meant(key, everywhere)}")
            values[having[0].name] = _checked(value, having, header)
        presets[name] = Preset(name, values, str(table.get("help", "")), str(path))
    return presets


def _meant(word: str, words: Any) -> str:
    close = get_close_matches(word, list(words), 1)
    return f"; did you mean '{close[0]}'?" if close and close[0] != word else ""
