"""evaluate --holes: what is printed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from outpaint_cli.evaluation import Find
    from outpaint_cli.evaluation_holes import HoleRow
    from outpaint_cli.plugin import Context

HEADINGS = {"l1": "L1 (%)", "psnr": "PSNR (dB)", "ssim": "SSIM"}
DIGITS = {"l1": 2, "psnr": 2, "ssim": 3}


def evaluate_holes(
    files: Sequence[Path],
    root: Path,
    references: Sequence[str],
    ctx: Context,
    harmonizer: str,
    as_json: bool,
    read: Callable[[Path], NDArray[np.uint8]],
    tell: Callable[[str], None],
    find: Find,
) -> None:
    """Score models on irregular holes in ``files`` below ``root``. Raises PictureError where one can't be read."""
    from outpaint_cli import evaluation_holes
    from outpaint_cli.plugin import PictureError

    methods = evaluation_holes.load_methods(references, ctx, harmonizer, find)
    rows: list[HoleRow] = []
    failed = 0
    for number, path in enumerate(files):
        name = path.relative_to(root).as_posix() if root.is_dir() else path.name
        tell(f"{number + 1}/{len(files)} {name}")
        try:
            found = list(evaluation_holes.score_holes(read(path), name, number, methods, ctx))
        except PictureError as error:
            failed += 1
            tell("")
            print(f"outpaint: {name}: {error}", file=sys.stderr)
            continue
        rows += found
        if as_json:
            print(json.dumps({"schema": 1, "photo": name, "holes": nested(found)}), flush=True)
    tell("")
    if not rows:
        raise PictureError(f"{root}: none of its photos could be scored")
    if as_json:
        print(json.dumps({"schema": 1, "status": "summary", "failed": failed, "mean": summary(rows)}))
    else:
        print_tables(rows)
    if failed:
        raise PictureError(f"{failed} of {len(files)} photos could not be scored")


def nested(rows: Sequence[HoleRow]) -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    """By contact, method and class of ratio: the scores of one photo."""
    found: dict[str, dict[str, dict[str, dict[str, float]]]] = {}
    for row in rows:
        found.setdefault(row.contact, {}).setdefault(row.method, {})[row.ratio] = row.scores
    return found


def summary(rows: Sequence[HoleRow]) -> dict[str, Any]:
    """By contact, method and class of ratio: mean and median of every score."""
    from outpaint_cli.evaluation_holes import table

    return {
        contact: {
            method: {
                ratio: {name: {"mean": mean, "median": median} for name, (mean, median) in scores.items()}
                for ratio, scores in classes.items()
            }
            for method, classes in table(rows, contact).items()
        }
        for contact in dict.fromkeys(row.contact for row in rows)
    }


def print_tables(rows: Sequence[HoleRow]) -> None:
    """For holes without and with border contact and for every score: methods by classes of ratio, the mean."""
    from rich.console import Console
    from rich.table import Table

    from outpaint_cli.evaluation_holes import CLASSES, table

    console = Console(width=None if sys.stdout.isatty() else 120, highlight=False)
    photos = len({row.photo for row in rows})
    for contact in dict.fromkeys(row.contact for row in rows):
        methods = table(rows, contact)
        for score, heading in HEADINGS.items():
            title = f"{heading}, holes with {contact} contact: mean of {photos} photos"
            grid = Table(title=title, title_justify="left")
            grid.add_column("", no_wrap=True)
            for ratio in CLASSES:
                grid.add_column(ratio, justify="right")
            for method, classes in methods.items():
                values = (f"{classes[ratio][score][0]:.{DIGITS[score]}f}" for ratio in CLASSES)
                grid.add_row(method, *values)
            console.print(grid)
