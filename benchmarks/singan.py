"""SinGAN's figures: how much faster than the original's steps, and how good beside patch and the exact preset.

    python benchmarks/singan.py PHOTO... --work DIR            everything, into docs/singan.md
    python benchmarks/singan.py PHOTO... --work DIR --only timing|quality [--exact 0|1|N]

Photos are cut to squares of --size pixels. Timing: the original's steps (2000 iterations a scale, 3 + 3; tests/
singan/plain.py) are measured on some iterations of every scale and extrapolated; ``fast`` is trained to the end
beside them in the same run. Quality, as in --quality-size pixels: a border of a sixth is blurred with sigma 2.5,
harmonized, and scored against the truth, at the scale chosen and, where ``exact`` was trained, at equal scales.
What was trained lies in DIR, so that a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent))

from outpaint_singan.network import width_of
from outpaint_singan.pyramid import pyramid_sizes, reals
from outpaint_singan.settings import EXACT, FAST
from outpaint_singan.store import Store
from outpaint_singan.train import Watch, train

from outpaint_cli import metrics, registry
from outpaint_cli.plugin import Context, HarmonizeJob, Rect
from tests.singan.plain import PlainNet, PlainScale

DOCS = Path(__file__).parent.parent / "docs" / "singan.md"
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
    """Lines of a table: the original's steps, extrapolated, against ``fast``, in full."""
    cpu = torch.device("cpu")
    height, width = photo.shape[:2]
    known = np.ones((height, width), bool)
    pictures = [r.picture for r in reals(photo, known, pyramid_sizes(height, width, EXACT), cpu)]
    z_star = torch.randn(1, 1, *pictures[0].shape[2:]).expand(1, 3, -1, -1)

    def noise(scale: int) -> torch.Tensor:
        return torch.randn_like(pictures[scale])

    original, finished = Meter(), []
    for number in range(len(pictures)):
        nets = PlainNet(width_of(number), 3), PlainNet(width_of(number), 1)
        scale = PlainScale(nets, pictures, tuple(finished), z_star, 2000, 1600)
        scale.iterate(noise, lambda: torch.rand(()))  # the first one sets things up
        with original.running():
            for _ in range(iterations):
                scale.iterate(noise, lambda: torch.rand(()))
        finished.append((nets[0].eval(), scale.amplitude))
        print(
            f"original, scale {number}: {original.cpu / iterations:.2f} CPU s an iteration up to here",
            flush=True,
        )
    fast = Meter()
    with fast.running():
        sizes = pyramid_sizes(height, width, FAST)
        train(reals(photo, known, sizes, cpu), FAST, cpu, Store(None), Watch(progress=tell))
    times = 2000 / iterations
    return [
        f"{len(pictures)} scales up to {width}x{height}, {torch.get_num_threads()} threads, {processor()}, "
        f"PyTorch {torch.__version__.split('+')[0]}:",
        "",
        "| | CPU seconds | wall seconds |",
        "| --- | --- | --- |",
        f"| original's steps, from {iterations} of 2000 iterations a scale | {original.cpu * times:.0f} "
        f"| {original.wall * times:.0f} |",
        f"| `fast`, in full | {fast.cpu:.0f} | {fast.wall:.0f} |",
        f"| times faster | {original.cpu * times / fast.cpu:.0f} | {original.wall * times / fast.wall:.0f} |",
    ]


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


def quality(
    paths: Sequence[Path],
    size: int,
    seeds: int,
    exact: int,
    work: Path,
    sheet: Callable[[list[np.ndarray]], None],
) -> list[str]:
    """Lines of a table: means over photos and seeds."""
    rows: dict[str, list[dict[str, float]]] = {}
    equal: list[str] = []
    for number, path in enumerate(paths):
        truth = square(path, size)
        job = job_of(truth)
        rows.setdefault("blurred input", []).append(scored(job.image, truth, job, Meter()))
        patch, _, meter = harmonized("patch", job, work)
        rows.setdefault("`patch`", []).append(scored(patch, truth, job, meter))
        pictures = [job.image, patch]
        for seed in range(seeds):
            made, info, meter = harmonized("singan", job, work, seed=seed)
            note = work / f"{path.stem}-{size}-{seed}.json"  # how long it took when it was trained
            if info["trained"]:
                note.write_text(json.dumps({"cpu": meter.cpu, "wall": meter.wall}))
            elif note.is_file():
                meter.cpu, meter.wall = json.loads(note.read_text()).values()
            rows.setdefault("`singan`, fast", []).append(scored(made, truth, job, meter))
            pictures.append(made)
            print(
                path.stem,
                seed,
                info["scale"],
                {k: round(v, 3) for k, v in rows["`singan`, fast"][-1].items()},
            )
        if number < exact:
            for scale in range(1, info["scales"]):
                for preset in ("exact", "fast"):
                    made, _, meter = harmonized("singan", job, work, preset=preset, scale=scale)
                    found = scored(made, truth, job, meter)
                    cells = (f"{found[c]:.3f}" for c in ("sharp", "seam", "patch", "raw"))
                    equal.append(
                        f"| {path.stem} | {scale} | {preset} | {' | '.join(cells)} | {found['kept']:.1f} |"
                    )
                    if scale == info["scale"]:
                        rows.setdefault(f"`singan`, {preset}, photo {path.stem}", []).append(found)
                        pictures += [made] if preset == "exact" else []
        rows.setdefault("truth", []).append(scored(truth, truth, job, Meter()))
        sheet([*pictures, truth])
    order = [name for name in rows if name != "truth"] + ["truth"]
    table = [
        f"{len(paths)} photos of {size}x{size} pixels ({', '.join(p.stem for p in paths)}), {seeds} seeds:",
        "",
        "| | sharp | seam | high-pass patches | raw patches | kept dB | CPU s | wall s |",
        "| --- |" + " --- |" * len(COLUMNS),
    ]
    for name in order:
        mean = {c: float(np.mean([row[c] for row in rows[name]])) for c in COLUMNS}
        table.append(
            f"| {name} | {mean['sharp']:.2f} | {mean['seam']:.2f} | {mean['patch']:.4f} | {mean['raw']:.4f} | "
            + (f"{mean['kept']:.1f}" if mean["kept"] < 59 else "-")
            + (f" | {mean['cpu']:.1f} | {mean['wall']:.1f} |" if mean["cpu"] else " | | |")
        )
    if equal:
        table += [
            "",
            "`exact` and `fast` at equal scale:",
            "",
            "| photo | scale | preset | sharp | seam | high-pass patches | raw patches | kept dB |",
            "| --- | --- | --- | --- | --- | --- | --- | --- |",
            *equal,
        ]
    return table


# ------------------------------------------------------------------------------------------------- rest


def tell(share: float, text: str) -> None:
    """Progress on standard error."""
    print(f"\r{share:.3f} {text:60}", end="", file=sys.stderr, flush=True)


def write(section: str, lines: Sequence[str]) -> None:
    """Replace what stands between the section's markers in docs/singan.md."""
    text = DOCS.read_text()
    start, end = f"<!-- {section} -->", f"<!-- end of {section} -->"
    head, rest = text.split(start)
    tail = rest.split(end)[1]
    DOCS.write_text(f"{head}{start}\n" + "\n".join(lines) + f"\n{end}{tail}")
    print("\n".join(lines))


def main() -> None:
    """Parse the command line and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("photos", type=Path, nargs="+")
    parser.add_argument("--work", type=Path, required=True, help="where pyramids and the sheet are kept")
    parser.add_argument("--only", choices=("timing", "quality"))
    parser.add_argument("--size", type=int, default=128, help="of the photo that is timed")
    parser.add_argument("--quality-size", type=int, default=96)
    parser.add_argument("--iterations", type=int, default=2, help="of the original's that are timed, a scale")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--exact", type=int, default=1, help="photos that exact is trained on, too")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    args.work.mkdir(parents=True, exist_ok=True)
    rows: list[np.ndarray] = []

    def sheet(pictures: list[np.ndarray]) -> None:
        """Blurred, patch, one for each seed, exact where trained, truth: one row a photo."""
        rows.append(np.concatenate(pictures, 1))
        wide = max(row.shape[1] for row in rows)
        padded = [
            np.pad(row, ((0, 0), (0, wide - row.shape[1]), (0, 0)), constant_values=255) for row in rows
        ]
        whole = Image.fromarray(np.concatenate(padded))
        whole.resize((whole.width * 2, whole.height * 2), Image.Resampling.NEAREST).save(
            args.work / "sheet.png"
        )

    if args.only != "quality":
        write("timing", timing(square(args.photos[0], args.size), args.iterations))
    if args.only != "timing":
        write("quality", quality(args.photos, args.quality_size, args.seeds, args.exact, args.work, sheet))


if __name__ == "__main__":
    main()
