"""outpaint doctor: what it finds, what it says of it, and what the exit code means."""

from __future__ import annotations

import json
from importlib.metadata import distributions
from pathlib import Path
from types import SimpleNamespace

import pytest

from outpaint_cli import health, runtime
from outpaint_cli.plugin import ModelError
from tests.conftest import Outpaint
from tests.hub.conftest import point_at
from tests.hub.loopback import GOOD_TOKEN, Hub


def test_everything_that_a_bug_report_needs(
    hub: Hub, outpaint: Outpaint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", GOOD_TOKEN)
    done = outpaint("doctor", "--json")
    found = json.loads(done.out)
    assert (done.code, found["default"]["device"]) == (0, found["devices"]["cpu"]["device"])
    assert found["devices"]["cpu"]["mean"] == pytest.approx(128, abs=8)
    assert "CPU" in found["onnxruntime"]["providers"] and found["onnxruntime"]["version"]
    assert found["hub"] == {
        "endpoint": hub.url, "token": True, "state": "reachable", "milliseconds": found["hub"]["milliseconds"]
    }  # fmt: skip
    assert found["cache"]["own"]["bytes"] == 0 and found["cache"]["hub"]["free"] > 0
    assert GOOD_TOKEN not in done.out.decode()
    assert found["plugins"]["hub"] == "ok" and found["problems"] == []


def test_the_hub_is_no_reason_to_fail_and_offline_it_is_not_asked(
    hub: Hub, outpaint: Outpaint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        health, "try_device", lambda device: {"device": "cpu", "milliseconds": 1.0, "mean": 0.0}
    )
    assert b"not asked" in outpaint("doctor", "--offline").out
    assert hub.asked == []
    point_at("http://127.0.0.1:9", monkeypatch)
    done = outpaint("doctor")
    assert done.code == 0 and b"http://127.0.0.1:9 can't be reached" in done.out
    hub.down = True
    point_at(hub.url, monkeypatch)
    assert b"answers 500" in outpaint("doctor").out


def test_two_onnxruntimes_are_told_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    there = [d for d in distributions() if not (d.name or "").startswith("onnxruntime")]
    both = [SimpleNamespace(name=name, version="1.31.1") for name in ("onnxruntime", "onnxruntime-gpu")]
    monkeypatch.setattr(health, "distributions", lambda: [*there, *both])
    clash = health.flavours()["clash"]
    assert clash.startswith("onnxruntime and onnxruntime-gpu are both installed")
    assert "pip uninstall -y onnxruntime onnxruntime-gpu && pip install 'outpaint-cli[gpu]'" in clash


def test_without_a_working_default_device_the_exit_code_says_so(
    hub: Hub, outpaint: Outpaint, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> None:
        raise ModelError("this model needs onnxruntime: install the extra 'cpu' or 'gpu'")

    monkeypatch.setattr(runtime, "onnxruntime_module", none)
    done = outpaint("doctor", "--json", "--offline")
    assert done.code == 4
    assert any("onnxruntime" in problem for problem in json.loads(done.out)["problems"])


def test_paths_are_told_without_the_users_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ".cache"))
    assert health.caches()["own"]["path"] == "~/.cache/outpaint"
