"""outpaint models and --model, against the loopback Hub."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from outpaint_cli import hub as client
from outpaint_cli import models, registry
from outpaint_cli.plugin import HubFile, ModelError
from tests.conftest import Outpaint, pixels
from tests.hub import standins
from tests.hub.loopback import GOOD_TOKEN, Hub

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "models.schema.json").read_text())
NETWORKLESS = (
    "import sys\n"
    "def told(event, args):\n"
    "    if event.startswith('socket.'): raise RuntimeError(f'the network was touched: {event}')\n"
    "sys.addaudithook(told)\n"
    "from outpaint_cli.app import main; main()"
)


def rows(out: bytes) -> dict[str, dict[str, Any]]:
    """JSON lines by name, each valid."""
    found = [json.loads(line) for line in out.splitlines()]
    for row in found:
        jsonschema.validate(row, SCHEMA, cls=jsonschema.Draft202012Validator)
    return {row["name"]: row for row in found}


@pytest.fixture
def published(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """A Hub with stand-ins where the published models are, which their cards know."""
    cards = registry.model_cards()
    for name, data in (
        ("migan", standins.migan()),
        ("lama", standins.lama()),
        ("lama-int8", standins.lama()),
    ):
        plugin, card = cards[name]
        assert isinstance(card.source, HubFile)
        hub.add(card.source.repo, {card.source.file: data}, commit=card.source.revision)
        cards[name] = plugin, replace(card, bytes=len(data), sha256=sha256(data).hexdigest())
    monkeypatch.setattr(registry, "model_cards", lambda: dict(cards))
    return hub


def test_our_list_is_pinned_and_permissive() -> None:
    from outpaint_cli import licences

    for plugin, card in registry.model_cards().values():
        if isinstance(card.source, HubFile):
            assert plugin.name == "hub"
            assert len(card.source.revision) == 40 and len(card.sha256) == 64 and card.bytes > 10_000_000
            assert licences.is_permissive(card.licence)
    assert len(client.VGG16.sha256) == 64


def test_the_list_follows_its_schema_and_says_what_is_cached(published: Hub, outpaint: Outpaint) -> None:
    before = rows(outpaint("models", "list", "--json").out)
    assert {"context-encoder", "pconv", "migan", "lama", "lama-int8", "telea", "patch", "vgg16"} <= set(
        before
    )
    assert (before["lama"]["cached"], before["pconv"]["cached"]) == (False, True)
    assert published.asked == [], "listing asks nothing"
    done = outpaint("models", "pull", "lama", "--json")
    assert (done.code, list(rows(done.out))) == (0, ["lama"])
    after = rows(outpaint("models", "list", "--json").out)
    assert after["lama"]["cached"] and Path(after["lama"]["path"]).is_file()
    assert rows(outpaint("models", "show", "lama", "--json").out)["lama"] == after["lama"]
    assert b"MIT" in outpaint("models", "show", "migan").out
    assert b"not fetched yet" in outpaint("models", "list").out


def test_pull_all_then_no_network_is_needed(
    published: Hub, outpaint: Outpaint, photo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo("a.png")
    monkeypatch.setattr("importlib.util.find_spec", _without_torch())
    done = outpaint("models", "pull", "--all")
    assert done.code == 0 and len(done.out.splitlines()) == 3, done.err
    published.down = True
    published.asked.clear()
    for name in ("migan", "lama-int8"):
        (event,) = outpaint("extend", "a.png", "-m", name, "--json", "--harmonize", "none", "-f").events
        assert (event["status"], event["model"]) == ("ok", name)
        assert len(event["revision"]) == 12
    assert published.asked == []


def _without_torch() -> Callable[..., object]:
    from importlib.util import find_spec

    return lambda name, *more: None if name == "torch" else find_spec(name, *more)


def test_after_a_pull_a_run_without_network_gives_the_same_bytes(
    hub: Hub, fresh: Callable[..., Any], photo: Any, tmp_path: Path
) -> None:
    photo("a.png", 120, 80)
    commit = hub.add("o/r", {"lama.onnx": standins.lama()})
    reference = f"hf://o/r@{commit}/lama.onnx"
    args = ("-m", reference, "-f", "--harmonize", "none")
    online = fresh("-m", "outpaint_cli", "extend", "a.png", *args, "-o", "1.png", HF_ENDPOINT=hub.url)
    assert online.returncode == 0, online.stderr
    assert "lama.onnx: fetching" in online.stderr
    offline = fresh("-c", NETWORKLESS, "extend", "a.png", *args, "-o", "2.png", "--offline")
    assert offline.returncode == 0, offline.stderr
    assert (tmp_path / "1.png").read_bytes() == (tmp_path / "2.png").read_bytes()
    forbidden = fresh("-c", NETWORKLESS, "extend", "a.png", "-m", "migan", "--offline")
    assert (forbidden.returncode, len(forbidden.stderr.splitlines())) == (4, 1)
    assert "model 'migan': it is not in the cache" in forbidden.stderr


def test_a_model_that_can_not_be_had_is_exit_code_4_and_keeps_no_other_from_coming(
    published: Hub, outpaint: Outpaint, photo: Any
) -> None:
    photo("a.png")
    published.repos["Carve/LaMa-ONNX"].fault = "flip"
    done = outpaint("extend", "a.png", "-m", "lama", "-q")
    assert (done.code, len(done.lines)) == (4, 1)
    assert "model 'lama': the Hub sends another file than hf://Carve/LaMa-ONNX@c3c0c9e46893/" in done.err
    done = outpaint("models", "pull", "lama", "migan", "nobody")
    assert done.code == 4
    assert done.out.count(b"\n") == 1 and b"migan" in done.out
    assert "nobody" in done.err and "lama" in done.err
    assert outpaint("models", "pull").code == outpaint("models", "pull", "--all", "lama").code == 2


def test_a_dry_run_fetches_nothing(published: Hub, outpaint: Outpaint, photo: Any) -> None:
    photo("a.png")
    done = outpaint("extend", "a.png", "-m", "migan", "-n")
    assert done.code == 0 and "model 'migan': would be fetched" in done.err
    done = outpaint("extend", "a.png", "-m", "hf://o/r/m.onnx", "-n", "--json")
    assert done.code == 0 and done.events[0]["status"] == "planned"
    assert published.asked == []


def test_verify_reads_everything(published: Hub, outpaint: Outpaint) -> None:
    assert outpaint("models", "verify").code == 0
    assert outpaint("models", "verify", "migan").code == 4, "not here"
    path = Path(outpaint("models", "pull", "migan").out.decode().strip())
    states = [json.loads(line) for line in outpaint("models", "verify", "--json").out.splitlines()]
    assert {row["name"]: row["state"] for row in states}["migan"] == "ok"
    data = path.read_bytes()
    path.resolve().write_bytes(data[:-1] + b"\0")
    done = outpaint("models", "verify", "migan", "pconv")
    assert done.code == 4
    assert b"migan  damaged: its sha256 is" in done.out and b"pconv  ok" in done.out
    assert outpaint("models", "pull", "migan").code == 0
    assert path.read_bytes() == data


def test_rm_removes_only_what_we_fetched(published: Hub, outpaint: Outpaint) -> None:
    from huggingface_hub import hf_hub_download

    published.add("o/r", {"m.onnx": standins.lama(1.0)})
    assert outpaint("models", "pull", "migan", "hf://o/r/m.onnx").code == 0
    theirs = registry.model_cards()["lama"][1].source
    assert isinstance(theirs, HubFile)
    path = hf_hub_download(theirs.repo, theirs.file, revision=theirs.revision, endpoint=published.url,
                           cache_dir=client.cache_folder())  # fmt: skip
    listed = rows(outpaint("models", "list", "--json").out)
    assert listed["hf://o/r/m.onnx"]["cached"] and listed["lama"]["cached"]
    done = outpaint("models", "rm", "lama")
    assert done.code == 4 and "was not fetched by outpaint" in done.err
    assert outpaint("models", "rm", "pconv").code == outpaint("models", "rm", "nobody").code == 2
    assert outpaint("models", "rm", "--all", "-n").out.count(b"would remove") == 2
    assert outpaint("models", "rm", "--all").code == 0
    listed = rows(outpaint("models", "list", "--json").out)
    assert not listed["migan"]["cached"] and "hf://o/r/m.onnx" not in listed
    assert Path(path).is_file()


def test_kept_things_are_listed_sized_and_removed(hub: Hub, outpaint: Outpaint, tmp_path: Path) -> None:
    pyramid = tmp_path / "cache" / "outpaint" / "singan" / "abc"
    pyramid.mkdir(parents=True)
    (pyramid / "scale-00.safetensors").write_bytes(bytes(1000))
    outputs = tmp_path / "outputs"
    (outputs / "sub" / ".outpaint").mkdir(parents=True)
    (outputs / "sub" / ".outpaint" / "journal.jsonl").write_text('{"output": "gone.png"}\n')
    run = outputs / "sub" / ".outpaint" / "run-1"
    run.mkdir()
    (run / "lock").touch()  # held by nobody
    (run / "0.tmp").write_bytes(bytes(500))
    killed, running = outputs / ".outpaint-999999999-0a.tmp", outputs / f".outpaint-{os.getpid()}-0b.tmp"
    for path in (killed, running):
        path.write_bytes(bytes(10))
        os.utime(path, (path.stat().st_mtime - 600,) * 2)
    listed = rows(outpaint("models", "list", "--json", "--outputs", "outputs").out)
    assert (listed["singan/abc"]["bytes"], listed["singan/abc"]["plugin"]) == (1000, "singan")
    assert listed["singan/abc"]["used"]
    gone = {name for name, row in listed.items() if row["role"] == "kept"}
    assert gone == {
        "singan/abc", "outputs/.outpaint-999999999-0a.tmp", "outputs/sub/.outpaint/run-1",
        "outputs/sub/.outpaint/journal.jsonl",
    }  # fmt: skip
    assert listed["outputs/sub/.outpaint/run-1"]["bytes"] == 500
    assert outpaint("models", "rm", "--outputs", "outputs").code == 0
    assert not killed.exists() and running.exists() and not (outputs / "sub" / ".outpaint").exists()
    assert pyramid.exists()
    assert "0.0 MB freed" in outpaint("models", "rm", "singan").err
    assert not pyramid.exists()


# ------------------------------------------------------------------------------------------ licences


@pytest.mark.parametrize("licence", ["cc-by-nc-4.0", None])
def test_a_licence_with_limits_is_accepted_once(
    hub: Hub, outpaint: Outpaint, photo: Any, licence: str | None
) -> None:
    photo("a.png")
    hub.add("o/r", {"m.onnx": standins.lama()}, licence=licence)
    done = outpaint("extend", "a.png", "-m", "hf://o/r/m.onnx", "-q")
    run = ("models", "pull", "hf://o/r/m.onnx")
    assert (done.code, len(done.lines)) == (4, 1)
    assert "--accept-licence once" in done.err and hub.url + "/o/r" in done.err
    assert (licence or "states no licence") in done.err
    assert hub.gets() == []
    assert outpaint(*run, "--accept-licence").code == 0
    client.forget(client.parse("hf://o/r/m.onnx"))
    assert outpaint(*run).code == 0
    hub.repos["o/r"].licence = "openrail"
    client.forget(client.parse("hf://o/r/m.onnx"))
    assert outpaint(*run).code == 4, "another licence is another question"


# ------------------------------------------------------------------------------------------- push


def test_push_publishes_a_model_with_its_card_and_it_comes_back(
    hub: Hub, outpaint: Outpaint, photo: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _, card = registry.model_cards()["pconv"]
    assert isinstance(card.source, Path)
    (tmp_path / "mine.onnx").write_bytes(card.source.read_bytes())
    done = outpaint("models", "push", "mine.onnx", "me/mine")
    assert done.code == 4 and "set HF_TOKEN" in done.err
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    done = outpaint("models", "push", "mine.onnx", "me/mine")
    assert done.code == 4 and "refuses (401)" in done.err
    monkeypatch.setenv("HF_TOKEN", GOOD_TOKEN)
    assert outpaint("models", "push", "mine.onnx", "me/mine", "--offline").code == 4
    done = outpaint("models", "push", "mine.onnx", "me/mine", "--private")
    assert done.code == 0, done.err
    reference = done.out.decode().strip()
    repo = hub.repos["me/mine"]
    assert repo.private and reference == f"hf://me/mine@{repo.refs['main']}/mine.onnx"
    files = repo.commits[repo.refs["main"]]
    assert set(files) == {"mine.onnx", "README.md"}
    assert files["mine.onnx"] == card.source.read_bytes()
    readme = files["README.md"].decode()
    assert "license: apache-2.0" in readme and card.sha256 in readme and "hf://me/mine/mine.onnx" in readme
    photo("a.png")
    own = outpaint("extend", "a.png", "-m", "pconv", "-o", "1.png", "--harmonize", "none")
    back = outpaint(
        "extend", "a.png", "-m", reference, "-o", "2.png", "--harmonize", "none", "--accept-licence"
    )
    assert own.code == back.code == 0, back.err
    assert (pixels(tmp_path / "1.png") == pixels(tmp_path / "2.png")).all()


def test_push_takes_a_card_and_a_message_of_ones_own(
    hub: Hub, outpaint: Outpaint, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_TOKEN", GOOD_TOKEN)
    (tmp_path / "m.onnx").write_bytes(standins.lama())
    (tmp_path / "card.md").write_text("---\nlicense: mit\n---\n# mine, über alles\n", encoding="utf-8")
    (tmp_path / "odd.md").write_bytes(b"\xff\xfe card")
    push = ("models", "push", "m.onnx", "me/m")
    done = outpaint(*push, "--card", "odd.md")
    assert (done.code, len(done.lines)) == (2, 1) and "odd.md" in done.err
    assert outpaint(*push, "--card", "gone.md").code == 2
    done = outpaint(*push, "--card", "card.md", "--message", "second training")
    assert done.code == 0, done.err
    repo = hub.repos["me/m"]
    assert repo.commits[repo.refs["main"]]["README.md"] == (tmp_path / "card.md").read_bytes()
    assert repo.messages == ["second training"]


def test_push_asks_for_a_licence_where_the_file_states_none(
    hub: Hub, outpaint: Outpaint, tmp_path: Path
) -> None:
    (tmp_path / "m.onnx").write_bytes(standins.lama())
    done = outpaint("models", "push", "m.onnx", "me/m")
    assert done.code == 2 and "--licence" in done.err
    assert outpaint("models", "push", "m.onnx", "nonsense").code == 2
    assert outpaint("models", "push", "gone.onnx", "me/m").code == 2


# -------------------------------------------------------------------------------------------- VGG16


def test_vgg16_comes_the_same_way(hub: Hub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save

    from outpaint_cli.training.features import VGG16, load_features

    source = client.VGG16.source
    assert isinstance(source, HubFile)
    torch.manual_seed(0)
    network = VGG16()
    data = save(network.state_dict())
    hub.add(source.repo, {source.file: data}, commit=source.revision)
    with pytest.raises(ModelError, match=r"VGG16.*it should be 57b026918159"):
        load_features()
    monkeypatch.setattr(client, "VGG16", replace(client.VGG16, sha256=sha256(data).hexdigest()))
    found = load_features("vgg16").state_dict()
    assert all(torch.equal(found[key], value) for key, value in network.state_dict().items())
    hub.down = True
    assert load_features(offline=True) is not None


def test_a_revision_names_the_content(hub: Hub) -> None:
    data = standins.lama()
    hub.add("o/r", {"m.onnx": data})
    ref = models.resolve("hf://o/r/m.onnx")
    assert (ref.name, ref.revision, ref.plugin) == ("hf://o/r/m.onnx", sha256(data).hexdigest()[:12], "hub")
