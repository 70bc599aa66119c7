"""What the shell offers at TAB. Each takes what is typed so far; with nothing to offer, files come by the shell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import typer

Offers: TypeAlias = "list[tuple[str, str]]"
"""Words, each with what the shells that can show help show beside it."""


def _begin(words: Sequence[tuple[str, str]], incomplete: str) -> Offers:
    return [(word, help) for word, help in words if word.startswith(incomplete)]


def among(*words: str) -> Callable[[str], list[str]]:
    """A fixed choice."""

    def offer(incomplete: str) -> list[str]:
        return [word for word in words if word.startswith(incomplete)]

    return offer


def models(incomplete: str) -> Offers:
    """The models known by name."""
    from outpaint_cli import registry

    cards = sorted(registry.model_cards().items())
    return _begin([(name, card.summary) for name, (_, card) in cards], incomplete)


def harmonizers(incomplete: str) -> Offers:
    """auto, none, and the harmonizers."""
    own = [("auto", "patch, where the model leaves a rough guess"), ("none", "the model's guess as it is")]
    return _begin(own, incomplete) + methods(incomplete)


def contenders(incomplete: str) -> Offers:
    """The models, and after a comma the harmonizers."""
    model, comma, harmonizer = incomplete.rpartition(",")
    if not comma:
        return models(incomplete)
    return [(f"{model},{name}", help) for name, help in harmonizers(harmonizer)]


def methods(incomplete: str) -> Offers:
    """The harmonizers."""
    from outpaint_cli import registry

    found = [(name, plugin.summary) for plugin in registry.plugins() for name in plugin.harmonizers]
    return _begin(found, incomplete)


def networks(incomplete: str) -> Offers:
    """What can be trained."""
    from outpaint_cli import registry

    found = [(name, plugin.summary) for plugin in registry.plugins() for name in plugin.trainers]
    return _begin(found, incomplete)


def plugin_options(incomplete: str) -> Offers:
    """plugin.option= of all plugins, then the choices of that option."""
    from outpaint_cli import registry

    found = []
    for plugin in registry.plugins():
        for option in plugin.options:
            name = f"{plugin.name}.{option.name}="
            found.append((name, option.help))
            found += [(name + choice, "") for choice in option.choices if incomplete.startswith(name)]
    return _begin(found, incomplete)


def presets(ctx: typer.Context, incomplete: str) -> Offers:
    """The presets of this folder and of the user, and ours; only ours where a file is wrong."""
    from outpaint_cli.commands._configured import configuration
    from outpaint_cli.config import Config
    from outpaint_cli.plugin import UsageError

    try:
        config = configuration(ctx)[1]
    except UsageError:
        config = Config()
    told = [(preset.name, preset.help) for preset in config.presets.values()]
    return _begin([*told, ("none", "no preset")], incomplete)


def commands(ctx: typer.Context, incomplete: str) -> list[str]:
    """The commands whose options can be configured."""
    from outpaint_cli.config import options_of

    return [name for name in options_of(ctx.obj) if name.startswith(incomplete) and " " not in name]
