"""A contact sheet of pictures: python benchmarks/sheet.py OUT.png PICTURE... [--columns N] [--width PIXELS].

docs/examples.png comes from:

    outpaint extend examples/photos -o out && python benchmarks/sheet.py docs/examples.png out/*
"""

from __future__ import annotations

import argparse
from pathlib import Path

from PIL import Image

GAP = 6


def sheet(paths: list[Path], columns: int, width: int) -> Image.Image:
    """The pictures in rows of ``columns``, each ``width`` pixels wide, on white."""
    pictures = []
    for path in paths:
        with Image.open(path) as image:
            height = round(image.height * width / image.width)
            pictures.append(image.convert("RGB").resize((width, height), Image.Resampling.LANCZOS))
    rows = [pictures[i : i + columns] for i in range(0, len(pictures), columns)]
    heights = [max(picture.height for picture in row) for row in rows]
    out = Image.new("RGB", (columns * (width + GAP) - GAP, sum(heights) + GAP * (len(rows) - 1)), "white")
    y = 0
    for row, height in zip(rows, heights, strict=True):
        for i, picture in enumerate(row):
            out.paste(picture, (i * (width + GAP), y))
        y += height + GAP
    return out


def main() -> None:
    """Parse the command line and write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("pictures", type=Path, nargs="+")
    parser.add_argument("--columns", type=int, default=3)
    parser.add_argument("--width", type=int, default=480)
    args = parser.parse_args()
    made = sheet(args.pictures, args.columns, args.width)
    made.save(args.out, optimize=True)
    print(f"{args.out}: {made.width}x{made.height}, {args.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
