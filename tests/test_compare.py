"""outpaint compare: a folder a model, contact sheets, and the page with a column a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from outpaint_cli.commands._compare import default_out, parse_contenders
from outpaint_cli.plugin import UsageError
from outpaint_cli.report.sheet import GAP, WIDTH
from tests.browser import chromium, until
from tests.conftest import Outpaint, files
from tests.test_report import data
from tests.test_report_page import cards, opened


def test_two_models_on_sheets_and_one_page(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    for number in range(3):
        photo(f"in/{number}.png", seed=number)
    (tmp_path / "in" / "bad.png").write_bytes(b"x")
    done = outpaint("compare", "in", "-m", "reflect", "-m", "edge,patch", "--size", "90x60", "--per-sheet", 3)
    assert done.code == 3
    out = tmp_path / "in_compared"
    assert files(out) == [
        "edge+patch/0.png", "edge+patch/1.png", "edge+patch/2.png", "index.html",
        "reflect/0.png", "reflect/1.png", "reflect/2.png", "sheet-1.png", "sheet-2.png",
    ]  # fmt: skip
    assert done.out.decode().split() == [
        f"in_compared/{n}" for n in ("index.html", "sheet-1.png", "sheet-2.png")
    ]
    told = data(out / "index.html")
    assert told["columns"] == ["reflect", "edge, patch"]
    rows = {row["name"]: row["cells"] for row in told["rows"]}
    assert [cell["status"] for cell in rows["bad.png"]] == ["failed", "failed"]
    assert rows["0.png"][1]["output"] == "edge%2Bpatch/0.png" and rows["0.png"][1]["sharp"] > 0
    with Image.open(out / "sheet-2.png") as sheet:
        assert sheet.width == 3 * (WIDTH + GAP) + GAP
        own = np.asarray(sheet.convert("RGB"), np.float32)
    left, middle = (own[80:200, GAP + i * (WIDTH + GAP) + 70 :][:, :180] for i in (0, 1))
    assert np.abs(left - middle).mean() < 12  # the photo itself, in its place in both


def test_a_second_run_makes_nothing_again_and_drops_old_sheets(
    outpaint: Outpaint, photo: Any, tmp_path: Path
) -> None:
    for number in range(2):
        photo(f"in/{number}.png", seed=number)
    run = ("compare", "in", "-m", "reflect", "-m", "edge", "-o", "out", "--json")
    assert outpaint(*run, "--per-sheet", 1).summary["ok"] == 4
    assert {"sheet-1.png", "sheet-2.png"} <= set(files(tmp_path / "out"))
    again = outpaint(*run)
    assert again.summary["skipped"] == 4 and "sheet-2.png" not in files(tmp_path / "out")
    assert {event["model"] for event in again.events} == {"reflect", "edge"}
    assert data(tmp_path / "out" / "index.html")["rows"][0]["cells"][0]["after"]


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        ((), 2, "-m"),
        (("-m", "reflect", "-m", "gone"), 4, "no model 'gone'"),
        (("-m", "reflect,gone"), 4, "no harmonizer 'gone'"),
        (("-m", "reflect,"), 2, "MODEL,HARMONIZER"),
        (("-m", "reflect", "-m", "reflect"), 2, "twice"),
        (("-m", "reflect", "--variants", "2"), 2, "--variants"),
        (("-m", "reflect", "-o", "a.png"), 2, "is a file"),
        (("-m", "reflect", "--report", "r.txt"), 2, ".html"),
    ],
)  # fmt: skip
def test_wrong_calls_do_nothing(
    outpaint: Outpaint, photo: Any, tmp_path: Path, args: tuple[str, ...], code: int, told: str
) -> None:
    photo("a.png")
    done = outpaint("compare", "a.png", *args)
    assert (done.code, len(done.lines)) == (code, 1)
    assert told in done.err
    assert files(tmp_path) == ["a.png"]


def test_standard_input_and_dry_runs(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    photo("a.png")
    assert outpaint("compare", "-", "-m", "reflect").code == 2
    planned = outpaint("compare", "a.png", "-m", "reflect", "-m", "edge", "-n")
    assert planned.code == 0 and "a_compared/edge/a.png" in planned.err
    assert files(tmp_path) == ["a.png"]


def test_names_of_contenders_and_of_the_folder(tmp_path: Path) -> None:
    found = parse_contenders(["a/m.onnx", "b/m.onnx", "hf://o/r/x.onnx,none"])
    assert [one.label for one in found] == ["m", "m (2)", "x, none"]
    assert [one.folder for one in found] == ["m", "m-2", "x+none"]
    with pytest.raises(UsageError):
        parse_contenders([",patch"])
    (tmp_path / "photos").mkdir()
    assert default_out([f"{tmp_path}/photos/"]) == tmp_path / "photos_compared"
    assert default_out(["x/a.b.jpg"]) == Path("x/a.b_compared")
    assert default_out(["*.jpg"]) == default_out(["a", "b"]) == Path("compared")


def test_the_page_sorts_by_a_model_and_sets_two_side_by_side(
    outpaint: Outpaint, photo: Any, tmp_path: Path
) -> None:
    with chromium() as browser:
        for number in range(2):
            photo(f"in/{number}.png", seed=number)
        outpaint("compare", "in", "-m", "reflect", "-m", "edge", "-o", "out")
        page, odd = opened(browser, tmp_path / "out" / "index.html")
        assert cards(page) == ["0.png", "1.png"]
        assert page.locator(".card").first.locator("figure").count() == 2
        page.select_option("#column", "1")
        page.select_option("#sort", "sharp")
        cells = {
            row["name"]: row["cells"][1]["sharp"] for row in data(tmp_path / "out" / "index.html")["rows"]
        }
        assert cards(page) == sorted(cells, key=lambda name: cells[name])
        page.locator("button.view").first.click()
        page.select_option("#against", "1")
        until(page, "document.querySelector('#stage img.before').src.includes('/edge/')")
        page.context.close()
        assert not [url for url in odd if not url.startswith(("data:image/", tmp_path.as_uri()))]
