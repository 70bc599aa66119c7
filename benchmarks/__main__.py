"""The section "Batches" of docs/benchmarks.md: python -m benchmarks FOLDER [--repeat N] [--small N] [--large N].

Photos of FOLDER are cut and resized to JPEGs of 256x256, 2 and 12 megapixels. ``outpaint extend --harmonize
none`` is a process of its own, from its start to its end; beside it, turn by turn in the same minutes, the floor
and the peers of ``peers.py``, whose interpreter's start does not count.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import page
from speed import TYPES, Others, machine, measure

SIZES = {"256 px": (256, 256), "2 MP": (1632, 1224), "12 MP": (4000, 3000)}
MAKE = """
import sys
from pathlib import Path
from PIL import Image
out, count, width, height, *photos = sys.argv[1:]
width, height = int(width), int(height)
made = []
for path in photos:
    image = Image.open(path).convert("RGB")
    factor = min(image.width / width, image.height / height)
    w, h = int(width * factor), int(height * factor)
    x, y = (image.width - w) // 2, (image.height - h) // 2
    made.append(image.crop((x, y, x + w, y + h)).resize((width, height), Image.Resampling.BICUBIC))
for number in range(int(count)):
    made[number % len(made)].save(Path(out) / f"{number:05}.jpg", quality=90)
"""


def pictures(photos: Sequence[Path], out: Path, count: int, size: tuple[int, int]) -> Path:
    """``count`` JPEGs of ``size`` in ``out``."""
    out.mkdir()
    words = [str(out), str(count), *map(str, size), *(str(path) for path in photos[:12])]
    subprocess.run([sys.executable, "-c", MAKE, *words], check=True)
    return out


def extend(folder: Path, out: Path) -> list[str]:
    """The command."""
    words = [sys.executable, "-m", "outpaint_cli", "extend", str(folder), "-o", str(out)]
    return [*words, "--harmonize", "none", "-q", "-f"]


def peer(name: str, folder: Path, work: Path, threads: int, made: Path) -> dict[str, float]:
    """Seconds of a peer."""
    script = Path(__file__).with_name("peers.py")
    words = [sys.executable, str(script), name, str(folder), str(work / "peer"), str(threads), str(made)]
    found: dict[str, float] = json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout)
    shutil.rmtree(work / "peer")
    return found


def against(
    name: str, folder: Path, count: int, work: Path, threads: int, peers: list[str], repeat: int
) -> list[list[str]]:
    """Rows of one kind of picture: images a second of outpaint and of the peers, medians of ``repeat`` turns."""
    out = work / "made"
    measure(extend(folder, out))  # the files are in memory from here on, and there are outputs to encode
    wall: dict[str, list[float]] = {"outpaint": [], **{one: [] for one in peers}}
    cpu: dict[str, list[float]] = {one: [] for one in wall}
    memory = []
    for turn in range(repeat):
        for one in list(wall) if turn % 2 == 0 else list(wall)[::-1]:
            if one == "outpaint":
                cost = measure(extend(folder, out))
                wall[one].append(cost.wall)
                cpu[one].append(cost.cpu)
                memory.append(cost.gigabytes)
            else:
                took = peer(one, folder, work, threads, out)
                wall[one].append(took["wall"])
                cpu[one].append(took["cpu"])
            print(name, one, wall[one][-1], cpu[one][-1], file=sys.stderr, flush=True)
    shutil.rmtree(out)
    rows = []
    for one in wall:
        rate = count / median(wall[one])
        ratios = [theirs / own for own, theirs in zip(wall["outpaint"], wall[one], strict=True)]
        used = [theirs / own for own, theirs in zip(cpu["outpaint"], cpu[one], strict=True)]
        rows.append(
            [
                f"{count} x {name}", one, f"{rate:.2f}", f"{1000 * median(cpu[one]) / count:.1f}",
                "" if one == "outpaint" else f"{median(ratios):.2f}",
                "" if one == "outpaint" else f"{median(used):.2f}",
                f"{median(memory):.2f}" if one == "outpaint" else "",
            ]
        )  # fmt: skip
    return rows


def grown(small: Path, photos: Sequence[Path], counts: Sequence[int], work: Path) -> list[list[str]]:
    """Images a second and peak memory by the number of files."""
    rows = []
    for count in counts:
        folder = pictures(photos, work / f"files-{count}", count, SIZES["2 MP"])
        cost = measure(extend(folder, work / "made"))
        rows.append([str(count), f"{count / cost.wall:.2f}", f"{cost.gigabytes:.3f}"])
        print("files", *rows[-1], file=sys.stderr, flush=True)
        shutil.rmtree(folder)
        shutil.rmtree(work / "made")
    return rows


def start(repeat: int) -> list[list[str]]:
    """CPU and wall seconds of starting up."""
    commands = {
        "outpaint --help": [sys.executable, "-m", "outpaint_cli", "--help"],
        "python -c 'import typer'": [sys.executable, "-c", "import typer"],
        "outpaint models list": [sys.executable, "-m", "outpaint_cli", "models", "list"],
    }
    costs: dict[str, list[Any]] = {name: [] for name in commands}
    for _ in range(repeat):
        for name, command in commands.items():
            costs[name].append(measure(command))
    return [
        [f"`{name}`", f"{median(c.wall for c in found):.3f}", f"{median(c.cpu for c in found):.3f}"]
        for name, found in costs.items()
    ]


def main() -> None:
    """Parse the command line, measure, write the section."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--small", type=int, default=800, help="files of 256x256")
    parser.add_argument("--large", type=int, default=100, help="files of 12 megapixels")
    parser.add_argument("--counts", type=int, nargs="*", default=[1, 100, 2000], help="files of 2 megapixels")
    parser.add_argument("--out", type=Path, default=page.PAGE)
    asked: Any = parser.parse_args()
    photos = sorted(path for path in asked.folder.iterdir() if path.suffix.lower() in TYPES)
    if not photos:
        parser.error(f"{asked.folder}: there are no photos in it")
    others = Others()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as made:
        work = Path(made)
        begun = start(2 * asked.repeat)
        rows = []
        plans: list[tuple[str, int, list[str]]] = [
            ("256 px", asked.small, ["floor", "torch"]), ("12 MP", asked.large, ["floor", "telea"]),
        ]  # fmt: skip
        for name, count, peers in plans:
            if count:
                folder = pictures(photos, work / name.replace(" ", "-"), count, SIZES[name])
                rows += against(name, folder, count, work, cores, peers, asked.repeat)
                shutil.rmtree(folder)
        files = grown(work, photos, asked.counts, work)
    libraries = ("numpy", "opencv-python-headless", "pillow", "onnxruntime", "torch")
    lines = [
        "## Batches",
        "",
        f"`python -m benchmarks {asked.folder.name} --repeat {asked.repeat} --small {asked.small}"
        f" --large {asked.large}`",
        "",
        f"On {machine(others)}; {platform.system()}, Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in libraries) + ".",
        "",
        "`outpaint extend --harmonize none --scale 1.5` on JPEGs, a process of its own from start to end. The floor",
        "decodes the same files and encodes pictures of the outputs' size in as many threads; torch is a loop of the",
        "same network in batches of 8 (inference_mode, channels_last); telea is OpenCV's, in threads. The peers'",
        f"start-up does not count. Medians of {asked.repeat} turns; ratios are outpaint's rate over theirs, turn by",
        "turn: by the wall, and by CPU seconds.",
        "" if shutil.which("magick") else "ImageMagick was not there to be measured.",
        "",
        *page.table(
            ["files", "", "images / s", "CPU ms an image", "ratio, wall", "ratio, CPU", "peak GB"], rows
        ),
        "",
        *page.table(["files of 2 MP", "images / s", "peak GB"], files),
        "",
        *page.table(["start-up", "s", "CPU s"], begun),
    ]  # fmt: skip
    page.put(asked.out, "batches", "python -m benchmarks", lines)


if __name__ == "__main__":
    main()
