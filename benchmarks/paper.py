"""docs/paper.md: the three experiments of van Hoorick 2019 (arXiv 1912.10960), small enough for a processor.

    python benchmarks/paper.py PHOTOS ART --test FOLDER --work DIR [--steps N] [--cap PREFIX=SHARE[@START]]...

PHOTOS is a folder, ART a folder or a .tar of paintings; views of one painting share the name before ``cN``.
Three networks are trained from random weights with the same number of steps and pictures: photos with the
reconstruction loss, photos with the adversary, paintings with the adversary. Every fifth painting is held out.
All three are scored on FOLDER and on the paintings held out, and extend examples/photos for the sheets. DIR keeps
the runs: one that was stopped goes on, and a finished one is not trained again.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import page
from sheet import sheet

DOCS = Path(__file__).parent.parent / "docs"
EXAMPLES = Path(__file__).parent.parent / "examples" / "photos"
SIZE, WIDTH = 96, 0.5  # of the paper's network: pixels, and share of its channels
HELD_OUT = 5  # every fifth painting
HARMONIZER = "patch"
COLUMNS = {
    "mse": 4, "mse16": 4, "sharp": 2, "seam": 2, "bias_luma": 4, "bias_contrast": 4, "patch": 4, "perceptual": 3,
}  # fmt: skip
TITLE = """# The paper's experiments

Van Hoorick 2019 (Image outpainting and harmonization using generative adversarial networks, arXiv 1912.10960)
compares a context encoder trained on photos with a reconstruction loss, the same with an adversary, and one
trained on paintings. Below, the three again at a size that a processor can bear.
"""
SHEET_WIDTH = 300  # pixels of one picture


@dataclass(frozen=True)
class Experiment:
    """One line of the paper's comparison."""

    key: str
    name: str
    data: str  # "photos" or "art"
    loss: str


EXPERIMENTS = (
    Experiment("photos-rec", "photos, rec", "photos", "rec"),
    Experiment("photos-rec-adv", "photos, rec+adv", "photos", "rec+adv"),
    Experiment("art-rec-adv", "art, rec+adv", "art", "rec+adv"),
)


# ---------------------------------------------------------------------------------------------- training


def split_art(art: Path, work: Path) -> tuple[Path, Path]:
    """Folders of the paintings to train on and of those held out, whole views alone in the latter."""
    kept, held = work / "art", work / "art-held-out"
    if art.is_file():
        with tarfile.open(art) as tar:
            tar.extractall(work / "art-all", filter="data")
        art = work / "art-all"
    for folder in (kept, held):
        folder.mkdir(parents=True, exist_ok=True)
    files = sorted(path for path in art.iterdir() if path.is_file())
    paintings = sorted({painting(path) for path in files})
    out = set(paintings[::HELD_OUT])
    for path in files:
        whole = path.stem == painting(path)
        if painting(path) in out and not whole:
            continue
        target = (held if painting(path) in out else kept) / path.name
        if not target.exists():
            shutil.copy2(path, target)
    return kept, held


def painting(path: Path) -> str:
    """The name that all views of one painting share: ``art_0007c2.webp`` is ``art_0007``."""
    return re.sub(r"c\d+$", "", path.stem)


def train(experiment: Experiment, folder: Path, asked: argparse.Namespace) -> dict[str, Any]:
    """Train one network, unless that is done: what its run says of itself, with pictures and seconds."""
    out = asked.work / experiment.key
    done = out / "model.onnx"
    if not done.is_file() or log(out)[-1]["step"] != asked.steps:
        command = [
            sys.executable,
            "-m",
            "outpaint_cli",
            "train",
            "context-encoder",
            str(folder),
            "-o",
            str(out),
        ]
        command += ["--loss", experiment.loss, "--steps", str(asked.steps), "--batch", str(asked.batch)]
        command += [
            "--seed",
            str(asked.seed),
            "--precision",
            asked.precision,
            "--threads",
            str(asked.threads),
        ]
        command += ["-O", "context-encoder.network=paper", "-O", f"context-encoder.size={SIZE}"]
        command += ["-O", f"context-encoder.width={WIDTH}"]
        for cap in asked.cap if experiment.data == "photos" else []:
            command += ["--cap", cap]
        command += ["--cache", str(asked.cache)] if asked.cache else []
        command += ["--validate", str(asked.validate)] if asked.validate else []
        subprocess.run(command, check=True)
    config = json.loads((out / "config.json").read_text())
    return {**config, "seconds": log(out)[-1]["seconds"]}


def log(out: Path) -> list[dict[str, Any]]:
    """The lines of a run's log."""
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


# ----------------------------------------------------------------------------------------------- scoring

Scores = dict[str, dict[str, list[float]]]  # by method and column, one number a picture


def score(folder: Path, asked: argparse.Namespace) -> Scores:
    """The baselines, the bundled network and the three, alone and finished, on the pictures of ``folder``."""
    import cv2

    from outpaint_cli import evaluation, metrics
    from outpaint_cli.commands.evaluate import find_photos, load_features, read_rgb
    from outpaint_cli.compose import known_mask
    from outpaint_cli.plugin import Context

    cv2.setNumThreads(1)
    ctx = Context(device="cpu", seed=asked.seed, threads=1)
    features = load_features(asked.perceptual)
    baselines = [*evaluation.BASELINES, "context-encoder"]
    methods = evaluation.load_named(baselines, [], ctx, "none")
    for experiment in EXPERIMENTS:
        path = asked.work / experiment.key / "model.onnx"
        for method in evaluation.load_named((), [str(path)], ctx, asked.harmonize):
            name = method.name.replace("model", experiment.name)
            methods.append(evaluation.Method(name, method.filler, method.harmonizer))
    judge = evaluation.load_judge(asked.work / "photos-rec-adv" / "discriminator.onnx", "cpu")
    found: Scores = {}
    files = find_photos(folder, asked.limit)
    for number, path in enumerate(files):
        truth = read_rgb(path)
        frame = evaluation.hidden(truth.shape[1], truth.shape[0], "four sides")
        known = known_mask(frame, frame.photo)
        for method in methods:
            picture = evaluation.extend(truth[frame.photo.slices()], frame, method, ctx)
            note(found, method.name, metrics.scores(picture, truth, known, features, ctx.seed))
        bare = [method for method in methods if method.harmonizer is None]
        for row in evaluation.score_paper(truth, path.name, bare, ctx, judge, SIZE):
            note(found, row.method, {f"paper {key}": value for key, value in row.scores.items()})
        print(f"{folder.name}: {number + 1}/{len(files)}", file=sys.stderr, flush=True)
    return found


def note(found: Scores, method: str, scores: Mapping[str, float]) -> None:
    """Add one picture's scores."""
    for column, value in scores.items():
        found.setdefault(method, {}).setdefault(column, []).append(value)


# ------------------------------------------------------------------------------------------------ sheets


def sheets(asked: argparse.Namespace) -> list[str]:
    """docs/paper-*.png: the example photos extended by the three, bare and finished. Their names come back."""
    made = []
    for harmonizer, name in (("none", "paper-bare.png"), (HARMONIZER, "paper-finished.png")):
        folders = []
        for experiment in EXPERIMENTS:
            out = asked.work / "sheets" / harmonizer / experiment.key
            command = [
                sys.executable,
                "-m",
                "outpaint_cli",
                "extend",
                str(EXAMPLES),
                "-o",
                str(out),
                "-f",
                "-q",
            ]
            command += ["-m", str(asked.work / experiment.key / "model.onnx"), "--harmonize", harmonizer]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            folders.append(sorted(path for path in out.iterdir() if path.is_file()))
        pictures = [path for row in zip(*folders, strict=True) for path in row]
        picture = sheet(pictures, len(EXPERIMENTS), SHEET_WIDTH)
        picture.quantize(256).save(asked.out.parent / name, optimize=True)
        made.append(name)
    return made


# ---------------------------------------------------------------------------------------------- the page


def table_of(found: Scores) -> list[str]:
    """Lines of the table of scores over the unknown ring."""
    columns = [c for c in COLUMNS if all(c in scores for m, scores in found.items() if m != "truth")]
    rows = [
        [method, *(f"{mean(s[c]):.{COLUMNS[c]}f} ({median(s[c]):.{COLUMNS[c]}f})" for c in columns)]
        for method, s in found.items()
        if method != "truth"
    ]
    return page.table(["", *(c.replace("_", " ") for c in columns)], rows)


def paper_table(found: Scores) -> list[str]:
    """Lines of the paper's own table: mse over the whole picture, and the discriminator's mean verdict."""
    rows = []
    for method, s in found.items():
        if "paper d" in s:
            mse = f"{mean(s['paper mse_all']):.4f}" if "paper mse_all" in s else ""
            rows.append([method, mse, f"{mean(s['paper d']):.3f}"])
    return page.table(["", "mse, whole picture", "D(G(x))"], rows)


def findings(tests: Mapping[str, Scores]) -> list[str]:
    """What the figures say, computed from them."""
    lines = []
    rec, adv, art = (experiment.name for experiment in EXPERIMENTS)
    for test, found in tests.items():
        m = {method: {c: mean(v) for c, v in s.items()} for method, s in found.items()}
        told = [
            f"**{test}**: the adversary changes mse by {change(m[adv]['mse'], m[rec]['mse'])}, "
            f"gradients (sharp) from {m[rec]['sharp']:.2f} to {m[adv]['sharp']:.2f} of the truth's, contrast bias "
            f"from {m[rec]['bias_contrast']:+.4f} to {m[adv]['bias_contrast']:+.4f}, D(G(x)) from "
            f"{m[rec]['paper d']:.3f} to {m[adv]['paper d']:.3f}",
            f"trained on art instead of photos, rec+adv: mse {change(m[art]['mse'], m[adv]['mse'])}, mse16 "
            f"{change(m[art]['mse16'], m[adv]['mse16'])}",
            f"the best of the three by mse is {min((rec, adv, art), key=lambda n: m[n]['mse'])}, "
            f"{change(min(m[n]['mse'] for n in (rec, adv, art)), m['telea']['mse'])} against Telea",
        ]
        lines.append("- " + "; ".join(told))
    return lines


def change(value: float, reference: float) -> str:
    """A change in per cent: "+3.1 %"."""
    return f"{100 * (value / reference - 1):+.1f} %"


def section(
    told: str, runs: Mapping[str, Mapping[str, Any]], tests: Mapping[str, Scores], pictures: Sequence[str]
) -> list[str]:
    """All lines between the markers."""
    lines = ["## Set-up", "", f"`{told}`", ""]
    rows = []
    for experiment in EXPERIMENTS:
        run = runs[experiment.key]
        task, steps = run["task"], run["options"]["steps"]
        row = [experiment.name, task["photos"]["count"], steps, steps * task["batch"], round(run["seconds"])]
        rows.append([str(cell) for cell in row])
    lines += page.table(["", "training pictures", "steps", "pictures seen", "seconds"], rows)
    run = runs[EXPERIMENTS[0].key]
    lines += [
        "",
        f"{run['precision']}, {run['threads']} thread, batches of {run['task']['batch']}, seed "
        f"{run['options']['seed']}. Seconds are of a machine that did other work, too.",
    ]
    for test, found in tests.items():
        count = max(len(s["mse"]) for s in found.values() if "mse" in s)
        lines += ["", f"## {test[0].upper()}{test[1:]}", ""]
        lines += [
            f"{count} pictures at their own size, the middle two thirds known; mean (median) over them.",
            "",
        ]
        lines += [*table_of(found), "", f"The paper's own set-up at {SIZE} pixels, the photo put back:", ""]
        lines += paper_table(found)
    lines += ["", *differences(run["task"]["batch"])]
    lines += ["", "## What the figures say", "", *findings(tests)]
    for name in pictures:
        how = "bare" if "bare" in name else f"finished by `{HARMONIZER}`"
        names = "; ".join(experiment.name for experiment in EXPERIMENTS)
        lines += ["", f"![example photos, {how}]({name})", "", f"From left to right, {how}: {names}."]
    return lines


def differences(batch: int) -> list[str]:
    """What is not as in the paper."""
    return [
        "## What differs from the paper",
        "",
        f"- size: the network works at {SIZE} pixels, the middle {SIZE * 2 // 3} known (the paper: 192, 128),",
        f"  with {WIDTH:g} of its channels; layers, initial weights and BatchNorm are the published ones",
        "- length: the published training goes 200 times through its photos; the table says how many pictures",
        "  were seen here. The adversary's share takes the published steps (0.001 to 0.04) in proportion",
        f"- batches of {batch}; the weights scored are a running average of those trained",
        "- photos and paintings are other ones than the paper's; no view of a painting that is scored was trained on",
        "- scores: over the unknown ring; the paper's own, over the whole picture, in the tables of its set-up.",
        "  D is the discriminator of *photos, rec+adv*",
        "- second stage: `patch`, not SinGAN, finishes the pictures in the second sheet",
    ]


def main() -> None:
    """Parse the command line, train, score, and write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path)
    parser.add_argument("art", type=Path)
    parser.add_argument("--test", type=Path, required=True, help="photos to score on")
    parser.add_argument("--work", type=Path, required=True, help="where the runs are kept")
    parser.add_argument("--steps", type=int, default=200_000)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", default="auto", choices=("auto", "fp32", "bf16"))
    parser.add_argument("--cap", action="append", default=[], help="as for outpaint train, for the photos")
    parser.add_argument("--cache", type=Path, help="where shrunken photos are kept")
    parser.add_argument("--validate", type=Path, help="photos to validate on; default: some are held out")
    parser.add_argument("--perceptual", type=Path, help="feature network (safetensors); else no such column")
    parser.add_argument("--harmonize", default=HARMONIZER, help="score them finished, too; none: alone")
    parser.add_argument("--limit", type=int, default=0, help="score only so many of each folder")
    keys = [experiment.key for experiment in EXPERIMENTS]
    parser.add_argument(
        "--train", choices=keys, help="train this one alone and stop, as to run several at once"
    )
    parser.add_argument("--out", type=Path, default=DOCS / "paper.md", help="the page")
    asked = parser.parse_args()
    asked.work.mkdir(parents=True, exist_ok=True)
    art, held_out = split_art(asked.art, asked.work)
    folders = {"photos": asked.photos, "art": art}
    runs = {e.key: train(e, folders[e.data], asked) for e in EXPERIMENTS if asked.train in (None, e.key)}
    if asked.train:
        return
    told = f"python benchmarks/paper.py PHOTOS ART --test {asked.test.name} --work DIR --steps {asked.steps}"
    told += f" --batch {asked.batch}" + "".join(f" --cap {cap}" for cap in asked.cap)
    tests = {
        f"photos ({asked.test.name})": score(asked.test, asked),
        "paintings held out": score(held_out, asked),
    }
    if not asked.out.is_file():
        asked.out.write_text(TITLE)
    page.put(
        asked.out, "the paper's experiments", "benchmarks/paper.py", section(told, runs, tests, sheets(asked))
    )


if __name__ == "__main__":
    main()
