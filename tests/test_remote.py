"""URLs as inputs and outputs, against an S3-compatible server: what a run on files of this machine gives."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import bucket as store
from tests.bucket import NAME, SECRET, Bucket
from tests.conftest import Outpaint, files

QUICK = ("-m", "edge", "--harmonize", "none")
IN, OUT = f"s3://{NAME}/in", f"s3://{NAME}/out"


@pytest.fixture(scope="module")
def server() -> Iterator[Bucket]:
    with store.serve() as bucket:
        yield bucket


@pytest.fixture
def bucket(server: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """An empty bucket."""
    import s3fs

    for name, value in store.settings(server).items():
        monkeypatch.setenv(name, value)
    store.forget()
    yield server
    server.faults.clear()
    found = server.fs(s3fs).find(NAME)
    if found:
        server.fs(s3fs).rm(found)
    server.log.clear()


def fill(bucket: Bucket, photo: Any, tmp_path: Path, *names: str) -> None:
    """Photos on this machine, in in/, and the same in the bucket."""
    for number, name in enumerate(names):
        bucket.put(f"in/{name}", photo(f"in/{name}", 50 + number, 40, seed=number).read_bytes())
    bucket.log.clear()


def test_what_comes_out_is_what_comes_out_of_files(
    bucket: Bucket, outpaint: Outpaint, photo: Any, tmp_path: Path
) -> None:
    fill(
        bucket,
        photo,
        tmp_path,
        "b.png",
        "a.jpg",
        "sub/deep/c d.png",
        "sub/e.jpg",
        ".hidden/f.png",
        "g.txt.png",
    )
    bucket.put("in/notes.txt", b"no picture")
    bucket.put("in2/other.png", b"not asked for")
    local = outpaint("extend", "in", "-r", "-o", "plain", *QUICK, "-q")
    done = outpaint("extend", IN, "-r", "-o", OUT, *QUICK, "-q")
    assert (done.code, done.err) == (0, "")
    assert done.out.decode() == local.out.decode().replace("plain/", f"{OUT}/"), "the same, in the same order"
    expected = {name: (tmp_path / "plain" / name).read_bytes() for name in files(tmp_path / "plain")}
    assert bucket.files("out") == expected
    assert outpaint("extend", f"{IN}/*.png", "-o", "mixed", *QUICK, "-q").code == 0
    assert files(tmp_path / "mixed") == ["b.png", "g.txt.png"]
    assert outpaint("extend", "in/a.jpg", "-o", f"{OUT}/one.jpg", *QUICK).code == 0
    assert bucket.files("out")["one.jpg"] == expected["a.jpg"]
    web = f"{bucket.endpoint}/{NAME}/in/a.jpg?X-Amz-Signature=hunter2"
    done = outpaint("extend", web, "-o", "web", *QUICK, "--json")
    assert (tmp_path / "web" / "a.jpg").read_bytes() == expected["a.jpg"], done.err
    assert b"hunter2" not in done.out
    assert outpaint("extend", f"{IN}/a.jpg", *QUICK, "-q").out.decode() == f"{IN}/a_extended.jpg\n"


def test_a_second_run_fetches_no_picture_and_writes_nothing(
    bucket: Bucket, outpaint: Outpaint, photo: Any, tmp_path: Path
) -> None:
    fill(bucket, photo, tmp_path, "a.jpg", "b.jpg")
    run = ("extend", IN, "-o", OUT, "--json", *QUICK)
    assert outpaint(*run).summary["ok"] == 2
    assert not bucket.asked("HEAD", "/in/"), "the listing says it all"
    whole = [path for path in bucket.asked("PUT", "/out/") if ".outpaint" not in path]
    assert sorted(whole) == [f"/{NAME}/out/a.jpg", f"/{NAME}/out/b.jpg"], "one write an output"
    bucket.log.clear()
    assert outpaint(*run).summary["skipped"] == 2
    assert not bucket.asked("PUT", "")
    assert not bucket.asked("GET", ".jpg"), "nor any header"
    dry = outpaint(*run, "-n")
    assert [event["status"] for event in dry.events] == ["skipped"] * 2
    # What is stale is made again, and nothing else.
    bucket.put("in/a.jpg", photo("in/new.jpg", 70, 40, seed=9).read_bytes())
    done = outpaint(*run)
    assert {Path(e["input"]).name: e["status"] for e in done.events} == {"a.jpg": "ok", "b.jpg": "skipped"}
    assert outpaint(*run, "--scale", "2").summary["ok"] == 2
    assert len(bucket.journals("out")) == 1, "a run takes over what earlier ones noted"
    # What others put there is left alone, and told.
    bucket.put("out/a.jpg", b"another's")
    done = outpaint(*run)
    assert {Path(e["input"]).name: e["status"] for e in done.events} == {"a.jpg": "skipped", "b.jpg": "ok"}
    assert outpaint(*run, "--existing", "error").code == 3
    assert outpaint(*run, "-f").summary["ok"] == 2


def test_objects_whose_tag_is_no_checksum_are_known_by_it(
    bucket: Bucket, outpaint: Outpaint, photo: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As encrypted ones are."""
    monkeypatch.setattr("outpaint_cli.remote._server._md5", lambda info, tag: "")
    fill(bucket, photo, tmp_path, "a.png", "b.png")
    run = ("extend", IN, "-o", OUT, "--json", *QUICK)
    assert outpaint(*run).summary["ok"] == 2
    bucket.log.clear()
    assert outpaint(*run).summary["skipped"] == 2
    assert not bucket.asked("GET", ".png")


def test_a_store_that_knows_no_tags(photo: Any, tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    from outpaint_cli import extend_files

    memory = fsspec.filesystem("memory")
    for i in range(25):  # so many that the folder is listed
        memory.pipe_file(f"/in/{i}.png", photo(f"{i}.png", 30, 20, seed=i).read_bytes())
    for expected in ("ok", "skipped"):
        events = list(extend_files("memory://in", out="memory://out", model="edge", harmonize="none"))
        assert [event.status for event in events] == [expected] * 25
    assert len(memory.ls("/out", detail=False)) == 26
    memory.rm("/in", recursive=True), memory.rm("/out", recursive=True)


def test_shards_at_the_same_time_lose_nothing_of_each_other(
    bucket: Bucket, outpaint: Outpaint, photo: Any, tmp_path: Path
) -> None:
    names = [f"{i}.png" for i in range(8)]
    fill(bucket, photo, tmp_path, *names)
    command = [sys.executable, "-m", "outpaint_cli", "extend", IN, "-o", OUT, *QUICK, "-q", "--shard"]
    runs = [subprocess.Popen([*command, f"{part}/2"], stdout=subprocess.PIPE) for part in (1, 2)]
    made = [run.communicate()[0].split() for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    assert sorted(bucket.files("out")) == names
    assert len(made[0]) + len(made[1]) == 8
    assert len(bucket.journals("out")) == 2
    assert outpaint("extend", IN, "-o", OUT, *QUICK, "--json").summary["skipped"] == 8


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_killed_run_is_gone_on_with(bucket: Bucket, outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    names = [f"{i:02}.png" for i in range(12)]
    fill(bucket, photo, tmp_path, *names)
    bucket.put("out/00.png", b"another's")

    def stall(method: str, path: str) -> None:
        if method == "PUT" and "outpaint" not in path and len(bucket.asked("PUT", "/out/")) > 6:
            time.sleep(60)

    bucket.faults.append(stall)  # so that it is killed between two outputs
    command = [sys.executable, "-m", "outpaint_cli", "extend", IN, "-o", OUT, *QUICK, "-j", "1", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        done = [json.loads(run.stdout.readline()) for _ in range(4)]
        run.send_signal(signal.SIGKILL)
    bucket.faults.clear()
    made = [e["output"] for e in done if e["status"] == "ok"]
    assert made
    assert all(bucket.files("out").values()), "nothing partial"
    bucket.put("out/11.png", photo("later.png").read_bytes())  # another's, too
    second = outpaint("extend", IN, "-o", OUT, *QUICK, "--scale", "2", "--json")
    statuses = {Path(e["output"]).name: e["status"] for e in second.events}
    assert statuses == {name: "skipped" if name in ("00.png", "11.png") else "ok" for name in names}, (
        "what the killed run made and could not note is known as made by outpaint"
    )
    assert outpaint("extend", IN, "-o", OUT, *QUICK, "--scale", "2", "--json").summary["skipped"] == 12
    (journal,) = bucket.journals("out")
    assert journal.count('"fingerprint"') == 10


def test_what_is_missing_or_denied_is_told_in_one_line(
    bucket: Bucket, outpaint: Outpaint, photo: Any, tmp_path: Path
) -> None:
    fill(bucket, photo, tmp_path, "a.png", "b.png")
    (tmp_path / "list").write_text(f"{IN}/a.png\n{IN}/none.png\n")
    for words, code, told in (
        (("extend", "s3://no-such-bucket/in"), 2, "not there"),
        (("extend", f"{IN}/none.png"), 2, "not there"),
        (("extend", f"s3://{NAME}", "-r"), 2, "say with -o"),
        (("extend", f"{IN}/*.webp"), 2, "matches no file"),
        (("extend", "in", "-o", "s3://no-such-bucket/x"), 2, "no such bucket"),
        (("extend", "--from-file", "list", "-o", "listed"), 3, "no such file"),
        (("extend", "https://127.0.0.1:9/a.png?sig=x"), 3, "reached"),
        (("extend", "in", "-o", "https://127.0.0.1:9/x/"), 2, "can't write to https://"),
        (("extend", "nothing-known://x/y.png"), 2, "nothing-known"),
        (("extend", "--watch", IN), 2, "path of this machine"),
        (("extend", IN, "--offline"), 2, "--offline"),
        (("compare", IN, "-m", "edge", "-m", "reflect"), 2, "path of this machine"),
    ):
        done = outpaint(*words, *(QUICK if words[0] == "extend" else ()), "--json")
        assert (done.code, told in done.err) == (code, True), (words, done.err)
        assert len(done.lines) <= 2, done.err
    assert files(tmp_path / "listed") == ["a.png"]

    def deny(method: str, path: str) -> tuple[str, bytes] | None:
        return ("403 Forbidden", store.DENIED) if path.endswith(("in/b.png", "no/a.png")) else None

    bucket.faults.append(deny)
    done = outpaint("extend", IN, "-o", "mine", *QUICK)
    assert (done.code, "denied" in done.lines[0], f"{IN}/b.png" in done.lines[0]) == (3, True, True)
    assert files(tmp_path / "mine") == ["a.png"]
    done = outpaint("extend", "in/a.png", "-o", f"s3://{NAME}/no/a.png", *QUICK)
    assert (done.code, "denied" in done.lines[0]) == (3, True), done.err


def test_a_server_that_stumbles_is_asked_again_and_one_that_goes_stops_no_other(
    bucket: Bucket, outpaint: Outpaint, photo: Any, tmp_path: Path
) -> None:
    fill(bucket, photo, tmp_path, "a.png", "b.png", "c.png")
    stumbled: set[str] = set()

    def stumble(method: str, path: str) -> tuple[str, bytes] | None:
        if method in ("PUT", "GET") and path not in stumbled:
            stumbled.add(path)
            return "503 Slow Down", store.SLOW
        return None

    bucket.faults.append(stumble)
    assert outpaint("extend", IN, "-o", OUT, *QUICK, "--json").summary["ok"] == 3
    assert len(stumbled) > 6
    bucket.faults[:] = [
        lambda method, path: ("500 Gone", b"") if method == "PUT" and "b.png" in path else None
    ]
    done = outpaint("extend", IN, "-o", f"s3://{NAME}/out2", *QUICK, "--json")
    assert (done.code, done.summary["ok"], done.summary["failed"]) == (3, 2, 1)
    bucket.faults.clear()
    assert sorted(bucket.files("out2")) == ["a.png", "c.png"]
    done = outpaint("extend", IN, "-o", f"s3://{NAME}/out2", *QUICK, "--json")
    assert (done.summary["ok"], done.summary["skipped"]) == (1, 2)


def test_no_secret_is_told_anywhere(bucket: Bucket, outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    fill(bucket, photo, tmp_path, "a.png")
    said = []
    for words in (
        ("https://user:hunter2@127.0.0.1:9/a.png?X-Amz-Signature=hunter2",),
        (f"s3://user:hunter2@{NAME}/in/a.png", "-o", "o"),
        ("in", "-o", f"s3://user:hunter2@{NAME}/x"),
        (IN, "-o", OUT, "--report", "r.html"),
    ):
        for more in (("--json",), ("-v",), ("-n",)):
            done = outpaint("extend", *words, *QUICK, *more)
            said += [done.err, done.out.decode()]
    said.append(outpaint("https://user:hunter2@host/a.png").err)
    said.append((tmp_path / "r.html").read_text("utf-8"))
    said += [data.decode("latin-1") for data in bucket.files("out").values()] + bucket.journals("out")
    assert "photos/in/a.png" in "".join(said)
    for text in said:
        assert "hunter2" not in text, text
        assert SECRET not in text, text


def test_keys_that_are_no_paths_lead_nowhere(
    bucket: Bucket, outpaint: Outpaint, photo: Any, tmp_path: Path
) -> None:
    data = photo("a.png").read_bytes()
    for key in ("in/ok.png", "in/../../out.png", "in//etc/x.png"):
        bucket.put(key, data)
    done = outpaint("extend", IN, "-r", "-o", "here/out", *QUICK, "--json")
    assert (done.code, done.summary["ok"], done.summary["failed"]) == (3, 1, 2)
    assert files(tmp_path / "here") == ["out/ok.png"]


def test_masks_and_the_journal_are_found_there_too(
    bucket: Bucket, outpaint: Outpaint, photo: Any, tmp_path: Path
) -> None:
    from PIL import Image

    fill(bucket, photo, tmp_path, "a.jpg", "sub/b.jpg")
    for name, size in (("a.png", (50, 40)), ("sub/b.png", (51, 40))):
        mask = Image.new("L", size)
        mask.paste(255, (10, 10, 20, 20))
        (tmp_path / "masks" / name).parent.mkdir(parents=True, exist_ok=True)
        mask.save(tmp_path / "masks" / name)
        bucket.put(f"masks/{name}", (tmp_path / "masks" / name).read_bytes())
    run = ("inpaint", "-r", "-m", "telea", "--harmonize", "none", "--json")
    assert outpaint(*run, "in", "--mask", "masks", "-o", "plain").code == 0
    done = outpaint(*run, IN, "--mask", f"s3://{NAME}/masks", "-o", OUT)
    assert (done.code, done.err) == (0, "")
    assert bucket.files("out") == {
        name: (tmp_path / "plain" / name).read_bytes() for name in ("a.jpg", "sub/b.jpg")
    }
    # An output whose format holds no XMP: where the photo sits stands in the journal alone.
    bucket.put("bmp/p.bmp", photo("p.bmp").read_bytes())
    assert outpaint("extend", f"s3://{NAME}/bmp/p.bmp", "-o", f"s3://{NAME}/b/p.bmp", *QUICK).code == 0
    done = outpaint("harmonize", f"s3://{NAME}/b/p.bmp", "--method", "patch", "-o", "h.png")
    assert (done.code, (tmp_path / "h.png").exists()) == (0, True), done.err


def test_files_of_this_machine_need_nothing_of_it(photo: Any, tmp_path: Path) -> None:
    photo("a.png")
    code = (
        "import sys; sys.argv[1:] = ['extend', 'a.png', '-m', 'edge']\n"
        "from outpaint_cli.app import main\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "assert not {'fsspec', 's3fs', 'aiohttp', 'botocore'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)


def test_without_the_extra_it_is_named(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['s3fs'] = None\n"
        "sys.argv[1:] = ['extend', 's3://some-bucket/a.png']\n"
        "from outpaint_cli.app import main\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "outpaint-cli[remote]" in done.stderr
