"""SinGAN's figures, into docs/benchmarks.md: how much faster than the original's steps, and how good.

    python benchmarks/singan.py PHOTO... --work DIR --only timing    the first photo
    python benchmarks/singan.py PHOTO... --work DIR --only quality [--models REC.onnx REC+ADV.onnx]
    python benchmarks/singan.py PHOTO... --work DIR --only exact     the first photo; hours

Timing: the original's steps (2000 iterations a scale, 3 + 3; tests/singan/plain.py) are measured on some iterations
of every scale, in turns with ``fast``, which is trained to its end, and extrapolated. Quality: the middle two
thirds of a square are the photo; the border around it is the truth blurred with sigma 2.5, or what a model made of
the photo, then harmonized and scored against the truth. Exact: both presets on one photo, put in at the same scale.
What was trained lies in DIR, so that a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent))

import page
from outpaint_singan.both import two_threads
from outpaint_singan.network import width_of
from outpaint_singan.pyramid import pyramid_sizes, reals
from outpaint_singan.settings import EXACT, FAST
from outpaint_singan.store import Store
from outpaint_singan.train import Watch, train

from outpaint_cli import metrics, models, registry
from outpaint_cli.compose import fill_picture, harmonize_job
from outpaint_cli.frame import Frame
from outpaint_cli.plugin import Context, HarmonizeJob, Rect
from tests.singan.plain import PlainNet, PlainScale

SIGMA = 2.5
COLUMNS = ("sharp", "seam", "patch", "raw", "kept", "cpu", "wall")


class Meter:
    """Seconds by the wall and of the processor."""

    wall = cpu = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.wall += time.perf_counter() - wall
        self.cpu += time.process_time() - cpu


def square(path: Path, size: int) -> np.ndarray:
    """The middle of a photo, uint8 (size, size, 3)."""
    with Image.open(path) as image:
        side = min(image.size)
        x, y = (image.width - side) // 2, (image.height - side) // 2
        part = image.convert("RGB").crop((x, y, x + side, y + side))
        return np.asarray(part.resize((size, size), Image.Resampling.LANCZOS))


# ------------------------------------------------------------------------------------------------ timing


def timing(photo: np.ndarray, iterations: int) -> list[str]:
    """Lines of a table: the original's steps, extrapolated, against ``fast``, in full, in turns."""
    cpu = torch.device("cpu")
    height, width = photo.shape[:2]
    known, threads = np.ones((height, width), bool), torch.get_num_threads()
    sizes = pyramid_sizes(height, width, EXACT)
    assert sizes == pyramid_sizes(height, width, FAST)
    small = reals(photo, known, sizes, cpu)
    pictures = [real.picture for real in small]
    z_star = torch.randn(1, 1, *pictures[0].shape[2:]).expand(1, 3, -1, -1)
    aside, finished = Meter(), []
    original: list[dict[int, Meter]] = []  # for each scale, by the number of threads

    def noise(scale: int) -> torch.Tensor:
        return torch.randn_like(pictures[scale])

    def measure_original(number: int, iteration: int, losses: object) -> None:
        if iteration != FAST.iterations_at(number) // 2:
            return
        with aside.running():
            nets = PlainNet(width_of(number), 3), PlainNet(width_of(number), 1)
            scale = PlainScale(nets, pictures, tuple(finished), z_star, 2000, 1600)
            original.append({1: Meter(), threads: Meter()})
            for count, meter in original[-1].items():
                torch.set_num_threads(count)
                scale.iterate(noise, lambda: torch.rand(()))  # the first one sets things up
                with meter.running():
                    for _ in range(iterations):
                        scale.iterate(noise, lambda: torch.rand(()))
            finished.append((nets[0].eval(), scale.amplitude))
            torch.set_num_threads(max(1, threads // 2))  # as two_threads has it

    fast = Meter()
    others = Quiet()
    with fast.running(), two_threads(cpu) as both:
        train(small, FAST, cpu, Store(None), Watch(progress=tell, losses=measure_original), both)
    wall, used = fast.wall - aside.wall, fast.cpu - aside.cpu
    assert len(finished) == len(sizes)
    times = 2000 / iterations
    slow = {
        count: (sum(m[count].wall for m in original) * times, sum(m[count].cpu for m in original) * times)
        for count in (1, threads)
    }
    least = min(wall for wall, _ in slow.values()), min(cpu for _, cpu in slow.values())
    return [
        f"`python benchmarks/singan.py PHOTO --only timing`, {width}x{height} pixels, {len(sizes)} scales,",
        f"{threads} threads, {processor()}, PyTorch {torch.__version__.split('+')[0]}; {others.told()}.",
        f"The original's steps: {iterations} of 2000 iterations of every scale, in turns with `fast`, extrapolated.",
        "On a busy machine compare CPU seconds: threads that share a convolution wait for each other.",
        "",
        *page.table(
            ["", "wall s", "CPU s"],
            [
                *(
                    [f"original's steps, threads: {count}", f"{wall_s:.0f}", f"{cpu_s:.0f}"]
                    for count, (wall_s, cpu_s) in slow.items()
                ),
                ["`fast`, in full", f"{wall:.0f}", f"{used:.0f}"],
                ["times faster than the faster of both", f"{least[0] / wall:.0f}", f"{least[1] / used:.0f}"],
            ],
        ),
    ]


class Quiet:
    """What other programs took of the machine while something was measured."""

    def __init__(self) -> None:
        self.wall, self.own, self.all = time.perf_counter(), time.process_time(), self._busy()

    @staticmethod
    def _busy() -> float:
        fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
        return (sum(map(int, fields)) - int(fields[3]) - int(fields[4])) / os.sysconf("SC_CLK_TCK")

    def told(self) -> str:
        """In words."""
        there = (time.perf_counter() - self.wall) * (os.cpu_count() or 1)
        share = (self._busy() - self.all - time.process_time() + self.own) / there
        return f"other programs took {100 * max(0.0, share):.0f} % of the {os.cpu_count()} cores"


def processor() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


# ----------------------------------------------------------------------------------------------- quality


def job_of(truth: np.ndarray) -> HarmonizeJob:
    """The photo with its border blurred."""
    size = truth.shape[0]
    border = round(size / 6)
    known = np.zeros((size, size), bool)
    known[border:-border, border:-border] = True
    image = np.where(known[..., None], truth, cv2.GaussianBlur(truth, (0, 0), SIGMA))
    inside = Rect(border, border, size - 2 * border, size - 2 * border)
    return HarmonizeJob(image, known, inside, scale=2 * SIGMA)


def raw_distance(a: np.ndarray, b: np.ndarray, ring: np.ndarray) -> float:
    """Sliced Wasserstein-1 distance of 7x7 patches centred in the ring, colours included; 0..1."""
    rng = np.random.default_rng(0)
    directions = rng.standard_normal((147, 64)).astype(np.float32)
    directions /= np.linalg.norm(directions, axis=0)

    def projections(image: np.ndarray) -> np.ndarray:
        padded = np.pad(metrics.as_float(image), ((3, 3), (3, 3), (0, 0)), mode="edge")
        windows = np.lib.stride_tricks.sliding_window_view(padded, (7, 7), axis=(0, 1))
        return np.sort(windows[ring].reshape(-1, 147) @ directions, axis=0)

    return float(np.abs(projections(a) - projections(b)).mean())


def kept(result: np.ndarray, guess: np.ndarray, known: np.ndarray) -> float:
    """PSNR in dB of the guess's low frequencies (sigma 2.5) in the ring."""
    low = [cv2.GaussianBlur(metrics.as_float(x), (0, 0), SIGMA) for x in (result, guess)]
    return float(-10 * np.log10(max(np.square(low[0] - low[1])[~known].mean(), 1e-6)))


def scored(result: np.ndarray, truth: np.ndarray, job: HarmonizeJob, meter: Meter) -> dict[str, float]:
    """One row's figures."""
    found = metrics.scores(result, truth, job.known)
    return {
        **{key: found[key] for key in ("sharp", "seam", "patch")},
        "raw": raw_distance(result, truth, ~job.known),
        "kept": kept(result, job.image, job.known),
        "cpu": meter.cpu,
        "wall": meter.wall,
    }


def harmonized(
    name: str, job: HarmonizeJob, work: Path, **options: object
) -> tuple[np.ndarray, Mapping[str, Any], Meter]:
    """What a harmonizer makes of the job."""
    _, load = registry.find_harmonizer(name)
    given = {key: str(value) for key, value in options.items()}
    ctx = Context("cpu", threads=torch.get_num_threads(), cache=work, options=given, progress=tell)
    meter = Meter()
    with meter.running():
        done = load(ctx).harmonize(job, ctx)
    return done.image, done.info.get("singan", {}), meter


def guessed(truth: np.ndarray, known: Rect, model: str) -> HarmonizeJob:
    """The photo inside ``known`` with the border that ``model`` makes of it."""
    ref = models.resolve(model)
    ctx = Context("cpu")
    frame = Frame(truth.shape[1], truth.shape[0], known)
    picture, guess = fill_picture(
        np.ascontiguousarray(truth[known.slices()]), frame, models.load(ref, ctx), ctx
    )
    return harmonize_job(picture, frame, known, guess)


Rows = dict[str, list[dict[str, float]]]


def trained(
    job: HarmonizeJob, name: str, seed: int, work: Path
) -> tuple[np.ndarray, Mapping[str, Any], Meter]:
    """What ``fast`` makes; seconds are those of the run that trained the pyramid."""
    made, info, meter = harmonized("singan", job, work, seed=seed)
    note = work / f"{name}-{seed}.json"
    if info["trained"]:
        note.write_text(json.dumps({"cpu": meter.cpu, "wall": meter.wall}))
    elif note.is_file():
        meter.cpu, meter.wall = json.loads(note.read_text()).values()
    return made, info, meter


def quality(paths: Sequence[Path], size: int, seeds: int, networks: Sequence[str], work: Path) -> list[str]:
    """Lines of tables: means over photos and seeds."""
    blurred: Rows = {}
    imagined: Rows = {}
    sheet = Sheet(work / "quality.png")
    for path in paths:
        truth = square(path, size)
        job = job_of(truth)

        def one(rows: Rows, name: str, job: HarmonizeJob, made: np.ndarray, meter: Meter) -> np.ndarray:
            rows.setdefault(name, []).append(scored(made, truth, job, meter))  # noqa: B023
            print(path.stem, name, {k: round(v, 3) for k, v in rows[name][-1].items()}, flush=True)  # noqa: B023
            return made

        def by_patch(rows: Rows, name: str, job: HarmonizeJob) -> np.ndarray:
            made, _, meter = harmonized("patch", job, work)
            return one(rows, name, job, made, meter)

        def by_singan(rows: Rows, name: str, job: HarmonizeJob) -> list[np.ndarray]:
            pictures = []
            for seed in range(seeds):
                made, info, meter = trained(job, f"{path.stem}-{size}", seed, work)  # noqa: B023
                print("scale", info["scale"], end=" ")
                pictures.append(one(rows, name, job, made, meter))
            return pictures

        row = [one(blurred, "blurred input", job, job.image, Meter())]
        row += [by_patch(blurred, "`patch`", job), *by_singan(blurred, "`singan`, fast", job)]
        for number, (name, model) in enumerate(zip(("rec", "rec+adv"), networks, strict=False)):
            guess = guessed(truth, job.photo, model)
            row.append(one(imagined, f"{name}, bare", guess, guess.image, Meter()))
            row.append(by_patch(imagined, f"{name} + `patch`", guess))
            if number == 0:
                row += by_singan(imagined, f"{name} + `singan`, fast", guess)[:1]
        for rows in (blurred, imagined) if networks else (blurred,):
            one(rows, "truth", job, truth, Meter())
        sheet.add([*row, truth])
    names = ", ".join(path.stem for path in paths)
    found = [
        f"{len(paths)} photos ({names}), {seeds} seeds; squares of {size} pixels, of which the",
        f"middle {job.photo.width} are the photo that is trained on. Over the border, against the truth: sharp and",
        "seam (1 is right), sliced Wasserstein distances of 7x7 patches, high-passed and raw (0 is right), the PSNR",
        "at which the input's low frequencies are kept, and seconds of the run that trained.",
        "",
        "The border is the truth, blurred with sigma 2.5:",
        "",
        *table(blurred),
    ]
    if networks:
        found += [
            "",
            "The border is what a network made of the photo: two context encoders, trained from the same weights",
            "for the same time, one with the reconstruction loss alone, one with the adversarial loss, too:",
            "",
            *table(imagined),
        ]
    return found


def exact(path: Path, size: int, seeds: int, exact_seeds: int, work: Path) -> list[str]:
    """Lines of a table: both presets on one photo, put in at every scale."""
    truth = square(path, size)
    job, rows, sheet = job_of(truth), [], Sheet(work / "exact.png")
    scales = harmonized("singan", job, work, seed=0)[1]["scales"]
    chosen = [harmonized("singan", job, work, seed=seed)[1]["scale"] for seed in range(seeds)]
    for scale in range(1, scales):
        pictures = []
        for preset, count in (("exact", exact_seeds), ("fast", seeds)):
            found = []
            for seed in range(count):
                made = harmonized("singan", job, work, preset=preset, scale=scale, seed=seed)[0]
                found.append(scored(made, truth, job, Meter()))
                pictures.append(made)
            label = f"scale {scale}, {preset}"
            rows += [[f"{label}, seed {seed}", *exact_cells([one])] for seed, one in enumerate(found)]
            if count > 1:
                rows.append([f"**{label}, mean**", *exact_cells(found)])
        sheet.add([job.image, *pictures, truth])
    return [
        f"One photo ({path.stem}), {size} pixels with a blurred border as above; `exact` is all of the original's",
        f"steps, on the processor. Seeds: {exact_seeds} of `exact`, {seeds} of `fast`. `auto` chose scale",
        f"{', '.join(map(str, chosen))}.",
        "",
        *page.table(["", "sharp", "seam", "high-pass patches", "raw patches", "kept dB"], rows),
    ]


def exact_cells(found: Sequence[Mapping[str, float]]) -> list[str]:
    """Means, as a row of the table."""
    mean = {
        key: float(np.mean([one[key] for one in found])) for key in ("sharp", "seam", "patch", "raw", "kept")
    }
    return [
        *(f"{mean[key]:.3f}" for key in ("sharp", "seam")),
        *(f"{mean[key]:.4f}" for key in ("patch", "raw")),
        f"{mean['kept']:.1f}",
    ]


def table(rows: Rows) -> list[str]:
    """Means."""
    order = [name for name in rows if name != "truth"] + ["truth"]
    lines = []
    for name in order:
        mean = {c: float(np.mean([row[c] for row in rows[name]])) for c in COLUMNS}
        took = [f"{mean['cpu']:.1f}", f"{mean['wall']:.1f}"] if mean["cpu"] else ["", ""]
        keeps = f"{mean['kept']:.1f}" if mean["kept"] < 59 else "-"
        scores = [f"{mean['sharp']:.2f}", f"{mean['seam']:.2f}", f"{mean['patch']:.4f}", f"{mean['raw']:.4f}"]
        lines.append([name, *scores, keeps, *took])
    return page.table(
        ["", "sharp", "seam", "high-pass patches", "raw patches", "kept dB", "CPU s", "wall s"], lines
    )


class Sheet:
    """Pictures to look at, a row a photo, twice as large; never in the repository."""

    def __init__(self, path: Path) -> None:
        self.path, self.rows = path, list[np.ndarray]()

    def add(self, pictures: Sequence[np.ndarray]) -> None:
        """One more row."""
        self.rows.append(np.concatenate(pictures, 1))
        whole = Image.fromarray(np.concatenate(self.rows))
        whole.resize((whole.width * 2, whole.height * 2), Image.Resampling.NEAREST).save(self.path)


# ------------------------------------------------------------------------------------------------- rest


def tell(share: float, text: str) -> None:
    """Progress on standard error."""
    print(f"\r{share:.3f} {text:60}", end="", file=sys.stderr, flush=True)


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--work", type=Path, required=True, help="where pyramids and the sheet are kept")
    parser.add_argument("--only", choices=("timing", "quality", "exact"), required=True)
    parser.add_argument(
        "--size", type=int, default=0, help="of the squares [timing 128, quality 192, exact 96]"
    )
    parser.add_argument("--iterations", type=int, default=2, help="of the original's that are timed, a scale")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--exact-seeds", type=int, default=1, help="pyramids of `exact` [1]; hours each")
    parser.add_argument("--models", nargs=2, default=(), metavar=("REC", "REC+ADV"), help="ONNX files")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    args.work.mkdir(parents=True, exist_ok=True)
    script = "benchmarks/singan.py"
    if args.only == "timing":
        lines = ["## SinGAN: speed", "", *timing(square(args.photos[0], args.size or 128), args.iterations)]
        page.put(page.PAGE, "singan speed", script, lines)
    elif args.only == "quality":
        lines = quality(args.photos, args.size or 192, args.seeds, args.models, args.work)
        page.put(page.PAGE, "singan quality", script, ["## SinGAN: quality", "", *lines])
    else:
        lines = exact(args.photos[0], args.size or 96, args.seeds, args.exact_seeds, args.work)
        page.put(page.PAGE, "singan exact", script, ["### SinGAN: fast against exact", "", *lines])
    print("\n".join(lines))


if __name__ == "__main__":
    main()
