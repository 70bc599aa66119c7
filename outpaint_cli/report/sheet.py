"""Contact sheets of a comparison: a photo a row, a column for the photo and for every model, as PNG."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from outpaint_cli import picture
from outpaint_cli.report.thumbnails import Shot

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

WIDTH, GAP, LINE = 320, 8, 24
TALLEST = WIDTH * 3 // 2
GROUND, INK, SOFT, ABSENT = (255, 255, 255), (30, 30, 28), (110, 108, 100), (232, 231, 226)


@dataclass(frozen=True)
class SheetRow:
    """One photo: its name, and for every column the shot or why there is none."""

    name: str
    cells: Sequence[Shot | str]


def contact_sheets(
    folder: Path, labels: Sequence[str], rows: Sequence[Callable[[], SheetRow]], per_sheet: int = 12
) -> list[Path]:
    """Write sheet-1.png and so on into ``folder``: the photo in its place, then a column for each of ``labels``.

    ``rows`` are asked for when their sheet is drawn, so that few pictures are held. Each is written whole or
    not at all; an earlier comparison's further sheets are removed. Raises PictureError where one can't be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    parts = [rows[i : i + per_sheet] for i in range(0, len(rows), per_sheet)]
    digits = len(str(len(parts)))
    made = []
    for number, part in enumerate(parts, 1):
        path = folder / f"sheet-{number:0{digits}d}.png"
        file = io.BytesIO()
        draw_sheet(labels, [row() for row in part]).save(file, "PNG")
        picture.write_atomic(path, file.getvalue())
        made.append(path)
    for old in folder.glob("sheet-*.png"):
        if old not in made and old.stem.removeprefix("sheet-").isdecimal():
            old.unlink()
    return made


def draw_sheet(labels: Sequence[str], rows: Sequence[SheetRow]) -> Image.Image:
    """One sheet, RGB."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(15)
    heights = [_height(row) for row in rows]
    width = (len(labels) + 1) * (WIDTH + GAP) + GAP
    sheet = Image.new("RGB", (width, LINE + sum(h + LINE + GAP for h in heights) + GAP), GROUND)
    draw = ImageDraw.Draw(sheet)
    for column, label in enumerate(["photo", *labels]):
        _write(draw, font, (GAP + column * (WIDTH + GAP), 6), label, INK)
    top = LINE + GAP
    for row, height in zip(rows, heights, strict=True):
        for column in range(len(labels) + 1):
            box = (GAP + column * (WIDTH + GAP), top, WIDTH, height)
            _cell(sheet, draw, font, box, row, column)
        _write(draw, font, (GAP, top + height + 2), row.name, SOFT)
        top += height + LINE + GAP
    return sheet


def _height(row: SheetRow) -> int:
    heights = [WIDTH * c.size[1] // c.size[0] for c in row.cells if isinstance(c, Shot)]
    return max(1, min(TALLEST, max(heights, default=LINE * 2)))


def _cell(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    box: tuple[int, int, int, int],
    row: SheetRow,
    column: int,
) -> None:
    """The photo (column 0) or a model's picture, as large as its box allows."""
    x, y, width, height = box
    cell = next((c for c in row.cells if isinstance(c, Shot)), "") if column == 0 else row.cells[column - 1]
    if isinstance(cell, str):
        draw.rectangle((x, y, x + width - 1, y + height - 1), fill=ABSENT)
        _write(draw, font, (x + 6, y + height // 2 - 8), cell or "no picture", SOFT, width - 12)
        return
    scale = min(width / cell.size[0], height / cell.size[1])
    w, h = max(1, round(cell.size[0] * scale)), max(1, round(cell.size[1] * scale))
    if column:
        _paste(sheet, cell.after, (x, y, w, h))
        return
    draw.rectangle((x, y, x + w - 1, y + h - 1), fill=ABSENT)
    at = cell.at
    left, top = x + round(at.x * scale), y + round(at.y * scale)
    _paste(sheet, cell.before, (left, top, round(at.width * scale), round(at.height * scale)))


def _paste(sheet: Image.Image, image: Image.Image | None, box: tuple[int, int, int, int]) -> None:
    from PIL import Image

    x, y, w, h = box
    if image is not None and w > 0 and h > 0:
        fitted = image.resize((w, h), Image.Resampling.LANCZOS)
        sheet.paste(fitted, (x, y), fitted if fitted.mode == "RGBA" else None)


def _write(
    draw: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    at: tuple[int, int],
    text: str,
    ink: tuple[int, int, int],
    room: int = WIDTH,
) -> None:
    """One line, cut off where the room ends; what the font can't draw becomes its box."""
    text = "".join(c if c.isprintable() else "?" for c in text.encode("utf-8", "replace").decode())
    while text and draw.textlength(text, font=font) > room:
        text = text[:-2].rstrip("…") + "…" if len(text) > 2 else ""
    draw.text(at, text, fill=ink, font=font)
