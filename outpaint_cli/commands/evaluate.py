"""outpaint evaluate: score models or finished pictures against the truth."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from outpaint_cli.commands import _options as o
from outpaint_cli.commands._complete import models as complete_models
from outpaint_cli.commands._report import say

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from outpaint_cli import metrics
    from outpaint_cli.evaluation import Found, Row
    from outpaint_cli.plugin import ModelRef

SHOWN = 6
FIGURE_WIDTH = 240
HEADINGS = {
    "bias_luma": "bias luma", "bias_contrast": "bias contrast", "mse_all": "mse (paper)", "d": "D(G(x))",
}  # fmt: skip


def evaluate(
    photos: Annotated[Path, typer.Argument(help="Folder of photos: the truth.")],
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model", "-m", help="A name or a file.onnx; may be given again.", autocompletion=complete_models
        ),
    ] = None,
    pictures: Annotated[
        Path | None, typer.Option(help="Finished pictures, named as the photos: scored as they are.")
    ] = None,
    harmonize: Annotated[
        str, typer.Option(help="Score the models finished by this harmonizer too, e.g. patch.")
    ] = "none",
    holes: Annotated[
        bool,
        typer.Option("--holes", help="Irregular holes instead of hidden borders: L1, PSNR, SSIM by ratio."),
    ] = False,
    perceptual: Annotated[
        str | None,
        typer.Option(
            help="Feature network for the perceptual column: a safetensors file, or vgg16 from the Hub.",
            metavar="FILE|vgg16",
        ),
    ] = None,
    discriminator: Annotated[
        Path | None, typer.Option(help="The paper's discriminator as ONNX, for D(G(x)).")
    ] = None,
    limit: Annotated[int, typer.Option(help="Only so many photos, spread evenly; 0 is all.")] = 0,
    figure: Annotated[Path | None, typer.Option(help="Also write a figure (PNG).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a photo, then the means.")] = False,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    seed: Annotated[int, typer.Option(help="Same seed, same scores.")] = 0,
    onnx_contract: o.OnnxContract = "",
    accept_licence: o.AcceptLicence = False,
    offline: o.Offline = False,
) -> None:
    """Score models, beside reflect, edge and telea, on PHOTOS of which only the middle is shown.

    With --holes, beside telea and ns, on the middle square at 256 pixels with irregular holes of six classes of
    hole-to-image ratio, as in Liu et al. 2018.
    """
    from outpaint_cli import evaluation, models, registry
    from outpaint_cli.plugin import Context, PictureError, UsageError

    def find(reference: str) -> ModelRef:
        named = reference in registry.model_cards()
        contract = "" if named else onnx_contract
        return models.resolve(
            reference, offline=offline, contract=contract, accept_licence=accept_licence, note=say
        )

    if pictures is not None and model:
        raise UsageError("--pictures scores what is finished: it can't be used with --model")
    if figure is not None and figure.suffix.lower() != ".png":
        raise UsageError(f"--figure {figure}: give the name of a .png file")
    if holes and (pictures, perceptual, discriminator, figure) != (None,) * 4:
        raise UsageError(
            "--holes scores models alone: without --pictures, --perceptual, --discriminator, --figure"
        )
    files = find_photos(photos, limit)
    if holes:
        from outpaint_cli.commands._holes import evaluate_holes

        ctx = Context(device=device, seed=seed)
        evaluate_holes(files, photos, model or ["pconv"], ctx, harmonize, as_json, read_rgb, _tell, find)
        return
    features = load_features(perceptual, offline)
    ctx = Context(device=device, seed=seed)
    found = evaluation.Found()
    if pictures is None:
        references = model or ["context-encoder"]
        methods = evaluation.load_methods(references, ctx, harmonize, find)
        judge = evaluation.load_judge(discriminator, device) if discriminator else None
    failed = 0
    for number, path in enumerate(files):
        name = path.relative_to(photos).as_posix() if photos.is_dir() else path.name
        _tell(f"{number + 1}/{len(files)} {name}")
        try:
            truth = read_rgb(path)
            rows: list[Row]
            if pictures is not None:
                rows = [finished(truth, name, pictures, features)]
            else:
                shown = {"truth": truth} if figure is not None and number < SHOWN else None
                rows = [
                    *evaluation.score_sides(truth, name, methods, ctx, features, shown),
                    *evaluation.score_paper(truth, name, methods, ctx, judge),
                    *evaluation.score_recursion(truth, name, methods, ctx),
                ]
                if shown is not None:
                    found.pictures.append(shown)
        except PictureError as error:
            failed += 1
            _tell("")
            print(f"outpaint: {name}: {error}", file=sys.stderr)
            continue
        found.rows += rows
        if as_json:
            print(json.dumps({"schema": 1, "photo": name, "scores": _nested(rows)}), flush=True)
    _tell("")
    if not found.rows:
        raise PictureError(f"{photos}: none of its photos could be scored")
    if as_json:
        print(json.dumps({"schema": 1, "status": "summary", "failed": failed, "mean": summary(found.rows)}))
    else:
        print_tables(found.rows)
    if figure is not None and found.pictures:
        write_figure(found, figure)
    if failed:
        raise PictureError(f"{failed} of {len(files)} photos could not be scored")


def find_photos(photos: Path, limit: int) -> list[Path]:
    """The photos to score, in order; with ``limit`` so many, spread evenly. Raises UsageError if none."""
    from outpaint_cli.batch.discover import discover
    from outpaint_cli.plugin import UsageError
    from outpaint_cli.remote import local_only

    local_only("PHOTOS", photos)
    found = discover([str(photos)], recursive=True)
    files = [source.path for source in found if isinstance(source.path, Path)]
    if not files:
        raise UsageError(f"{photos}: there are no photos in it")
    if 0 < limit < len(files):
        files = [files[i * len(files) // limit] for i in range(limit)]
    return files


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """A picture as uint8 (H, W, 3) sRGB. Raises PictureError."""
    import numpy as np

    from outpaint_cli import picture

    rgb = picture.to_srgb(picture.read(path))
    if rgb.dtype == np.uint16:
        rgb = (rgb >> 8).astype(np.uint8)
    return np.ascontiguousarray(rgb, np.uint8)


def finished(truth: NDArray[np.uint8], name: str, folder: Path, features: metrics.Features | None) -> Row:
    """Score the picture in ``folder`` that is named as the photo, whatever its type. Raises PictureError."""
    from outpaint_cli import picture
    from outpaint_cli.evaluation import score_finished
    from outpaint_cli.plugin import PictureError

    wanted = folder / name
    candidates = [wanted] if wanted.is_file() else sorted(wanted.parent.glob(f"{wanted.stem}.*"))
    candidates += sorted(wanted.parent.glob(f"{wanted.stem}_extended.*"))
    if not candidates:
        raise PictureError(f"{folder}: there is no picture named as {name}")
    done = candidates[0]
    return score_finished(truth, name, read_rgb(done), picture.read_photo_rect(done), features)


def load_features(perceptual: str | None, offline: bool = False) -> metrics.Features | None:
    """The feature network of --perceptual as a callable, or None: then the column is left out."""
    if perceptual is None:
        return None
    from outpaint_cli.commands.train import require_torch

    require_torch("the perceptual column")
    from outpaint_cli.training import features

    return features.numpy_features(features.load_features(perceptual, offline))


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """By sides and method: mean and median of every score."""
    from outpaint_cli.evaluation import table

    return {
        sides: {
            method: {name: {"mean": mean, "median": median} for name, (mean, median) in scores.items()}
            for method, scores in table(rows, sides).items()
        }
        for sides in dict.fromkeys(row.sides for row in rows)
    }


def print_tables(rows: Sequence[Row]) -> None:
    """One table for each choice of sides: the mean, and below it the median."""
    from rich.console import Console
    from rich.table import Table

    from outpaint_cli.evaluation import table

    console = Console(width=None if sys.stdout.isatty() else 140, highlight=False)
    for sides in dict.fromkeys(row.sides for row in rows):
        methods = table(rows, sides)
        names = list(dict.fromkeys(name for scores in methods.values() for name in scores))
        photos = len({row.photo for row in rows})
        grid = Table(title=f"{sides}: mean (median) of {photos} photos", title_justify="left")
        grid.add_column("", no_wrap=True)
        for name in names:
            grid.add_column(HEADINGS.get(name, name), justify="right")
        for method, scores in methods.items():
            grid.add_row(method, *(_cell(name, scores.get(name)) for name in names))
        console.print(grid)


def write_figure(found: Found, path: Path) -> None:
    """Rows of photos, columns of methods, shrunk to one width."""
    import cv2
    import numpy as np
    from PIL import Image, ImageDraw

    names = list(found.pictures[0])
    rows = []
    for pictures in found.pictures:
        height = round(FIGURE_WIDTH * pictures["truth"].shape[0] / pictures["truth"].shape[1])
        size = (FIGURE_WIDTH, height)
        cells = [cv2.resize(pictures[n], size, interpolation=cv2.INTER_AREA) for n in names]
        rows.append(
            np.concatenate([np.pad(c, ((0, 4), (0, 4), (0, 0)), constant_values=255) for c in cells], 1)
        )
    body = np.concatenate(rows)
    canvas = Image.new("RGB", (body.shape[1], body.shape[0] + 20), "white")
    canvas.paste(Image.fromarray(body), (0, 20))
    draw = ImageDraw.Draw(canvas)
    for column, name in enumerate(names):
        draw.text((column * (FIGURE_WIDTH + 4) + 2, 4), name, fill="black")
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}")
    canvas.save(beside, "PNG")
    beside.replace(path)


def _cell(name: str, value: tuple[float, float] | None) -> str:
    if value is None:
        return ""
    digits = {"sharp": 2, "seam": 2, "perceptual": 3, "d": 3}.get(name, 4)
    return f"{value[0]:.{digits}f}\n({value[1]:.{digits}f})"


def _nested(rows: Iterable[Row]) -> dict[str, dict[str, dict[str, float]]]:
    nested: dict[str, dict[str, dict[str, float]]] = {}
    for row in rows:
        nested.setdefault(row.sides, {})[row.method] = row.scores
    return nested


def _tell(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
