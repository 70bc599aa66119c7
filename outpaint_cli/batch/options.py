"""Options that are checked the same way wherever they come from."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from outpaint_cli.plugin import UsageError


def choice(option: str, value: str, choices: Sequence[str]) -> str:
    """``value`` when it is one of ``choices``. Raises UsageError."""
    if value not in choices:
        raise UsageError(f"{option} '{value}' is not one of {', '.join(choices)}")
    return value


def plugin_options(texts: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
    """``plugin.option=value`` texts by plugin. Raises UsageError for what no plugin offers."""
    from outpaint_cli import registry

    by_plugin: dict[str, dict[str, str]] = {}
    known = {f"{p.name}.{o.name}": o for p in registry.plugins() for o in p.options} if texts else {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or "." not in name:
            raise UsageError(f"-O '{text}' is not plugin.option=value")
        if name not in known:
            offered = f"there are {', '.join(sorted(known))}" if known else "no plugin has any"
            raise UsageError(f"-O {name}: there is no such option; {offered}")
        if known[name].choices:
            choice(f"-O {name}", value, known[name].choices)
        plugin, _, option_name = name.rpartition(".")
        by_plugin.setdefault(plugin, {})[option_name] = value
    return by_plugin


def photo_seed(seed: int, variant: int, content: str) -> int:
    """The seed of one output: ``seed`` of the run, and the photo's ``content`` (sha256); 56 bits."""
    digest = hashlib.sha256(f"{seed}:{variant}:{content}".encode()).digest()
    return int.from_bytes(digest[:7], "big")
