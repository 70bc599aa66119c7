"""Photos to train on, and one registry with this plugin in it."""

from __future__ import annotations

import pytest
from outpaint_context_encoder import hooks

from outpaint_cli import registry
from outpaint_cli.plugin import Plugin
from tests.training.conftest import photo_folder

__all__ = ["photo_folder"]


@pytest.fixture
def only_this_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = Plugin("context-encoder", layouts=hooks.LAYOUTS, trainers=hooks.TRAINERS, options=hooks.OPTIONS)
    monkeypatch.setattr(registry, "plugins", lambda: iter([plugin]))
