"""The section "Speed and memory" of docs/benchmarks.md: python benchmarks/speed.py FOLDER [--count N].

Everything is a process of its own, measured from start to end: ``outpaint extend PHOTO --scale 1.5`` against a
small Python program that fills the same frame with OpenCV's Telea, turn by turn; then ``outpaint extend`` of one
photo resized so that the outputs have the given numbers of megapixels.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import page

SCALE = 1.5
START = 0.01  # megapixels
TYPES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp")
TELEA = """
import sys, cv2, numpy as np
source, out, (width, height, x, y) = sys.argv[1], sys.argv[2], map(int, sys.argv[3:])
photo = cv2.imread(source, cv2.IMREAD_COLOR)
h, w = photo.shape[:2]
frame = cv2.copyMakeBorder(photo, y, height - y - h, x, width - x - w, cv2.BORDER_REPLICATE)
hole = np.full((height, width), 255, np.uint8)
hole[y : y + h, x : x + w] = 0
cv2.imwrite(out, cv2.inpaint(frame, hole, 3, cv2.INPAINT_TELEA), [cv2.IMWRITE_JPEG_QUALITY, 95])
"""
RESIZE = """
import sys
from PIL import Image
Image.MAX_IMAGE_PIXELS = None
source, out, width, height = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
Image.open(source).convert("RGB").resize((width, height), Image.Resampling.LANCZOS).save(out, quality=95)
"""
SIZE = """
import sys
from PIL import Image
Image.MAX_IMAGE_PIXELS = None
print(*Image.open(sys.argv[1]).size)
"""


@dataclass(frozen=True)
class Cost:
    """What one process took: seconds by the wall and of all cores together, and its peak resident memory."""

    wall: float
    cpu: float
    gigabytes: float


def measure(command: Sequence[str]) -> Cost:
    """Run ``command`` to its end. A child's peak counts from its parent's, so this program holds no picture."""
    begun = perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command[:3])} ...: exit code {process.returncode}\n{said.decode()}")
    unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss: bytes there, kibibytes elsewhere
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / 1e9)


def outpaint(photo: Path, out: Path, *options: str) -> list[str]:
    """The command that extends ``photo``."""
    words = [sys.executable, "-m", "outpaint_cli", "extend", str(photo), "-o", str(out)]
    return [*words, "--scale", str(SCALE), "--overwrite", "-q", *options]


def small(code: str, *words: object) -> list[str]:
    """A command that runs a few lines of Python."""
    return [sys.executable, "-c", code, *map(str, words)]


def asked_of(command: Sequence[str]) -> str:
    """What a command prints."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def frame_of(photo: Path, out: Path) -> tuple[int, int, int, int]:
    """Width and height of the frame ``extend`` would make, and where it would put the photo: x, y."""
    words = [word for word in outpaint(photo, out, "--dry-run", "--json") if word != "-q"]
    planned = json.loads(asked_of(words).splitlines()[0])
    return planned["width"], planned["height"], planned["source"]["x"], planned["source"]["y"]


def size_of(photo: Path) -> tuple[int, int]:
    """Width and height."""
    width, height = map(int, asked_of(small(SIZE, photo)).split())
    return width, height


# --------------------------------------------------------------------------------------------- measuring


def against_telea(photos: Sequence[Path], work: Path) -> list[list[str]]:
    """A row for each photo and one of medians."""
    rows, ratios, ours, theirs = [], [], [], []
    for number, photo in enumerate(photos):
        out, other = work / "extended.jpg", work / "telea.jpg"
        width, height, x, y = frame = frame_of(photo, out)
        sides = [("outpaint", outpaint(photo, out)), ("telea", small(TELEA, photo, other, *frame))]
        cost = {name: measure(command) for name, command in (sides if number % 2 == 0 else sides[::-1])}
        for made in (out, other):
            if size_of(made) != (width, height):
                raise SystemExit(f"{made.name} of {photo.name} is not {width}x{height}")
        own, telea = cost["outpaint"], cost["telea"]
        ours.append(own)
        theirs.append(telea)
        ratios.append(own.wall / telea.wall)
        name = f"{photo.stem}, {width}x{height}, photo at {x},{y}"
        rows.append(row(name, own, telea, ratios[-1], own.cpu / telea.cpu))
        tell(rows[-1])
    own, telea = (
        Cost(median(c.wall for c in side), median(c.cpu for c in side), median(c.gigabytes for c in side))
        for side in (ours, theirs)
    )
    cpu = median(a.cpu / b.cpu for a, b in zip(ours, theirs, strict=True))
    return [*rows, row("**median**", own, telea, median(ratios), cpu)]


def row(name: str, own: Cost, telea: Cost, wall: float, cpu: float) -> list[str]:
    """One line of the first table."""
    return [
        name,
        *(f"{c.wall:.1f} / {c.cpu:.1f} / {c.gigabytes:.2f}" for c in (own, telea)),
        f"{wall:.2f}",
        f"{cpu:.2f}",
    ]


def growth(photo: Path, megapixels: Sequence[float], work: Path) -> tuple[list[list[str]], str]:
    """``photo`` resized so that the outputs have so many megapixels: a row each, and what start-up takes."""
    start, _ = resized(photo, START, work)
    found = [resized(photo, wanted, work) for wanted in megapixels]
    first, least = found[0]
    rows = []
    for cost, (width, height) in found:
        pixels = width * height / 1e6
        times = pixels / (least[0] * least[1] / 1e6)
        cells = (
            f"{width}x{height}", f"{cost.wall:.1f}", f"{cost.cpu:.1f}", f"{cost.wall / pixels:.2f}",
            f"{times:.2f}", f"{cost.wall / first.wall:.2f}",
            f"{(cost.wall - start.wall) / (first.wall - start.wall):.2f}", f"{cost.gigabytes:.2f}",
        )  # fmt: skip
        rows.append(list(cells))
    return rows, f"Start-up, from an output of {START} megapixels: {start.wall:.1f} s, {start.cpu:.1f} CPU s."


def resized(photo: Path, megapixels: float, work: Path) -> tuple[Cost, tuple[int, int]]:
    """The cost of extending ``photo`` to so many megapixels, resized beforehand, and the output's size."""
    width, height = size_of(photo)
    factor = (megapixels * 1e6 / (SCALE * SCALE * width * height)) ** 0.5
    source, out = work / "resized.jpg", work / "grown.jpg"
    subprocess.run(small(RESIZE, photo, source, round(width * factor), round(height * factor)), check=True)
    cost, size = measure(outpaint(source, out)), size_of(out)
    tell([f"{size[0]}x{size[1]}", str(cost)])
    source.unlink()
    out.unlink()
    return cost, size


def tell(cells: Sequence[str]) -> None:
    """Progress."""
    print("  ".join(cells), file=sys.stderr, flush=True)


# ---------------------------------------------------------------------------------------------- the page


class Others:
    """How much of the machine other programs took since this was made, as far as /proc/stat tells."""

    def __init__(self) -> None:
        self._begun, self._used = perf_counter(), self._seconds()

    @staticmethod
    def _seconds() -> float | None:
        """CPU seconds of all programs but this one and its children, since the machine started."""
        stat = Path("/proc/stat")
        if not stat.is_file():
            return None
        user, nice, system, _, _, interrupts, soft = map(int, stat.read_text().split()[1:8])
        own = os.times()
        busy = (user + nice + system + interrupts + soft) / os.sysconf("SC_CLK_TCK")
        return busy - own.user - own.system - own.children_user - own.children_system

    def share(self) -> str:
        """In words, of all cores' time."""
        used = self._seconds()
        if used is None or self._used is None:
            return ""
        share = (used - self._used) / ((perf_counter() - self._begun) * (os.cpu_count() or 1))
        return f", of whose time other programs took {max(share, 0):.0%}"


def machine(others: Others) -> str:
    """Cores, how busy others kept them, and threads."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    threads = os.environ.get("OMP_NUM_THREADS")
    limit = f"OMP_NUM_THREADS={threads}" if threads else "threads not limited"
    return f"{cores} cores{others.share()}; {limit}"


def section(
    command: str, where: str, telea: list[list[str]], grown: list[list[str]], start: str
) -> list[str]:
    """All lines of the section."""
    cost = "s / CPU s / GB"
    header = ["", f"outpaint: {cost}", f"Telea: {cost}", "ratio, wall", "ratio, CPU"]
    lines = [
        "## Speed and memory",
        "",
        f"`{command}`",
        "",
        f"On {where}. Whole processes from start to end, one at a time:",
        "seconds by the wall, CPU seconds of all cores together, peak resident memory in GB (10^9 bytes).",
        "",
        f"`outpaint extend PHOTO --scale {SCALE:g}` against a program that reads the photo, fills the same frame",
        "with `cv2.inpaint` (Telea, radius 3, one thread by its nature) and writes it; they take turns to go first.",
        "",
        *page.table(header, telea),
    ]
    if grown:
        header = ["output", "s", "CPU s", "s / MP", "times pixels", "times s", "without start-up", "GB"]
        lines += [
            "",
            f"The same command on {telea[0][0].split(',')[0]}, resized:",
            "",
            *page.table(header, grown),
        ]
        lines += ["", start]
    return lines


def main() -> None:
    """Parse the command line, measure, and write the section."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=0, help="so many photos of the folder, 0 is all")
    parser.add_argument(
        "--megapixels",
        type=float,
        nargs="*",
        default=[12.5, 50, 100],
        help="of outputs; compared with the first",
    )
    parser.add_argument("--out", type=Path, default=page.PAGE, help="the page")
    asked: Any = parser.parse_args()
    photos = sorted(path for path in asked.folder.iterdir() if path.suffix.lower() in TYPES)
    photos = photos[: asked.count or None]
    if not photos:
        parser.error(f"{asked.folder}: there are no photos in it")
    told = f"python benchmarks/speed.py {asked.folder.name}" + (
        f" --count {asked.count}" if asked.count else ""
    )
    others = Others()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        telea = against_telea(photos, work)
        name = "speed and memory", "benchmarks/speed.py"
        page.put(asked.out, *name, section(told, machine(others), telea, [], ""))
        if asked.megapixels:
            page.put(
                asked.out,
                *name,
                section(told, machine(others), telea, *growth(photos[0], asked.megapixels, work)),
            )


if __name__ == "__main__":
    main()
