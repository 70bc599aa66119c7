"""Photos to train on, and one registry with this plugin in it."""

from __future__ import annotations

import pytest
from outpaint_pconv import hooks

from outpaint_cli import registry
from outpaint_cli.plugin import Plugin
from tests.training.conftest import photo_folder

__all__ = ["photo_folder"]


def offer_only_this_plugin(patch: pytest.MonkeyPatch) -> None:
    """Let the registry know this plugin alone, whatever is installed."""
    plugin = Plugin("pconv", layouts=hooks.LAYOUTS, trainers=hooks.TRAINERS, options=hooks.OPTIONS)
    patch.setattr(registry, "plugins", lambda: iter([plugin]))


@pytest.fixture
def only_this_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    offer_only_this_plugin(monkeypatch)
