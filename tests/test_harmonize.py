"""outpaint harmonize and --guide, through the real command."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from outpaint_cli import picture, registry
from outpaint_cli.plugin import Context, Harmonized, HarmonizeJob, Plugin, Rect
from tests.conftest import Outpaint, files, pixels

M = ("--method", "green")


class Green:
    """Paints all but the known pixels green, and remembers what it was asked."""

    device = "cpu"

    def __init__(self) -> None:
        self.jobs: list[HarmonizeJob] = []

    def harmonize(self, job: HarmonizeJob, ctx: Context) -> Harmonized:
        self.jobs.append(job)
        image = np.zeros_like(job.image)
        image[..., 1] = np.iinfo(image.dtype).max
        return Harmonized(image, {"jobs": len(self.jobs)})


class Lens(Green):
    """Can enlarge, too: pixels repeat."""

    def upscale(self, job: HarmonizeJob, factor: float, ctx: Context) -> Harmonized:
        self.jobs.append(job)
        rows, columns = (
            np.arange(int(side * factor + 0.5)) * side // int(side * factor + 0.5) for side in job.known.shape
        )
        return Harmonized(job.image[np.ix_(rows, columns)], {"jobs": len(self.jobs)})


@pytest.fixture(autouse=True)
def lens() -> Lens:
    return Lens()


@pytest.fixture(autouse=True)
def green(monkeypatch: pytest.MonkeyPatch, lens: Lens) -> Green:
    one = Green()
    plugin = Plugin("green", harmonizers={"green": lambda ctx: one, "lens": lambda ctx: lens})
    found = (*registry.find_plugins(), registry.Found("green", "green 1", plugin))
    monkeypatch.setattr(registry, "find_plugins", lambda: found)
    return one


def extended(outpaint: Outpaint, photo: Any, *args: object, name: str = "in/a.png") -> None:
    photo(name)
    assert outpaint("extend", "in", "-o", "out", "-m", "edge", *args).code == 0


# ------------------------------------------------------------------------------- where the photo sits


def test_outputs_of_extend_say_where_the_photo_sits(
    outpaint: Outpaint, photo: Any, tmp_path: Path, green: Green
) -> None:
    extended(outpaint, photo, "--pad", "1,2,3,4")
    (event,) = outpaint("harmonize", "out", "--json", *M).events
    assert event["status"] == "ok"
    assert event["output"] == str(Path("out_harmonized") / "a.png")
    assert event["source"] == {"x": 1, "y": 2, "width": 60, "height": 40}
    assert (event["harmonizer"], event["device"], event["core_exact"]) == ("green", "cpu", True)
    out, before = pixels(tmp_path / "out_harmonized" / "a.png"), pixels(tmp_path / "out" / "a.png")
    at = Rect(**event["source"])
    assert np.array_equal(out[at.slices()], before[at.slices()])
    ring = np.ones(out.shape[:2], bool)
    ring[at.slices()] = False
    assert (out[ring] == (0, 255, 0)).all()
    assert picture.read_photo_rect(tmp_path / "out_harmonized" / "a.png") == at
    assert green.jobs[0].photo == at


def test_without_xmp_the_journal_says_it_of_sub_folders_too(
    outpaint: Outpaint, photo: Any, tmp_path: Path
) -> None:
    extended(outpaint, photo, "-r", "--format", "png", name="in/sub/a.bmp")
    made = tmp_path / "out" / "sub" / "a.png"
    with Image.open(made) as image:
        bare = image.copy()
    bare.save(made)  # what an editor without XMP does
    (event,) = outpaint("harmonize", "out", "-r", "--json", *M).events
    assert event["source"] == {"x": 15, "y": 10, "width": 60, "height": 40}


def test_source_and_mask_say_it_for_any_picture(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    source = photo("a.png")
    (event,) = outpaint("harmonize", source, "--source", "5,6,20,30", "--json", *M).events
    assert event["source"] == {"x": 5, "y": 6, "width": 20, "height": 30}
    mask = np.full((40, 60), 255, np.uint8)
    mask[6:36, 5:25] = 0
    for name, values, invert in (("m.png", mask, ()), ("i.png", 255 - mask, ("--mask-invert",))):
        Image.fromarray(values).save(tmp_path / name)
        (event,) = outpaint("harmonize", source, "--mask", name, *invert, "-f", "--json", *M).events
        assert event["source"] == {"x": 5, "y": 6, "width": 20, "height": 30}
        out = pixels(tmp_path / "a_harmonized.png")
        assert np.array_equal((out == (0, 255, 0)).all(2), mask > 0)
        assert np.array_equal(out[mask == 0], pixels(source)[mask == 0])


def test_how_coarse_the_guess_is_reaches_the_harmonizer(outpaint: Outpaint, photo: Any, green: Green) -> None:
    photo("in/a.png", 300, 200)
    assert outpaint("extend", "in", "-o", "rough", "--harmonize", "none").code == 0
    assert outpaint("extend", "in", "-o", "done").code == 0
    for folder in ("rough", "done"):
        assert outpaint("harmonize", folder, *M).code == 0
    rough, done = green.jobs
    assert rough.scale > 3
    assert done.scale == 1


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (("--upscale", "0.5", *M), 2, "--upscale"),
        (("--upscale", "nan", *M), 2, "--upscale"),
        (("--upscale", "9", "--method", "lens"), 2, "--upscale"),
        (("--method", "none"), 2, "green"),
        (("--method", "nobody"), 4, "no harmonizer 'nobody'"),
        (M, 3, "--source"),
        ((*M, "--source", "1,2,3"), 2, "--source"),
        ((*M, "--source", "1,2,0,5"), 2, "--source"),
        ((*M, "--source", "50,0,20,20"), 3, "60x40"),
        ((*M, "--source", "1,2,3,4", "--mask", "a.png"), 2, "--mask"),
        ((*M, "--mask", "gone.png"), 2, "gone.png"),
        ((*M, "--mask-invert"), 2, "--mask"),
    ],
)
def test_what_can_not_be_done_is_told_in_one_line(
    outpaint: Outpaint, photo: Any, args: tuple[str, ...], code: int, says: str, tmp_path: Path
) -> None:
    photo("a.png")
    done = outpaint("harmonize", "a.png", *args, "-q")
    assert (done.code, len(done.lines)) == (code, 1)
    assert says in done.err
    assert files(tmp_path) == ["a.png"]


def test_a_picture_that_was_cropped_since_is_refused(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    extended(outpaint, photo)
    made = tmp_path / "out" / "a.png"
    kept = picture.read(made)
    kept.pixels = kept.pixels[:50]
    made.write_bytes(picture.encode(kept, format="PNG", xmp=kept.xmp).data)
    done = outpaint("harmonize", "out", "--json", *M)
    assert done.code == 3
    assert "changed since" in done.events[0]["error"]["message"]


def test_nothing_generated_is_copied(outpaint: Outpaint, photo: Any, tmp_path: Path, green: Green) -> None:
    extended(outpaint, photo, "--scale", "1")
    (event,) = outpaint("harmonize", "out", "--json", *M).events
    assert (event["status"], event["info"]["copied"]) == ("ok", True)
    assert (tmp_path / "out_harmonized" / "a.png").read_bytes() == (tmp_path / "out" / "a.png").read_bytes()
    assert not green.jobs


# ------------------------------------------------------------------------------------------- enlarging


def test_upscale_enlarges_the_finished_picture(
    outpaint: Outpaint, photo: Any, tmp_path: Path, lens: Lens
) -> None:
    photo("in/a.png", 300, 200)
    assert outpaint("extend", "in", "-o", "out", "--pad", "5,7,0,0", "--harmonize", "none").code == 0
    run = ("harmonize", "out", "--json", "--method", "lens")
    (event,) = outpaint(*run, "--upscale", "1.5", "-n").events
    assert (event["status"], event["width"], event["height"]) == ("planned", 458, 311)
    (event,) = outpaint(*run, "--upscale", "1.5").events
    assert (event["status"], event["width"], event["height"]) == ("ok", 458, 311)
    assert event["source"] == {"x": 8, "y": 11, "width": 450, "height": 300}
    assert event["core_exact"] is False
    assert event["info"]["upscaled"] == 1.5
    finished, enlarged = lens.jobs
    known = enlarged.known
    assert np.array_equal(enlarged.image[known], finished.image[known])
    assert (enlarged.image[~known] == (0, 255, 0)).all()
    assert (finished.scale > 1, enlarged.scale) == (True, 1)
    made = tmp_path / "out_harmonized" / "a.png"
    assert pixels(made).shape == (311, 458, 3)
    noted = picture.read_photo_properties(made)
    assert (noted["PhotoX"], noted["FrameWidth"], noted["Upscaled"]) == ("8", "458", "1.5")
    assert "GuessStep" not in noted
    journal = (tmp_path / "out_harmonized" / ".outpaint" / "journal.jsonl").read_text()
    assert json.loads(journal)["upscaled"] == 1.5
    assert outpaint(*run, "--upscale", "1.5").summary["skipped"] == 1
    assert outpaint(*run, "--upscale", "2").events[0]["width"] == 610
    assert outpaint(*run).events[0]["width"] == 305


def test_upscale_keeps_depth_alpha_and_colours_and_does_without_a_gap(
    outpaint: Outpaint, tmp_path: Path, lens: Lens
) -> None:
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 65536, (40, 60), np.uint16)).save(tmp_path / "grey.png")
    Image.fromarray(rng.integers(0, 256, (40, 60, 4), np.uint8), "RGBA").save(tmp_path / "alpha.png")
    Image.fromarray(rng.integers(0, 256, (40, 60, 4), np.uint8), "CMYK").save(tmp_path / "ink.tif")
    run = ("--json", "-o", "out/", "--method", "lens", "--upscale", "2")
    for name in ("grey.png", "alpha.png", "ink.tif"):
        assert outpaint("harmonize", name, "--source", "9,9,30,20", *run).summary["ok"] == 1
        before, made = picture.read(tmp_path / name), picture.read(tmp_path / "out" / name)
        assert (made.width, made.height, made.mode) == (120, 80, before.mode)
        assert made.pixels.dtype == before.pixels.dtype
        assert (made.alpha is None) == (before.alpha is None)
        if before.alpha is not None and made.alpha is not None:
            small = made.alpha.reshape(40, 2, 60, 2).mean((1, 3))
            assert np.abs(small - before.alpha).mean() < 40
            assert np.array_equal(made.pixels[18:58:2, 18:78:2], before.pixels[9:29, 9:39])
    lens.jobs.clear()
    assert outpaint("harmonize", "alpha.png", "--source", "0,0,60,40", "-f", *run).summary["ok"] == 1
    assert len(lens.jobs) == 1  # nothing to finish, all to enlarge


def test_a_harmonizer_that_can_not_enlarge_is_refused_by_name(
    outpaint: Outpaint, photo: Any, tmp_path: Path
) -> None:
    extended(outpaint, photo)
    done = outpaint("harmonize", "out", "--upscale", "2", *M, "-q")
    assert (done.code, len(done.lines)) == (2, 1)
    assert "'green'" in done.err
    assert "lens" in done.err.split("--method")[1]
    assert not (tmp_path / "out_harmonized").exists()


# --------------------------------------------------------------------------------- the common options


def test_depth_alpha_and_other_colours_keep_their_known_pixels(
    outpaint: Outpaint, tmp_path: Path, green: Green
) -> None:
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 65536, (40, 60), np.uint16)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    Image.fromarray(rng.integers(0, 256, (40, 60, 4), np.uint8), "RGBA").save(tmp_path / "alpha.png")
    Image.fromarray(rng.integers(0, 256, (40, 60, 4), np.uint8), "CMYK").save(tmp_path / "ink.tif")
    for name in ("grey.png", "alpha.png", "ink.tif"):
        (event,) = outpaint("harmonize", name, "--source", "9,9,30,20", "--json", "-o", "out/", *M).events
        assert event["core_exact"] is True
        a, b = picture.read(tmp_path / name), picture.read(tmp_path / "out" / name)
        assert a.pixels.dtype == b.pixels.dtype
        assert np.array_equal(a.pixels[9:29, 9:39], b.pixels[9:29, 9:39])
        assert not np.array_equal(a.pixels, b.pixels)
        assert (a.alpha is None) == (b.alpha is None)
        if a.alpha is not None and b.alpha is not None:
            assert np.array_equal(a.alpha, b.alpha)
    assert green.jobs[0].image.dtype == np.uint16


def test_skip_dry_run_and_variants(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    extended(outpaint, photo)
    run = ("harmonize", "out", "--json", *M)
    dry = outpaint(*run, "-n")
    assert [e["status"] for e in dry.events] == ["planned"]
    assert not (tmp_path / "out_harmonized").exists()
    assert outpaint(*run).summary["ok"] == 1
    assert outpaint(*run).summary["skipped"] == 1
    assert outpaint(*run, "-n").summary["skipped"] == 1
    assert outpaint(*run, "--seed", "4", "-n").events[0]["info"] == {"replaces": True}
    assert outpaint(*run, "--variants", "2").summary["ok"] == 2
    assert files(tmp_path / "out_harmonized") == ["a.png", "a_v1.png", "a_v2.png"]


def test_the_mask_counts_in_what_is_stale(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    photo("a.png")
    run = ("harmonize", "a.png", "--mask", "m.png", "--json", *M)
    for level, status in ((10, "ok"), (10, "skipped"), (20, "ok")):
        mask = np.zeros((40, 60), np.uint8)
        mask[:level] = 255
        Image.fromarray(mask).save(tmp_path / "m.png")
        assert outpaint(*run).events[0]["status"] == status


def test_patch_works_on_standard_input(outpaint: Outpaint, photo: Any, tmp_path: Path) -> None:
    photo("a.png", 90, 60)
    assert outpaint("extend", "a.png", "--harmonize", "none").code == 0
    given = (tmp_path / "a_extended.png").read_bytes()
    command = [sys.executable, "-m", "outpaint_cli", "harmonize", "-", "--method", "patch"]
    done = subprocess.run(command, input=given, capture_output=True, cwd=tmp_path, check=True)
    (tmp_path / "b.png").write_bytes(done.stdout)
    at = picture.read_photo_rect(tmp_path / "b.png")
    assert at == picture.read_photo_rect(tmp_path / "a_extended.png")
    assert at is not None
    assert np.array_equal(pixels(done.stdout)[at.slices()], pixels(tmp_path / "a.png"))
    assert not np.array_equal(pixels(done.stdout), pixels(given))


def test_a_harmonizer_on_the_cpu_is_no_silent_fallback(
    outpaint: Outpaint, photo: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from outpaint_cli import runtime

    monkeypatch.setattr(runtime, "check_device", lambda device: None)
    photo("a.png")
    done = outpaint("harmonize", "a.png", "--source", "0,0,9,9", "--device", "cuda", *M)
    assert (done.code, len(done.lines)) == (5, 1)
    assert "green" in done.err


def test_a_harmonizers_progress_is_shown_on_a_terminal(
    photo: Any, green: Green, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from outpaint_cli.batch.discover import discover
    from outpaint_cli.batch.kinds.harmonize import Harmonize
    from outpaint_cli.batch.pipeline import Run
    from outpaint_cli.batch.plan import make_plan
    from outpaint_cli.batch.settings import Settings
    from outpaint_cli.commands._report import Reporter

    def slow(job: HarmonizeJob, ctx: Context) -> Harmonized:
        ctx.progress(0.25, "growing [moss]")
        return Harmonized(job.image)

    monkeypatch.setattr(green, "harmonize", slow)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    settings, kind = Settings(harmonize="green"), Harmonize(Rect(0, 0, 20, 20))
    tasks = make_plan(discover([str(photo("a.png"))]), settings, kind)
    reporter = Reporter(1, doing="harmonizing", quiet=False, as_json=False, verbose=False, stdout_taken=False)
    told = []

    def progress(name: str, share: float, what: str) -> None:
        reporter.progress(name, share, what)
        told.append(reporter._progress.tasks[0].description)

    assert [e.status for e in Run(settings, kind, progress=progress).run(tasks)] == ["ok"]
    reporter.close()
    assert told == ["harmonizing (a.png: growing [moss] 25%)"]


# ---------------------------------------------------------------------------------------------- guides


def test_guides_reach_the_harmonizer_in_the_photos_depth(
    outpaint: Outpaint, photo: Any, tmp_path: Path, green: Green
) -> None:
    photo("guides/b.png", 30, 20, seed=1), photo("guides/c.jpg", 20, 30, seed=2)
    deep = np.random.default_rng(0).integers(0, 65536, (40, 60), np.uint16)
    Image.fromarray(deep).save(tmp_path / "a.png")
    run = ("extend", "a.png", "-m", "edge", "--harmonize", "green", "--json")
    assert outpaint(*run, "--guide", "guides", "--guide", "guides/*.png").summary["ok"] == 1
    (job,) = green.jobs
    assert [g.shape for g in job.guides] == [(20, 30, 3), (30, 20, 3)]
    assert {g.dtype for g in job.guides} == {np.dtype(np.uint16)}
    assert np.array_equal(job.guides[0] // 257, pixels(tmp_path / "guides" / "b.png"))
    assert outpaint(*run, "--guide", "guides").summary["skipped"] == 1
    assert outpaint(*run).summary["ok"] == 1  # without them it is another picture
    photo("guides/b.png", 30, 20, seed=3)
    assert outpaint(*run, "--guide", "guides").summary["ok"] == 1


def test_a_photo_is_no_guide_to_itself(outpaint: Outpaint, photo: Any, tmp_path: Path, green: Green) -> None:
    shutil.copy(photo("in/a.png"), tmp_path / "copy.png")
    photo("in/b.png", seed=1)
    run = ("extend", "in", "-m", "edge", "--harmonize", "green", "--guide", "in", "--guide", "copy.png")
    assert outpaint(*run).code == 0
    assert [len(job.guides) for job in green.jobs] == [1, 1]


def test_guides_want_a_harmonizer_even_after_a_model_that_needs_none(outpaint: Outpaint, photo: Any) -> None:
    photo("a.png", 90, 60), photo("b.png", 90, 60, seed=1)
    (event,) = outpaint("extend", "a.png", "-m", "edge", "--guide", "b.png", "--json").events
    assert event["harmonizer"] == "patch"
    refused = outpaint("extend", "a.png", "--harmonize", "none", "--guide", "b.png")
    assert (refused.code, len(refused.lines)) == (2, 1)


@pytest.mark.parametrize("guide", ["gone.png", "*.gone", "bad.png", "empty"])
def test_a_bad_guide_is_told_before_any_work(
    outpaint: Outpaint, photo: Any, tmp_path: Path, guide: str
) -> None:
    photo("a.png")
    (tmp_path / "bad.png").write_bytes(b"no picture")
    (tmp_path / "empty").mkdir()
    done = outpaint("extend", "a.png", "--guide", guide)
    assert (done.code, len(done.lines)) == (2, 1)
    assert guide in done.err
    assert "a_extended.png" not in files(tmp_path)


# ------------------------------------------------------------------------------ scores, already there


def test_strict_flags_what_an_earlier_run_flagged(outpaint: Outpaint, photo: Any) -> None:
    photo("in/a.png", 128, 96)
    run = ("extend", "in", "-m", "edge", "--min-score", "0.999", "--strict", "--json")
    assert outpaint("extend", "in", "-m", "edge", "--json").summary["ok"] == 1
    first = outpaint(*run)  # its scores were not asked for before
    assert (first.code, first.summary["ok"], first.summary["flagged"]) == (3, 1, 1)
    again = outpaint(*run)
    assert (again.code, again.summary["skipped"], again.summary["flagged"]) == (3, 1, 1)
    assert json.dumps(again.events[0]["scores"])
    lenient = outpaint("extend", "in", "-m", "edge", "--min-score", "0", "--strict", "--json")
    assert (lenient.code, lenient.summary["skipped"]) == (0, 1)
