"""A run that is killed and started again gives the same bits as one that was left alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

from outpaint_cli.plugin import ModelError, UsageError
from outpaint_cli.training.checkpoints import load_state
from outpaint_cli.training.loop import probe
from outpaint_cli.training.workers import Workers
from tests.training.tiny_run import TinyTask, run

STEPS = 11


def final(out: Path) -> dict[str, torch.Tensor]:
    return load_state(out / "last.safetensors")[0]


def same_bits(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(a[name].numpy().tobytes() == b[name].numpy().tobytes() for name in a)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.Tensor]:
    out = tmp_path_factory.mktemp("undisturbed")
    run(out, STEPS, save_every=1000)
    return final(out)


class Killed(Exception):
    """Stands for a kill within a process: nothing is caught, nothing is saved."""


class Mortal(TinyTask):
    def _maybe_die(self, turn: str) -> None:
        if self.kill_at == self.done and self.in_turn_of == turn:
            raise Killed


@pytest.mark.parametrize("turn", ["network", "critic"])
@pytest.mark.parametrize("kill_at", range(STEPS))
def test_a_stop_at_any_step_changes_nothing(tmp_path, undisturbed, kill_at, turn):
    with pytest.raises(Killed):
        run(tmp_path, STEPS, Mortal(kill_at, turn))
    run(tmp_path, STEPS)
    assert same_bits(final(tmp_path), undisturbed)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_a_real_kill_changes_nothing(tmp_path, undisturbed):
    script = [sys.executable, str(Path(__file__).with_name("tiny_run.py")), str(tmp_path), str(STEPS)]
    root = str(Path(__file__).parents[2])
    env = {**os.environ, "PYTHONPATH": os.pathsep.join((root, os.environ.get("PYTHONPATH", "")))}
    for kill_after in ("4", "3"):  # dies in its fifth step, then three steps after the last save
        killed = subprocess.run([*script, kill_after], env=env, capture_output=True)
        assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    done = subprocess.run(script, env=env, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()
    assert b"from step 6" in done.stderr
    assert same_bits(final(tmp_path), undisturbed)


def test_another_seed_gives_another_network(tmp_path, undisturbed):
    run(tmp_path, STEPS, seed=6)
    assert not same_bits(final(tmp_path), undisturbed)


def test_the_weights_move_and_the_average_follows(undisturbed):
    start = TinyTask().network.state_dict()
    moved, average = undisturbed["player.network.0.weight"], undisturbed["average.0.weight"]
    assert not torch.equal(moved, start["0.weight"])
    assert not torch.equal(average, moved)
    assert torch.equal(undisturbed["average.1.running_mean"], undisturbed["player.network.1.running_mean"])


def test_a_run_folder_says_what_it_takes_to_repeat_it(tmp_path):
    run(tmp_path, 2)
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["options"]["seed"] == 5 and config["options"]["steps"] == 2
    assert config["precision"] == "fp32"
    assert str(tmp_path) not in (tmp_path / "config.json").read_text()
    line = json.loads((tmp_path / "metrics.jsonl").read_text())
    assert line["step"] == 2 and {"network", "critic", "network.rec", "val_sum"} <= set(line)
    assert (tmp_path / "sheets" / "step-000002.png").is_file()
    assert (tmp_path / "model.onnx").is_file()


def test_steps_that_are_done_again_are_logged_once(tmp_path):
    (tmp_path / "metrics.jsonl").write_text('{"step": 3}\n{"step": 9}\n{"step": 1')
    with pytest.raises(Killed):
        run(tmp_path, STEPS, Mortal(5))
    run(tmp_path, STEPS)
    steps = [json.loads(line)["step"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert steps == [3, STEPS]


def test_a_folder_with_another_run_is_refused(tmp_path):
    run(tmp_path, 2)
    with pytest.raises(UsageError, match=r"another run \(options: steps is 2, now 3\)"):
        run(tmp_path, 3)


def test_a_finished_run_is_not_trained_again(tmp_path):
    run(tmp_path, 2)
    before = final(tmp_path)
    run(tmp_path, 2)
    assert same_bits(final(tmp_path), before)


def test_a_damaged_state_is_told(tmp_path):
    (tmp_path / "last.safetensors").write_bytes(b"no such thing")
    with pytest.raises(ModelError, match="not the state of a training run"):
        run(tmp_path, 2)


@pytest.mark.skipif(sys.platform == "win32", reason="signals differ on Windows")
@pytest.mark.parametrize(
    ("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)]
)
def test_ctrl_c_and_sigterm_save_the_step_in_hand(tmp_path, undisturbed, number, error):
    assert threading.current_thread() is threading.main_thread()

    class Interrupted(TinyTask):
        def _maybe_die(self, turn: str) -> None:
            if self.done == 4 and turn == "network":
                os.kill(os.getpid(), number)

    with pytest.raises(error):
        run(tmp_path, STEPS, Interrupted(), save_every=1000)
    assert load_state(tmp_path / "last.safetensors")[1]["step"] == 5
    run(tmp_path, STEPS)
    assert same_bits(final(tmp_path), undisturbed)


def test_the_probe_leaves_no_trace():
    import numpy as np

    task = TinyTask()
    before = {k: v.clone() for p in task.players for k, v in p.module.state_dict().items()}
    assert probe(task, task.batch(np.random.default_rng(0), 0)) in ("fp32", "bf16")
    after = {k: v for p in task.players for k, v in p.module.state_dict().items()}
    assert same_bits(before, after)
    assert all(p.grad is None for player in task.players for p in player.module.parameters())
    assert not any(player.optimizer.state for player in task.players)


def test_minutes_end_a_run_too(tmp_path):
    from outpaint_cli.training.loop import train
    from outpaint_cli.training.options import TrainOptions

    options = TrainOptions("tiny", Path("p"), tmp_path, minutes=0.01, precision="fp32")
    train(TinyTask(), options, {}, Workers("cpu"))
    header = load_state(tmp_path / "last.safetensors")[1]
    assert header["seconds"] >= 0.6 and header["step"] > 1
