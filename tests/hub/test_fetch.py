"""Files from the Hub: whole and right, or an error that says what to do. All against a Hub on this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from outpaint_cli import hub as client
from outpaint_cli.hub import _cache as cache
from outpaint_cli.plugin import HubFile, ModelError
from tests.hub.conftest import point_at
from tests.hub.loopback import GOOD_TOKEN, Hub

DATA = bytes(range(256)) * 400
LESS_PATIENT = 1
"""Seconds of silence that these tests wait for, in place of five."""


def fetch(reference: str, **more: object) -> client.Fetched:
    """As models does."""
    return client.fetch(client.parse(reference), reference, **more)  # type: ignore[arg-type]


def refused(reference: str, **more: object) -> str:
    """The one line that a failure ends with."""
    with pytest.raises(ModelError) as caught:
        fetch(reference, **more)
    assert caught.value.exit_code == 4
    assert "\n" not in str(caught.value)
    return str(caught.value)


def nothing_left(hub: Hub, name: str = "o/r") -> bool:
    """Whether the cache holds no file of the repository, whole or in parts."""
    folder = client.cache_folder() / f"models--{name.replace('/', '--')}"
    return not any(p.is_file() for part in ("blobs", "snapshots") for p in (folder / part).rglob("*"))


# ------------------------------------------------------------------------------------------ all well


def test_a_file_is_fetched_once_and_then_needs_no_network(hub: Hub) -> None:
    commit = hub.add("o/r", {"deep/m.onnx": DATA})
    first = fetch(f"hf://o/r@{commit}/deep/m.onnx")
    assert (first.path.read_bytes(), first.commit, first.fresh) == (DATA, commit, True)
    hub.asked.clear()
    again = fetch(f"hf://o/r@{commit}/deep/m.onnx")
    assert (again.path, again.sha256, again.fresh) == (first.path, first.sha256, False)
    assert fetch(f"hf://o/r@{commit}/deep/m.onnx", offline=True).path == first.path
    assert hub.asked == []


def test_a_branch_is_asked_about_and_used_from_the_cache_when_the_hub_is_down(hub: Hub) -> None:
    hub.add("o/r", {"m.onnx": DATA})
    old = fetch("hf://o/r/m.onnx")
    commit = hub.add("o/r", {"m.onnx": DATA[::-1]})
    new = fetch("hf://o/r/m.onnx")
    assert new.path.read_bytes() == DATA[::-1] != old.path.read_bytes()
    assert new.commit == commit
    hub.down = True
    heard: list[str] = []
    assert fetch("hf://o/r/m.onnx", note=heard.append).path == new.path
    assert "the file in the cache is used" in heard[0]
    assert fetch("hf://o/r/m.onnx", offline=True).path == new.path


def test_a_file_on_another_host_is_fetched_from_there_without_the_token(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.add("o/r", {"m.onnx": DATA}, fault="redirect", private=True)
    monkeypatch.setenv("HF_TOKEN", GOOD_TOKEN)
    assert fetch("hf://o/r/m.onnx").path.read_bytes() == DATA
    (last,) = [asked for asked in hub.asked if asked.path.startswith("/cdn/")]
    assert last.token == ""
    assert {asked.token for asked in hub.gets("HEAD")} == {GOOD_TOKEN}


def test_a_cut_connection_is_gone_on_with(hub: Hub) -> None:
    data = DATA * 240  # the client writes in pieces of 10 MB
    hub.add("o/r", {"m.onnx": data}, fault="cut once")
    assert fetch("hf://o/r/m.onnx").path.read_bytes() == data
    assert [asked.span for asked in hub.gets()] == ["", f"bytes={10 << 20}-"]


def test_a_stall_that_ends_is_gone_on_with(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DOWNLOAD_TIMEOUT", LESS_PATIENT)
    hub.add("o/r", {"m.onnx": DATA}, fault="stall once")
    assert fetch("hf://o/r/m.onnx").path.read_bytes() == DATA


# ------------------------------------------------------------------------------------- wrong content


def test_what_came_damaged_is_fetched_again_once(hub: Hub) -> None:
    hub.add("o/r", {"m.onnx": DATA}, fault="flip once")
    heard: list[str] = []
    assert fetch("hf://o/r/m.onnx", note=heard.append).path.read_bytes() == DATA
    assert len(hub.gets()) == 2
    assert any("is damaged" in text for text in heard)


@pytest.mark.parametrize("name", ["m.onnx", "small/m.onnx"])
def test_what_stays_damaged_is_refused_by_name_and_not_kept(
    hub: Hub, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if name.startswith("small"):  # in git itself: known by git's sha1
        monkeypatch.setattr("tests.hub.loopback.LFS", ())
    hub.add("o/r", {name: DATA}, fault="flip")
    error = refused(f"hf://o/r/{name}")
    assert error.startswith(f"hf://o/r/{name}: the Hub sends another file than")
    assert len(hub.gets()) == 2
    assert nothing_left(hub)
    assert refused(f"hf://o/r/{name}").startswith(f"hf://o/r/{name}: the Hub sends another")


def test_a_file_that_the_hub_itself_has_replaced_is_refused(hub: Hub) -> None:
    commit = hub.add("o/r", {"m.onnx": DATA})
    error = refused(f"hf://o/r@{commit}/m.onnx", wanted=client.Wanted(len(DATA), "0" * 64))
    assert "it should be 000000000000" in error
    error = refused(f"hf://o/r@{commit}/m.onnx", wanted=client.Wanted(7, ""))
    assert f"{len(DATA)} bytes in place of 7" in error
    assert nothing_left(hub)


def test_a_damaged_cache_is_mended_or_told(hub: Hub) -> None:
    commit = hub.add("o/r", {"m.onnx": DATA})
    reference = f"hf://o/r@{commit}/m.onnx"
    path = fetch(reference).path
    path.resolve().write_bytes(b"\1" + DATA[1:])  # same size: huggingface_hub would keep it for ever
    assert "damaged" in refused(reference, offline=True)
    assert path.is_file(), "offline nothing is thrown away"
    heard: list[str] = []
    assert fetch(reference, note=heard.append).path.read_bytes() == DATA
    assert "the file in the cache is damaged" in heard[0]
    hub.repos["o/r"].fault = "flip"
    path.resolve().write_bytes(b"\1" + DATA[1:])
    before = len(hub.gets())
    assert "refused" in refused(reference)
    assert len(hub.gets()) == before + 1


# ------------------------------------------------------------------------------------ what can fail

FAULTS = {
    "500": "has a fault of its own (500)",
    "cut": "the connection was cut",
    "short": "sent fewer bytes than the file has",
    "stall": "is silent for 1 s",
    "stall head": "is silent for 1 s",
    "no hub": "is no Hub",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_ends_with_its_own_line(hub: Hub, fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DOWNLOAD_TIMEOUT", LESS_PATIENT)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_ETAG_TIMEOUT", LESS_PATIENT)
    hub.add("o/r", {"m.onnx": DATA}, fault=fault)
    assert FAULTS[fault] in refused("hf://o/r/m.onnx")
    assert len(hub.asked) <= 5, "no retries without end"
    assert nothing_left(hub)


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("hf://o/r/gone.onnx", "o/r has no file 'gone.onnx' at 'main'"),
        ("hf://o/gone/m.onnx", "no repository o/gone, or it is private"),
        ("hf://o/r@v9/m.onnx", "o/r has no revision 'v9'"),
        (f"hf://o/r@{'0' * 40}/m.onnx", f"o/r has no revision '{'0' * 40}'"),
        ("hf://o/gated/m.onnx", "its authors want their terms accepted"),
    ],
)
def test_what_is_not_there_is_told(hub: Hub, reference: str, says: str) -> None:
    hub.add("o/r", {"m.onnx": DATA})
    hub.add("o/gated", {"m.onnx": DATA}, gated=True)
    assert says in refused(reference)
    assert len(hub.asked) == 1


def test_no_network_is_told_at_once(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    point_at("http://127.0.0.1:9", monkeypatch)
    assert "http://127.0.0.1:9 can't be reached: check the network" in refused("hf://o/r/m.onnx")
    point_at("nonsense", monkeypatch)
    assert "HF_ENDPOINT is no address" in refused("hf://o/r/m.onnx")


def test_offline_and_not_there(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add("o/r", {"m.onnx": DATA})
    assert "not in the cache" in refused("hf://o/r/m.onnx", offline=True)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "outpaint models pull" in refused("hf://o/r/m.onnx")
    assert hub.asked == []


def test_too_little_space_is_told_before_anything_is_fetched(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("outpaint_cli.hub._fetch.shutil.disk_usage", lambda path: usage)
    hub.add("o/r", {"m.onnx": DATA})
    assert "no space left" in refused("hf://o/r/m.onnx")
    assert hub.gets() == []


@pytest.mark.parametrize(("mount", "says"), [("size=300k", "no space left in"), ("ro", "can't be written")])
def test_full_and_read_only_disks(hub: Hub, tmp_path: Path, mount: str, says: str) -> None:
    commit = hub.add("o/r", {"m.onnx": DATA * 10})
    (tmp_path / "disk").mkdir()
    code = (
        "import sys; from outpaint_cli import hub; from outpaint_cli.hub import _fetch\n"
        "_fetch._check_space = lambda size, what: None  # a disk that another program fills meanwhile\n"
        f"try: hub.fetch(hub.parse('hf://o/r@{commit}/m.onnx'), 'it')\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    script = f'mount -t tmpfs -o {mount} none disk && exec {sys.executable} -c "$CODE"'
    done = subprocess.run(
        ["unshare", "-Urm", "sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60,
        env={**os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "disk"), "CODE": code,
             "XDG_CACHE_HOME": str(tmp_path / "disk")},
    )  # fmt: skip
    if "unshare" in done.stderr or "mount" in done.stderr:
        pytest.skip("no disk can be mounted here: " + done.stderr.strip())
    assert done.stdout.startswith("ModelError it: "), done.stderr
    assert says in done.stdout


# -------------------------------------------------------------------------------- processes, removal


def test_a_fresh_process_with_the_users_environment(
    hub: Hub, fresh: Callable[..., object], tmp_path: Path
) -> None:
    commit = hub.add("o/r", {"m.onnx": DATA}, private=True)
    code = (
        "from outpaint_cli import hub; import sys\n"
        f"print(hub.fetch(hub.parse('hf://o/r@{commit}/m.onnx'), 'it', offline='offline' in sys.argv).path)"
    )
    done = fresh("-c", code, HF_ENDPOINT=hub.url, HF_TOKEN=GOOD_TOKEN)
    path = Path(done.stdout.strip())
    assert path.read_bytes() == DATA
    assert path.is_relative_to(tmp_path / "home")
    assert {asked.token for asked in hub.asked} == {GOOD_TOKEN}
    assert {asked.path for asked in hub.asked} == {f"/o/r/resolve/{commit}/m.onnx"}, (
        "and nothing else is asked"
    )
    forbidden = (
        "import sys\n"
        "def told(event, args):\n"
        "    if event.startswith('socket.'): print(event); raise RuntimeError('the network was touched')\n"
        "sys.addaudithook(told)\n"
    )
    for how in ({"HF_HUB_OFFLINE": "1"}, {}):
        again = fresh("-c", forbidden + code, *([] if how else ["offline"]), **how)
        assert again.stdout.strip() == str(path)


def test_three_processes_at_once_download_once(hub: Hub, tmp_path: Path) -> None:
    commit = hub.add("o/r", {"m.onnx": DATA * 50})
    code = (
        f"from outpaint_cli import hub; print(hub.fetch(hub.parse('hf://o/r@{commit}/m.onnx'), 'it').sha256)"
    )
    environment = {**os.environ, "HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home")}
    runs = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    told = {run.communicate(timeout=60)[0] for run in runs}
    assert len(told) == 1 and all(run.returncode == 0 for run in runs)
    assert len(hub.gets()) == 1


def test_only_what_we_fetched_is_ours_to_remove(hub: Hub) -> None:
    from huggingface_hub import hf_hub_download

    first = hub.add("o/r", {"m.onnx": DATA, "n.onnx": DATA[::-1], "same.onnx": DATA})
    theirs = Path(
        hf_hub_download("o/r", "n.onnx", revision=first, endpoint=hub.url, cache_dir=cache.cache_folder())
    )
    ours = HubFile("o/r", first, "m.onnx")
    same = HubFile("o/r", first, "same.onnx")
    for file in (ours, same):
        client.fetch(file, "it")
    assert set(client.ours()) == {ours, same}
    assert not client.is_ours(HubFile("o/r", first, "n.onnx"))
    assert client.forget(ours) == len(DATA)
    assert client.find(ours) is None
    kept = client.find(same)
    assert kept is not None and kept.path.read_bytes() == DATA, "its content was shared"
    client.forget(same)
    assert theirs.read_bytes() == DATA[::-1]
    assert list(client.ours()) == []
    theirs.resolve().unlink()


@pytest.mark.parametrize(
    "reference",
    ["hf://o", "hf://o/r", "hf://o/r/", "hf://o/r/m.bin", "hf://o/r/../m.onnx", "hf://o/r@/m.onnx",
     "hf://o /r/m.onnx", "hf://o/r//m.onnx"],
)  # fmt: skip
def test_references_that_make_no_sense(reference: str) -> None:
    with pytest.raises(ModelError, match=r"hf://"):
        client.parse(reference)


def test_references_are_read_and_written() -> None:
    file = client.parse("hf://o/r@refs%2Fpr%2F1/a/b.onnx")
    assert file == HubFile("o/r", "refs/pr/1", "a/b.onnx")
    assert client.address(file) == "hf://o/r@refs%2Fpr%2F1/a/b.onnx"
    assert json.dumps(client.address(client.parse("hf://o/r/m.onnx"))) == '"hf://o/r/m.onnx"'
