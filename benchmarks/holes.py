"""The section "Irregular holes" of docs/benchmarks.md: ``python benchmarks/holes.py PHOTOS -m pconv``.

Runs ``outpaint evaluate --holes`` and puts its means between the markers, which must be there once, or are added
at the end.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
START, END = "<!-- irregular holes: benchmarks/holes.py -->", "<!-- end of irregular holes -->"
SCORES = {
    "psnr": ("PSNR, dB (higher is better)", 2),
    "l1": ("L1, % (lower is better)", 2),
    "ssim": ("SSIM", 3),
}


def measure(photos: Path, models: list[str], harmonizer: str) -> tuple[int, dict]:
    """How many photos there were, and the means by contact, method, class and score."""
    command = [sys.executable, "-m", "outpaint_cli", "evaluate", str(photos), "--holes", "--json"]
    command += [word for model in models for word in ("-m", model)] + ["--harmonize", harmonizer]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return len(lines) - 1, lines[-1]["mean"]


def section(photos: str, count: int, mean: dict, told: str) -> str:
    """The section as Markdown."""
    contacts = list(mean)
    methods = list(mean[contacts[0]])
    classes = list(mean[contacts[0]][methods[0]])
    lines = [
        START,
        "## Irregular holes",
        "",
        f"`{told}`",
        "",
        f"The middle squares of {count} photos ({photos}) at 256 pixels, one seeded hole of each class of",
        "hole-to-image ratio for each photo, without and with contact between hole and border (Liu et al. 2018,",
        "table 1). Each model alone and finished by the harmonizer, known pixels put back; scores of the",
        "whole picture, means over the photos; each cell is *without contact / with contact*.",
    ]
    for score, (heading, digits) in SCORES.items():
        lines += ["", f"| {heading} | " + " | ".join(classes) + " |", "| --- |" + " ---: |" * len(classes)]
        for method in methods:
            cells = (
                " / ".join(f"{mean[c][method][ratio][score]['mean']:.{digits}f}" for c in contacts)
                for ratio in classes
            )
            lines.append(f"| {method} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, END])


def put(page: str, text: str) -> str:
    """``page`` with the part between the markers replaced by ``text``."""
    if START not in page:
        return page.rstrip() + "\n\n" + text + "\n"
    before, rest = page.split(START, 1)
    return before + text + rest.split(END, 1)[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("-m", "--model", action="append", dest="models")
    parser.add_argument("--harmonize", default="patch")
    parser.add_argument("--name", help="what the photos are called; default: the folder's name")
    parser.add_argument("--page", type=Path, default=PAGE)
    asked = parser.parse_args()
    models = asked.models or ["pconv"]
    count, mean = measure(asked.photos, models, asked.harmonize)
    told = f"outpaint evaluate PHOTOS --holes -m {' -m '.join(models)} --harmonize {asked.harmonize}"
    text = section(asked.name or asked.photos.name, count, mean, told)
    page = asked.page.read_text() if asked.page.is_file() else "# Benchmarks\n"
    asked.page.write_text(put(page, text))


if __name__ == "__main__":
    main()
