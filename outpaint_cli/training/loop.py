"""The training loop, for any task, from top to bottom.

Everything random comes from (seed, step) alone: a batch, noise inside a loss, a mask. So a run that is killed
at any step and started again with the same command gives, on a CPU in fp32, the same bits as one that was
left alone. Its state is one file; what it takes to repeat it is in config.json beside that.
"""

from __future__ import annotations

import contextlib
import json
import signal
import time
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from outpaint_cli.plugin import UsageError
from outpaint_cli.training.average import Average
from outpaint_cli.training.checkpoints import (
    load_state,
    pack_module,
    pack_optimizer,
    save_state,
    under,
    unpack_optimizer,
)
from outpaint_cli.training.display import Display
from outpaint_cli.training.options import TrainOptions
from outpaint_cli.training.sheets import save_png
from outpaint_cli.training.task import Batch, Player, Task
from outpaint_cli.training.workers import Workers, to_device

AHEAD = 4  # batches made in advance
SECONDS_BETWEEN_SAVES = 240


def train(task: Task, options: TrainOptions, config: Mapping[str, Any], workers: Workers) -> Path:
    """Train ``task`` until its steps or minutes are over, from where ``options.out`` stands: its ONNX file.

    ``config`` says what the run is and goes into config.json; a folder that holds another run is refused with
    UsageError. After Ctrl-C or SIGTERM the step in hand is finished and saved before KeyboardInterrupt or
    SystemExit goes on.
    """
    config = json.loads(json.dumps(config))  # as it will be when it is read back
    folder, product = options.out, task.players[0]
    state_file, log_file = folder / "last.safetensors", folder / "metrics.jsonl"
    to_device((player.module for player in task.players), workers.device)
    average = Average(product.module)
    step, seconds = 0, 0.0

    for player in task.players:
        for group in player.optimizer.param_groups:
            group["full_lr"] = group["lr"]  # what the schedule is a factor on
    if state_file.is_file():
        tensors, header = load_state(state_file)
        if _lasting(header["config"]) != _lasting(config):
            raise UsageError(
                f"{folder}: holds another run ({_difference(header['config'], config)}); use another -o"
            )
        _restore(task, average, tensors)
        step, seconds, precision = header["step"], header["seconds"], header["precision"]
        _forget_lines_after(log_file, step)
    else:
        precision = options.precision
        if precision == "auto":
            precision = probe(task, task.batch(np.random.default_rng(options.seed), 0.0).to(workers.device))

    def progress(step: int, seconds: float) -> float:
        return step / options.steps if options.steps else seconds / (60 * (options.minutes or 1))

    def save() -> None:
        if workers.first:
            header = {"step": step, "seconds": seconds, "precision": precision, "config": config}
            save_state(state_file, _state(task, average), header)

    def look(terms: Mapping[str, float]) -> dict[str, float]:
        """Validate, draw, and log one line."""
        scores = dict(task.validate(average.module))
        save_png(task.sheet(average.module), folder / "sheets" / f"step-{step:06d}.png")
        line = {
            "step": step,
            "seconds": round(seconds, 1),
            "pictures_per_second": round(display.rate, 2),
            **terms,
        }
        with log_file.open("a") as log:
            log.write(json.dumps({**line, **{f"val_{key}": value for key, value in scores.items()}}) + "\n")
        display.scores(step, {"pictures/s": display.rate, **terms, **scores})
        display.pause()
        return scores

    if workers.first:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps({**config, "precision": precision}, indent=2) + "\n")
    with Display(task.name, quiet=not workers.first) as display, _stop_politely() as stop:
        display.say(f"{task.name}: {precision} on {workers.device}, from step {step}")
        batches = _batches(task, options.seed, step, workers, lambda ahead: progress(step + ahead, seconds))
        saved = looked = time.monotonic()
        started = time.monotonic()
        terms: dict[str, float] = {}
        while progress(step, seconds) < 1 and not stop:
            here = progress(step, seconds)
            batch = next(batches).to(workers.device)
            torch.manual_seed(_mix(options.seed, step, workers.rank))
            losses = [play(player, batch, step, here, precision, workers) for player in task.players]
            average.follow(product.module, step)
            found = {name: float(value) for loss in losses for name, value in loss.items()}
            terms = {name: 0.95 * terms.get(name, value) + 0.05 * value for name, value in found.items()}
            now = time.monotonic()
            step, seconds, started = step + 1, workers.agree(seconds + now - started), now
            display.step(step, here, found[product.name], len(batch.picture) * workers.count)
            if (options.save_every and step % options.save_every == 0) or now - saved > SECONDS_BETWEEN_SAVES:
                save()
                saved = time.monotonic()
            if workers.first and (now - looked > SECONDS_BETWEEN_SAVES or step == 200):
                look(terms)
                looked = started = time.monotonic()
        save()
        if stop:
            raise stop[0]
        workers.wait()
        path = folder / "model.onnx"
        if workers.first:
            scores = look(terms)
            summary = {
                **config,
                "step": step,
                "seconds": round(seconds),
                "precision": precision,
                "scores": scores,
            }
            difference = task.export(average.module, path, summary)
            display.say(f"{path}: onnxruntime and PyTorch differ by at most {difference:.2g}")
    return path


def play(
    player: Player, batch: Batch, step: int, progress: float, precision: str, workers: Workers
) -> dict[str, Tensor]:
    """One player's turn: loss, gradients, optimizer. The loss and its terms come back, detached."""
    for group in player.optimizer.param_groups:
        group["lr"] = group["full_lr"] * player.schedule(step, progress)
    player.module.train()
    with torch.autocast(batch.picture.device.type, torch.bfloat16, enabled=precision == "bf16"):
        loss, terms = player.loss(batch, progress)
    player.optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    workers.average(player.module)
    if player.clip is not None:
        torch.nn.utils.clip_grad_norm_(player.module.parameters(), player.clip)
    player.optimizer.step()
    return {player.name: loss.detach(), **{f"{player.name}.{key}": t.detach() for key, t in terms.items()}}


def probe(task: Task, batch: Batch) -> str:
    """Which precision trains faster here: "bf16" where it wins by a fifth, else "fp32".

    Forward and backward passes are timed; weights, buffers and optimizers are as before afterwards.
    """
    before = {
        player.name: {k: v.clone() for k, v in player.module.state_dict().items()} for player in task.players
    }
    times = {}
    for precision in ("fp32", "bf16"):
        for attempt in range(4):
            if attempt == 1:
                _synchronise(batch.picture.device)
                start = time.perf_counter()
            batch.shared.clear()
            for player in task.players:
                player.module.train()
                with torch.autocast(batch.picture.device.type, torch.bfloat16, enabled=precision == "bf16"):
                    loss, _ = player.loss(batch, 0.0)
                loss.backward()  # type: ignore[no-untyped-call]
                player.optimizer.zero_grad(set_to_none=True)
        _synchronise(batch.picture.device)
        times[precision] = time.perf_counter() - start
    batch.shared.clear()
    for player in task.players:
        player.module.load_state_dict(before[player.name])
    return "bf16" if times["bf16"] < 0.83 * times["fp32"] else "fp32"


# ------------------------------------------------------------------------------------------ small parts


def _batches(task: Task, seed: int, step: int, workers: Workers, progress: Any) -> Iterator[Batch]:
    """Batches from ``step`` on, made a little ahead in a thread; each a function of (seed, step, rank)."""
    with ThreadPoolExecutor(1, "batches") as pool:
        coming: deque[Future[Batch]] = deque()
        while True:
            while len(coming) < AHEAD:
                rng = np.random.default_rng((seed, step, workers.rank))
                coming.append(pool.submit(task.batch, rng, min(progress(len(coming)), 1.0)))
                step += 1
            yield coming.popleft().result()


def _mix(seed: int, step: int, rank: int) -> int:
    return int(np.random.SeedSequence((seed, step, rank, 1)).generate_state(1)[0])


def _state(task: Task, average: Average) -> dict[str, Tensor]:
    tensors = pack_module("average", average.module)
    for player in task.players:
        tensors |= pack_module(f"player.{player.name}", player.module)
        tensors |= pack_optimizer(f"optimizer.{player.name}", player.optimizer)
    return tensors


def _restore(task: Task, average: Average, tensors: Mapping[str, Tensor]) -> None:
    average.module.load_state_dict(under("average", tensors))
    for player in task.players:
        player.module.load_state_dict(under(f"player.{player.name}", tensors))
        unpack_optimizer(f"optimizer.{player.name}", player.optimizer, tensors)


def _forget_lines_after(log: Path, step: int) -> None:
    """Steps that were lost with a kill are done again, and so are their lines."""
    if log.is_file():
        lines = [line for line in log.read_text().splitlines() if line.endswith("}")]
        log.write_text("".join(line + "\n" for line in lines if json.loads(line)["step"] <= step))


def _lasting(config: Mapping[str, Any]) -> dict[str, Any]:
    """What must be the same for a run to go on: all but the versions of libraries."""
    return {key: value for key, value in config.items() if key != "versions"}


def _difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    old, new = _lasting(old), _lasting(new)
    keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    inner = [key for key in keys if isinstance(old.get(key), dict) and isinstance(new.get(key), dict)]
    for key in inner:
        return f"{key}: {_difference(old[key], new[key])}"
    return ", ".join(f"{key} is {old.get(key)!r}, now {new.get(key)!r}" for key in keys[:3])


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


@contextlib.contextmanager
def _stop_politely() -> Iterator[list[BaseException]]:
    """A list that fills at Ctrl-C or SIGTERM; a second Ctrl-C stops at once."""
    stop: list[BaseException] = []

    def on_signal(number: int, frame: Any) -> None:
        if stop:
            raise KeyboardInterrupt
        stop.append(KeyboardInterrupt() if number == signal.SIGINT else SystemExit(128 + number))

    before = {}
    with contextlib.suppress(ValueError):  # not the main thread: nobody can signal us
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, on_signal)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
