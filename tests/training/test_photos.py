"""Photos, masks, and the data of a step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from outpaint_cli.plugin import UsageError
from outpaint_cli.training import masks
from outpaint_cli.training.material import gather
from outpaint_cli.training.options import Cap, TrainOptions
from outpaint_cli.training.photos import Photos, list_hash, list_photos, vary_light
from outpaint_cli.training.sheets import sheet


def quiet(share: float, what: str) -> None:
    pass


def photos(folder: Path, tmp_path: Path, sides=(48, 64)) -> Photos:
    return Photos.cached(folder, list_photos(folder), sides, tmp_path / "cache", quiet)


def test_a_folder_is_searched_with_its_sub_folders(photo_folder: Path):
    names = list_photos(photo_folder)
    assert len(names) == 12 and "more/own_9.png" in names and names == sorted(names)
    assert list_hash(photo_folder, names) != list_hash(photo_folder, names[1:])


def test_a_folder_without_photos_is_a_wrong_call(tmp_path: Path):
    with pytest.raises(UsageError, match="no photos"):
        list_photos(tmp_path)
    with pytest.raises(UsageError, match="no such folder"):
        list_photos(tmp_path / "none")


def test_copies_are_made_once_and_read_again(photo_folder: Path, tmp_path: Path):
    first = photos(photo_folder, tmp_path)
    files = sorted((tmp_path / "cache").iterdir())
    stamps = [file.stat().st_mtime_ns for file in files]
    again = photos(photo_folder, tmp_path)
    assert [f.stat().st_mtime_ns for f in files] == stamps and len(files) == 2
    assert first.names == again.names
    assert [[min(c.shape[:2]) for c in copies] for copies in again.copies] == [[48, 64]] * 12
    assert np.array_equal(first.copies[3][1], again.copies[3][1])


def test_a_photo_is_not_blown_up(photo_folder: Path, tmp_path: Path):
    found = photos(photo_folder, tmp_path, (48, 190))  # short sides are 140 and 150
    assert {len(copies) for copies in found.copies} == {1, 2}


def test_broken_files_are_left_out(photo_folder: Path, tmp_path: Path):
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "a.png").write_bytes((photo_folder / "web_1.png").read_bytes())
    (folder / "b.jpg").write_bytes(b"no picture")
    assert photos(folder, tmp_path).names == ["a.png"]
    (folder / "a.png").unlink()
    with pytest.raises(UsageError, match="none of its 1 photos"):
        photos(folder, tmp_path)


def test_crops_depend_on_the_seed_alone(photo_folder: Path, tmp_path: Path):
    found = photos(photo_folder, tmp_path)
    everything = found.shares((), 0)
    a, b, c = (found.crops(np.random.default_rng(s), 6, 40, 48, everything) for s in (1, 1, 2))
    assert a.shape == (6, 40, 48, 3) and a.dtype == np.uint8
    assert np.array_equal(a, b) and not np.array_equal(a, c)


def test_crops_larger_than_all_photos_are_refused(photo_folder: Path, tmp_path: Path):
    found = photos(photo_folder, tmp_path)
    with pytest.raises(UsageError, match="too small for crops of 300x300"):
        found.crops(np.random.default_rng(0), 1, 300, 300, found.shares((), 0))


def test_caps_hold_and_the_rest_shares_what_is_left():
    found = Photos([f"web_{i}" for i in range(8)] + ["own_1", "own_2", "old_1", "old_2"], [[]] * 12)
    cap = Cap.parse("web_=0.4")
    shares = {found.names[group[0]][:3]: share for group, share in found.shares([cap], 0)}
    assert shares == {"web": pytest.approx(0.4), "own": pytest.approx(0.6)}  # own and old are one group
    assert sorted(len(group) for group, _ in found.shares([cap], 0)) == [4, 8]
    # a cap that is not reached does nothing
    assert {len(g): s for g, s in found.shares([Cap("web_", 0.9)], 0)}[8] == pytest.approx(2 / 3)


def test_what_one_cap_gives_up_may_meet_another():
    found = Photos([f"a_{i}" for i in range(6)] + ["b_1", "b_2", "c_1", "c_2"], [[]] * 10)
    shares = {found.names[g[0]][0]: s for g, s in found.shares([Cap("a_", 0.2), Cap("b_", 0.3)], 0)}
    assert shares == {"a": pytest.approx(0.2), "b": pytest.approx(0.3), "c": pytest.approx(0.5)}


def test_a_cap_may_begin_late_and_leave_photos_out():
    found = Photos(["web_1", "own_1"], [[], []])
    caps = [Cap.parse("web_=0.4"), Cap.parse("web_=0@0.8")]
    assert len(found.shares(caps, 0.79)) == 2
    assert found.shares(caps, 0.8) == [([1], 1.0)]
    with pytest.raises(UsageError, match="no photos to train on"):
        Photos(["web_1"], [[]]).shares(caps, 0.9)


@pytest.mark.parametrize("text", ["web_", "web_=", "=0.3", "web_=2", "web_=0.3@2", "web_=x"])
def test_a_cap_that_makes_no_sense_is_refused(text: str):
    with pytest.raises(UsageError, match="PREFIX=SHARE"):
        Cap.parse(text)


def test_light_varies_within_range():
    crops = np.random.default_rng(0).integers(0, 255, (64, 8, 8, 3), np.uint8)
    varied = vary_light(np.random.default_rng(1), crops)
    assert varied.dtype == np.float32 and varied.min() >= 0 and varied.max() <= 1
    same = np.isclose(varied, crops / np.float32(255), atol=1e-6).all((1, 2, 3))
    assert 0 < same.sum() < 64


def test_held_out_photos_are_not_trained_on(photo_folder: Path, tmp_path: Path):
    options = TrainOptions("x", photo_folder, tmp_path, steps=1, cache=tmp_path / "cache")
    found = gather(options, (48,), quiet)
    assert len(found.held_out) == 1 and len(found.photos.names) == 11
    assert found.held_out[0].relative_to(photo_folder).as_posix() not in found.photos.names


def test_how_long_must_be_said_once(photo_folder: Path, tmp_path: Path):
    with pytest.raises(UsageError, match="either --steps or --minutes"):
        TrainOptions("x", photo_folder, tmp_path)
    with pytest.raises(UsageError, match="either --steps or --minutes"):
        TrainOptions("x", photo_folder, tmp_path, steps=1, minutes=2)


def test_the_papers_mask_shows_the_middle_128_of_192():
    known = masks.centre(192, 192)
    assert known[32:160, 32:160].all() and known.sum() == 128 * 128


def test_random_borders_leave_a_hole_and_something_known():
    rng = np.random.default_rng(0)
    shares = []
    for _ in range(300):
        known = masks.random_border(rng, 96, 128)
        rows, columns = np.nonzero(known)
        inner = known[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        assert inner.all() and not known.all()  # one rectangle, smaller than the picture
        shares.append(1 - known.mean())
    assert max(shares) < 0.85 and 0.3 < float(np.mean(shares)) < 0.5


def test_a_sheet_is_rows_of_pictures():
    grey, white = np.zeros((2, 3, 3), np.uint8), np.ones((2, 3, 3), np.float32)
    found = sheet([[grey, white], [white]], gap=1)
    assert found.shape == (5, 7, 3)
    assert found[0, 0].max() == 0 and found[0, 4].min() == 255 and found[4, 6].min() == 255
