"""Plugins: found by entry point; a broken one is listed and stops nothing."""

from __future__ import annotations

import json
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from outpaint_cli import registry
from outpaint_cli.plugin import ENTRY_POINT_GROUP, Plugin
from tests.conftest import Outpaint

BROKEN = {
    "raises": ("raise RuntimeError('two\\nlines')", "RuntimeError: two lines"),
    "imports": ("import no_such_module_anywhere", "ModuleNotFoundError"),
    "exits": ("raise SystemExit(3)", "SystemExit"),
    "syntax": ("def", "SyntaxError"),
    "absent": ("", "AttributeError"),
    "wrong": ("plugin = 3", "is not an outpaint_cli.plugin.Plugin"),
    "old": (
        "from outpaint_cli.plugin import Plugin\nplugin = Plugin('old', api_version=0)",
        "written for plugin API 0",
    ),
    "named": ("from outpaint_cli.plugin import Plugin\nplugin = Plugin('other')", "calls itself 'other'"),
}


@pytest.fixture
def broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight entry points that each go wrong in their own way, beside the real ones."""
    registry.find_plugins.cache_clear()
    monkeypatch.syspath_prepend(str(tmp_path))
    real = registry.entry_points
    entries = []
    for name, (code, _) in BROKEN.items():
        (tmp_path / f"broken_{name}.py").write_text(code)
        entries.append(EntryPoint(name, f"broken_{name}:plugin", ENTRY_POINT_GROUP))
    monkeypatch.setattr(registry, "entry_points", lambda group: [*real(group=group), *entries])
    yield
    registry.find_plugins.cache_clear()
    for name in BROKEN:
        sys.modules.pop(f"broken_{name}", None)


@pytest.mark.usefixtures("broken")
def test_broken_plugins_are_listed_with_their_error(outpaint: Outpaint) -> None:
    done = outpaint("plugins", "list", "--json")
    assert done.code == 0
    rows = {row["name"]: row for row in map(json.loads, done.out.splitlines())}
    for name, (_, says) in BROKEN.items():
        assert rows[name]["state"] == "broken"
        assert says in rows[name]["error"]
        assert "\n" not in rows[name]["error"]
    assert rows["baselines"]["state"] == rows["context-encoder"]["state"] == "ok"


@pytest.mark.usefixtures("broken")
def test_broken_plugins_stop_nothing(outpaint: Outpaint, photo: Any) -> None:
    photo("a.png")
    assert outpaint("extend", "a.png", "-m", "edge").code == 0


@pytest.mark.usefixtures("broken")
def test_a_model_of_a_broken_plugin_is_explained(outpaint: Outpaint, photo: Any) -> None:
    photo("a.png")
    done = outpaint("extend", "a.png", "-m", "raises")
    assert done.code == 4
    assert "broken plugins" in done.err


def test_our_own_plugins_come_through_entry_points() -> None:
    names = {found.name: found for found in registry.find_plugins()}
    for name in ("baselines", "context-encoder"):
        assert isinstance(names[name].plugin, Plugin)
        assert names[name].distribution.startswith("outpaint-cli")
