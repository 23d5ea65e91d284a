"""Training: exact resume, divergence, a full disk, bad input, and that it learns at all."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gpu_services.driving import train as train_module
from gpu_services.driving.checkpoint import load_model, read_card
from gpu_services.driving.train import train
from gpu_services.errors import CheckpointError, DivergedError, JobError, NoSpaceError, ReleaseError
from gpu_services.places import Place
from scalediff_contract.jobs import TrackingTarget, TrainResult, TrainSpec
from tests.gpu_services.driving.conftest import RECIPE

ROOT = Path(__file__).parents[3]
MakeSpec = Callable[..., TrainSpec]


def quiet(label: str, done: int, total: int, note: str) -> None:
    """Progress that nobody watches."""


def files_of(spec: TrainSpec) -> dict[str, bytes]:
    folder = Path(spec.output_url)
    card = read_card(Place(spec.output_url), json.loads((folder / "latest.json").read_text())["folder"])
    step = folder / f"step_{card.step:08d}"
    return {name: (step / name).read_bytes() for name in ("model.safetensors", "state.safetensors")}


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on_to_the_same_bits(make_spec: MakeSpec) -> None:
    whole, parts = make_spec("whole"), make_spec("parts")
    train(whole, quiet)
    train(parts.model_copy(update={"stop_after_steps": 4}), quiet)
    result = train(parts, quiet)
    assert result.resumed_from_step == 4
    assert files_of(parts) == files_of(whole)


def job(spec: TrainSpec, folder: Path) -> "subprocess.Popen[bytes]":
    """The training in a process of its own."""
    path = folder / f"{spec.training_run}.json"
    path.write_text(spec.model_dump_json())
    command = [sys.executable, "-m", "gpu_services.job", str(path)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)


@pytest.mark.slow
def test_a_killed_process_goes_on_to_the_same_bits(make_spec: MakeSpec, tmp_path: Path) -> None:
    slow = RECIPE.model_copy(update={"steps": 60, "save_every": 5, "validate_every": 60})
    whole, killed = make_spec("whole", recipe=slow), make_spec("killed", recipe=slow)
    # Both in processes of their own: another test of this one may have set the threads.
    assert job(whole, tmp_path).wait() == 0
    process = job(killed, tmp_path)
    latest = Path(killed.output_url) / "latest.json"
    deadline_s = time.monotonic() + 120
    while not latest.exists() and process.poll() is None and time.monotonic() < deadline_s:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert job(killed, tmp_path).wait() == 0
    assert files_of(killed) == files_of(whole)
    rows = [
        json.loads(line)["step"]
        for line in (Path(killed.output_url) / "metrics.jsonl").read_text().splitlines()
    ]
    assert rows == sorted(rows), "steps that were done again are told once"


@pytest.mark.slow
def test_it_learns_what_the_pictures_say(make_spec: MakeSpec) -> None:
    longer = RECIPE.model_copy(
        update={
            "steps": 150,
            "batch": 32,
            "save_every": 150,
            "validate_every": 150,
            "yaw_rad": 0.0,
            "shift_m": 0.0,
        }
    )
    result = train(make_spec(recipe=longer), quiet)
    steer = next(m for m in result.offline if m.control == "steer" and m.slice == "all")
    assert steer.mae < 0.5 * steer.mae_median
    assert result.frames == {"train": 6 * 40, "val": 2 * 40}


@pytest.mark.slow
def test_a_loss_that_is_no_number_keeps_the_last_good_checkpoint(
    make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = make_spec()
    _break_the_loss_at(4, monkeypatch)
    result = train(spec, quiet)
    assert result.status == "diverged"
    assert result.step == 4
    assert "the checkpoint of step 4 is kept" in result.detail
    load_model(Path(spec.output_url) / str(result.checkpoint))


def test_a_loss_that_is_no_number_at_once_is_refused(
    make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    _break_the_loss_at(0, monkeypatch)
    with pytest.raises(DivergedError, match="there is no checkpoint"):
        train(make_spec(), quiet)


def _break_the_loss_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from gpu_services.driving.learner import Learner

    true_step = Learner.step

    def broken(self: Learner, number: int, batch: object) -> object:
        losses = true_step(self, number, batch)  # type: ignore[arg-type]
        return losses if number < step else {k: v * float("nan") for k, v in losses.items()}

    monkeypatch.setattr(Learner, "step", broken)


@pytest.mark.slow
def test_a_full_disk_keeps_the_last_good_checkpoint(
    make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, true_sync, writes = make_spec(), os.fsync, 0

    def fills_up(handle: int) -> None:
        nonlocal writes
        writes += 1
        if writes == 5:  # while the second checkpoint is written
            raise OSError(errno.ENOSPC, "No space left on device")
        true_sync(handle)

    monkeypatch.setattr(os, "fsync", fills_up)
    with pytest.raises(NoSpaceError, match="the disk is full"):
        train(spec, quiet)
    load_model(Path(spec.output_url) / "step_00000002")
    assert not list(Path(spec.output_url).rglob(".*")), "nothing half-written stays"
    assert train(spec, quiet).resumed_from_step == 2


def test_a_full_disk_before_the_first_checkpoint_is_one_sentence(
    make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(handle: int, first: int, size: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(NoSpaceError, match="free some space"):
        train(make_spec(), quiet)


@pytest.mark.slow
def test_training_goes_on_while_mlflow_is_away(make_spec: MakeSpec) -> None:
    target = TrackingTarget(uri="http://127.0.0.1:9", run_id="0" * 32)
    result = train(make_spec(tracking=target), quiet)
    assert result.status == "finished"
    assert result.delivered == 0


def test_a_checkpoint_of_another_release_is_refused(make_spec: MakeSpec) -> None:
    spec = make_spec()
    train(spec.model_copy(update={"stop_after_steps": 2}), quiet)
    card = Path(spec.output_url) / "step_00000002" / "checkpoint.json"
    card.write_text(card.read_text().replace(spec.release_hash, "0" * 64))
    with pytest.raises(CheckpointError, match="of another release"):
        train(spec, quiet)


def test_a_checkpoint_of_another_architecture_is_refused(make_spec: MakeSpec) -> None:
    spec = make_spec()
    train(spec.model_copy(update={"stop_after_steps": 2}), quiet)
    wider = spec.architecture.model_copy(update={"width": 16})
    with pytest.raises(CheckpointError, match="of another architecture"):
        train(spec.model_copy(update={"architecture": wider}), quiet)
    first = f"{spec.output_url}/step_00000002"
    with pytest.raises(CheckpointError, match="of another architecture"):
        train(make_spec("other", initial_weights=first, architecture=wider), quiet)


def test_corrupt_weights_are_refused(make_spec: MakeSpec) -> None:
    spec = make_spec()
    train(spec.model_copy(update={"stop_after_steps": 2}), quiet)
    weights = Path(spec.output_url) / "step_00000002" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4] + b"\0\0\0\0")
    with pytest.raises(CheckpointError, match="corrupt"):
        load_model(weights.parent)


def test_a_corrupt_shard_is_named(make_spec: MakeSpec, tmp_path: Path) -> None:
    spec = make_spec()
    shard = next((tmp_path / "clean" / "cilrs_datasets").rglob("*.parquet"))
    shard.write_bytes(shard.read_bytes()[:-9] + b"corrupted")
    with pytest.raises(ReleaseError, match=shard.stem):
        train(spec, quiet)
    assert not list((tmp_path / "cache").iterdir()), "no half-built cache stays"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"release_hash": "f" * 64}, "its hash is"),
        ({"release_key": "dataset_releases/none/manifest.json"}, "cannot be read"),
    ],
)
def test_a_release_that_is_not_there_is_named(
    change: dict[str, object], says: str, make_spec: MakeSpec
) -> None:
    with pytest.raises(JobError, match=says):
        train(make_spec(**change), quiet)


def test_a_release_that_lacks_a_command_is_refused(make_spec: MakeSpec, tmp_path: Path) -> None:
    path = tmp_path / "clean" / "dataset_releases" / "r1" / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["frames_by_command"]["left"] = 0
    path.write_text(json.dumps(manifest))
    with pytest.raises(ReleaseError, match="command left"):
        train(make_spec(), quiet)


@pytest.mark.slow
def test_two_processes_train_together(make_spec: MakeSpec, tmp_path: Path) -> None:
    spec = make_spec("two")
    path = tmp_path / "two.json"
    path.write_text(spec.model_dump_json())
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2",
               "-m", "gpu_services.job", str(path)]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    result = TrainResult.model_validate_json((Path(spec.output_url) / "result.json").read_text())
    assert (result.status, result.step) == ("finished", RECIPE.steps)


def test_the_spool_is_where_the_result_says(make_spec: MakeSpec) -> None:
    spec = make_spec()
    result = train(spec.model_copy(update={"stop_after_steps": 2}), quiet)
    rows = (Path(spec.output_url) / result.spool).read_text().splitlines()
    assert {json.loads(row)["step"] for row in rows} == {2}
    assert result.spool == train_module.SPOOL
