"""Very large photos: they work, and memory stays near the pictures' own size."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

CHILD = """
import pathlib, re, resource, sys
from outpaint_cli.app import main
try:
    main()
finally:
    status = pathlib.Path("/proc/self/status")
    if status.exists():  # getrusage would count what the parent process held when it started this one
        peak = int(re.search(r"VmHWM:\\s+(\\d+)", status.read_text())[1]) // 1024
    else:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print("peak", peak, file=sys.stderr)
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(sys.platform == "win32", reason="measures memory as POSIX has it")
@pytest.mark.parametrize(("suffix", "limit"), [("jpg", 1800), ("tif", 1500)])
def test_a_100_megapixel_photo(tmp_path: Path, suffix: str, limit: int) -> None:
    import subprocess

    small = np.random.default_rng(0).integers(0, 256, (60, 60, 3), np.uint8)
    photo = cv2.resize(small, (10_000, 10_000), interpolation=cv2.INTER_CUBIC)
    Image.fromarray(photo).save(tmp_path / f"a.{suffix}")
    command = [
        sys.executable,
        "-c",
        CHILD,
        "extend",
        f"a.{suffix}",
        "-o",
        f"b.{suffix}",
        "--pad",
        "5%",
        "-q",
        "--harmonize",
        "none",
    ]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=True)
    peak = int(done.stderr.split("peak")[1])
    print(f"{suffix}: {peak} MiB at the peak")
    # The photo, the frame, what encoders copy, and the runtime; a float copy alone would be 1,450 MiB more.
    assert peak < limit
    Image.MAX_IMAGE_PIXELS = None
    with Image.open(tmp_path / f"b.{suffix}") as out:
        assert out.size == (11_000, 11_000)
        if suffix == "tif":
            assert np.array_equal(np.asarray(out.crop((500, 500, 700, 600))), photo[:100, :200])
