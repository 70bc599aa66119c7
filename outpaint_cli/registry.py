"""Finds plugins by entry point. A plugin that fails to import is listed as broken and stops nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points

from outpaint_cli.plugin import (
    API_VERSION,
    ENTRY_POINT_GROUP,
    LoadHarmonizer,
    ModelCard,
    ModelError,
    Plugin,
)


@dataclass(frozen=True)
class Found:
    """One entry point: a working ``plugin``, or the ``error`` that it met, in one line."""

    name: str
    distribution: str
    plugin: Plugin | None
    error: str = ""


def load_plugin(entry: EntryPoint) -> Found:
    """Import one plugin; whatever it raises becomes its ``error``."""
    distribution = f"{entry.dist.name} {entry.dist.version}" if entry.dist else ""
    try:
        plugin = entry.load()
    except (Exception, SystemExit) as error:  # a stranger's code: anything may happen at import
        return Found(entry.name, distribution, None, f"{type(error).__name__}: {_one_line(error)}")
    if not isinstance(plugin, Plugin):
        return Found(entry.name, distribution, None, f"{entry.value} is not an outpaint_cli.plugin.Plugin")
    if plugin.api_version != API_VERSION:
        wanted = f"it was written for plugin API {plugin.api_version}, this outpaint has {API_VERSION}"
        return Found(entry.name, distribution, None, wanted)
    if plugin.name != entry.name:
        return Found(entry.name, distribution, None, f"the plugin calls itself '{plugin.name}'")
    return Found(entry.name, distribution, plugin)


@lru_cache(maxsize=1)
def find_plugins() -> tuple[Found, ...]:
    """All plugins of this environment, sorted by name; of two with one name the second is broken."""
    found: list[Found] = []
    for entry in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda e: (e.name, e.value)):
        one = load_plugin(entry)
        if any(other.name == one.name and other.plugin for other in found):
            one = Found(one.name, one.distribution, None, "another plugin has the same name")
        found.append(one)
    return tuple(found)


def plugins() -> Iterator[Plugin]:
    """The working plugins."""
    for found in find_plugins():
        if found.plugin:
            yield found.plugin


def model_cards() -> dict[str, tuple[Plugin, ModelCard]]:
    """Every named model with its plugin; where two plugins use one name the first by plugin name counts."""
    cards: dict[str, tuple[Plugin, ModelCard]] = {}
    for plugin in plugins():
        for card in plugin.models:
            cards.setdefault(card.name, (plugin, card))
    return cards


def harmonizers() -> list[str]:
    """The names of all harmonizers."""
    return [name for plugin in plugins() for name in plugin.harmonizers]


def find_harmonizer(name: str) -> tuple[Plugin, LoadHarmonizer]:
    """The harmonizer called ``name``. Raises ModelError with the names there are."""
    names = ["none"]
    for plugin in plugins():
        if name in plugin.harmonizers:
            return plugin, plugin.harmonizers[name]
        names += plugin.harmonizers
    broken = "; ".join(f"plugin {f.name} is broken: {f.error}" for f in find_plugins() if f.error)
    raise ModelError(
        f"there is no harmonizer '{name}': use {' or '.join(names)}" + (f" ({broken})" if broken else "")
    )


def plugin_named(name: str) -> Plugin:
    """The working plugin called ``name``. Raises ModelError with the reason why it can't be used."""
    for found in find_plugins():
        if found.name == name and found.plugin:
            return found.plugin
        if found.name == name:
            raise ModelError(f"plugin '{name}' is broken: {found.error}")
    raise ModelError(f"there is no plugin '{name}'; see outpaint plugins list")


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]
