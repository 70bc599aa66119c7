"""--report: what is written, when, and where; how it looks and works in a browser is in test_report_page.py."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from outpaint_cli.report.page import as_script_data, build, escape
from tests.conftest import Outpaint, files

M = ("-m", "reflect")


def data(page: Path) -> dict[str, Any]:
    """What the page's script reads."""
    found = re.search(
        r'<script type="application/json" id="data">(.*?)</script>', page.read_text(), re.DOTALL
    )
    assert found
    return json.loads(found[1])


def test_a_page_tells_results_failures_settings_model_and_machine(
    outpaint: Outpaint, photo: Any, tmp_path: Path
) -> None:
    photo("in/a.png")
    photo("in/sub/b.jpg", seed=1)
    (tmp_path / "in/bad.png").write_bytes(b"x")
    done = outpaint("extend", "in", "-r", "-o", "out", "--report", "pages/r.html", "--size", "90x80", *M)
    assert done.code == 3
    page = tmp_path / "pages" / "r.html"
    told = data(page)
    assert told["summary"] | {"seconds": 0} == {
        "ok": 2,
        "skipped": 0,
        "failed": 1,
        "flagged": 0,
        "seconds": 0,
    }
    cells = {row["name"]: row["cells"][0] for row in told["rows"]}
    assert set(cells) == {"a.png", "sub/b.jpg", "bad.png"}
    good, bad = cells["sub/b.jpg"], cells["bad.png"]
    assert good["output"] == "../out/sub/b.jpg" and good["input"] == "../in/sub/b.jpg"
    assert good["before"] and good["after"] and good["seam"] > 0 and good["sharp"] > 0
    assert good["at"] == pytest.approx([15 / 90, 20 / 80, 60 / 90, 40 / 80], abs=1e-4)
    assert "not a picture" in bad["error"] and bad.get("after") is None and bad["output"] is None
    text = page.read_text()
    for wanted in ("90x80", "reflect", "Python", "numpy", "--report pages/r.html"):
        assert wanted in text
    assert str(tmp_path) not in text
    assert files(tmp_path / "pages") == ["r.html"]


def test_skipped_outputs_are_on_the_page_and_not_made_again(
    outpaint: Outpaint, photo: Any, tmp_path: Path
) -> None:
    photo("a.png")
    outpaint("extend", "a.png", *M)
    done = outpaint("extend", "a.png", "--report", "r.html", "--json", *M)
    assert done.summary["skipped"] == 1
    cell = data(tmp_path / "r.html")["rows"][0]["cells"][0]
    assert cell["status"] == "skipped" and cell["after"] and cell["reason"]


def test_inpaint_and_harmonize_write_pages(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    from PIL import Image

    photo("a.png")
    mask = Image.new("L", (60, 40))
    mask.paste(255, (20, 10, 40, 30))
    mask.save(tmp_path / "mask.png")
    assert outpaint("inpaint", "a.png", "--mask", "mask.png", "-m", "telea", "--report", "i.html").code == 0
    assert data(tmp_path / "i.html")["rows"][0]["cells"][0]["at"] == [0, 0, 1, 1]
    outpaint("extend", "a.png", "-o", "rough.png", "--harmonize", "none", *M)
    assert outpaint("harmonize", "rough.png", "--method", "patch", "--report", "h.html").code == 0
    assert data(tmp_path / "h.html")["rows"][0]["cells"][0]["at"] == [0, 0, 1, 1]
    assert "harmonizer" in (tmp_path / "h.html").read_text()


@pytest.mark.parametrize(
    ("name", "told"),
    [("r.txt", ".html"), ("a.png", ".html"), ("folder.html", "folder"), ("a.png/r.html", "can't be made")],
)
def test_a_page_that_can_not_be_written_is_refused_before_any_work(
    outpaint: Outpaint, photo: Any, tmp_path: Path, name: str, told: str
) -> None:
    photo("a.png")
    (tmp_path / "folder.html").mkdir()
    done = outpaint("extend", "a.png", "--report", name, *M)
    assert (done.code, len(done.lines)) == (2, 1)
    assert told in done.err
    assert files(tmp_path) == ["a.png"]


def test_a_dry_run_writes_no_page(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    photo("a.png")
    assert outpaint("extend", "a.png", "-n", "--report", "r.html", *M).code == 0
    assert files(tmp_path) == ["a.png"]


def test_a_model_that_is_not_there_leaves_an_old_page_alone(
    outpaint: Outpaint, photo: Any, tmp_path: Path
) -> None:
    photo("a.png")
    (tmp_path / "r.html").write_text("old")
    assert outpaint("extend", "a.png", "-m", "gone", "--report", "r.html").code == 4
    assert (tmp_path / "r.html").read_text() == "old"


@pytest.mark.skipif(os.name != "posix", reason="SIGINT to a child")
def test_after_ctrl_c_the_page_has_what_was_done(photo: Any, tmp_path: Path) -> None:
    for number in range(40):
        photo(f"in/{number}.png", 600, 400, seed=number)
    command = [
        sys.executable,
        "-m",
        "outpaint_cli",
        "extend",
        "in",
        "-o",
        "out",
        "--report",
        "r.html",
        "-q",
        "-j",
        "1",
        *M,
    ]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=120)
    assert process.returncode == 130
    told = data(tmp_path / "r.html")
    made = len(list((tmp_path / "out").glob("*.png")))
    assert told["stopped"] and told["summary"]["ok"] == len(told["rows"]) == made
    assert 0 < made < 40
    assert not list(tmp_path.glob(".outpaint-*"))


def test_names_can_not_break_out_of_the_page() -> None:
    nasty = "</script><script>alert(1)</script><!--\u2028\udcff"
    text = as_script_data({"name": nasty})
    assert "<" not in text and text.isascii()
    assert json.loads(text) == {"name": nasty}
    page = build(nasty, {"Settings": {nasty: nasty}}, {"rows": []}).decode("utf-8")
    assert page.count("<script") == 2 and "alert(1)</script>" not in page
    assert escape("\udcff<") == "?&lt;"
    assert "default-src &#x27;none&#x27;" in page and "unsafe" not in page.split("<style>")[0]


def test_many_thumbnails_keep_the_page_small(outpaint: Outpaint, tmp_path: Path) -> None:
    from tests.conftest import EXAMPLES

    assert outpaint("extend", EXAMPLES / "china.jpg", "-o", "c.jpg", "--report", "r.html", *M).code == 0
    told = data(tmp_path / "r.html")["rows"][0]["cells"][0]
    assert len(told["before"]) + len(told["after"]) < 40_000  # 2,000 of them: 80 MB
