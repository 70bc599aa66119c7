"""A contact sheet of pictures: python benchmarks/sheet.py OUT.png PICTURE... [--columns N] [--width PIXELS].

docs/examples.png comes from:

    outpaint extend examples/photos -o out && python benchmarks/sheet.py docs/examples.png out/*

docs/inpaint.png, where each picture stands beside what it was made of, with its hole marked, comes from:

    outpaint inpaint examples/photos --mask examples/holes -o mended
    python benchmarks/sheet.py docs/inpaint.png mended/* --columns 4 --width 360 \\
        --before examples/photos --masks examples/holes
"""

from __future__ import annotations

import argparse
import tempfile
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


def marked(path: Path, before: Path, masks: Path, into: Path) -> Path:
    """The picture in ``before`` with the name of ``path``, its hole painted magenta, as a file in ``into``."""
    with (
        Image.open(next(before.glob(f"{path.stem}.*"))) as photo,
        Image.open(masks / f"{path.stem}.png") as mask,
    ):
        picture = photo.convert("RGB")
        picture.paste((255, 0, 255), mask=mask.convert("L"))
    picture.save(into / f"{path.stem}.png")
    return into / f"{path.stem}.png"


def main() -> None:
    """Parse the command line and write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("pictures", type=Path, nargs="+")
    parser.add_argument("--columns", type=int, default=3)
    parser.add_argument("--width", type=int, default=480)
    parser.add_argument("--before", type=Path, help="folder of the photos as they were")
    parser.add_argument("--masks", type=Path, help="folder of their holes")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pictures = args.pictures
        if args.before and args.masks:
            pairs = [(marked(path, args.before, args.masks, Path(folder)), path) for path in pictures]
            pictures = [path for pair in pairs for path in pair]
        made = sheet(pictures, args.columns, args.width)
    made.save(args.out, optimize=True)
    print(f"{args.out}: {made.width}x{made.height}, {args.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
