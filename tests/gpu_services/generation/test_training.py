"""Training: exact resume, kill, divergence, fine-tuning in time only, bad input, and that it learns."""

import json
import math
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from gpu_services.checkpoint_files import read_checkpoint_card, read_state, read_weights
from gpu_services.errors import CheckpointError, DivergedError
from gpu_services.generation import diffusion
from gpu_services.generation import learner as learner_module
from gpu_services.generation.codec import IdentityCodec
from gpu_services.generation.conditions import Vocabulary
from gpu_services.generation.errors import ClipDataError
from gpu_services.generation.learner import VideoLearner
from gpu_services.generation.model import VideoCard, load_video_model, make_model
from gpu_services.generation.train import batch_rows, train_video
from gpu_services.places import Place
from gpu_services.runtime import start_runtime
from scalediff_contract.clip_manifests import ClipManifest, ClipsPlace
from scalediff_contract.video_models import VideoDiffusionTrainConfig
from scalediff_contract.video_training import TrainVideoSpec
from tests.gpu_services.generation.conftest import TINY, MakeSpec, moving_square, quiet

ROOT = Path(__file__).parents[3]
SHORT: dict[str, object] = {"steps": 6, "save_every": 2, "validate_every": 6}


def files_of(spec: TrainVideoSpec) -> dict[str, bytes]:
    folder = Path(spec.output_url)
    step = folder / json.loads((folder / "latest.json").read_text())["folder"]
    return {name: (step / name).read_bytes() for name in ("model.safetensors", "state.safetensors")}


def test_a_run_that_was_stopped_goes_on_to_the_same_bits(make_spec: MakeSpec) -> None:
    whole, parts = make_spec("whole", recipe=SHORT), make_spec("parts", recipe=SHORT)
    train_video(whole, quiet)
    train_video(parts.model_copy(update={"stop_after_steps": 4}), quiet)
    result = train_video(parts, quiet)
    assert result.resumed_from_step == 4
    assert files_of(parts) == files_of(whole)


def job(spec: TrainVideoSpec, folder: Path) -> "subprocess.Popen[bytes]":
    path = folder / f"{spec.training_run}.json"
    path.write_text(spec.model_dump_json())
    command = [sys.executable, "-m", "gpu_services.job", str(path)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.mark.slow
def test_a_killed_process_goes_on_to_the_same_bits(make_spec: MakeSpec, tmp_path: Path) -> None:
    longer: dict[str, object] = {"steps": 40, "save_every": 5, "validate_every": 40}
    whole, killed = make_spec("whole", recipe=longer), make_spec("killed", recipe=longer)
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
    spool = (Path(killed.output_url) / "metrics.jsonl").read_text().splitlines()
    steps = [json.loads(line)["step"] for line in spool]
    assert steps == sorted(steps), "steps that were done again are told once"
    result = json.loads((Path(killed.output_url) / "result.json").read_text())
    assert (result["kind"], result["status"], result["step"]) == ("train_video", "finished", 40)


def test_temporal_fine_tuning_leaves_every_other_weight_as_it_was(make_spec: MakeSpec, trained: str) -> None:
    spec = make_spec("tuned", recipe={**SHORT, "trainable": "temporal"}, initial_weights=trained)
    result = train_video(spec, quiet)
    assert 0 < result.trained_parameters < result.parameters
    before, _ = load_video_model(trained, torch.device("cpu"))
    after, _ = load_video_model(spec.output_url, torch.device("cpu"))
    old, new = before.network.state_dict(), after.network.state_dict()
    changed = {name for name in old if not torch.equal(old[name], new[name])}
    assert changed
    assert all(".temporal." in name for name in changed)


def test_only_temporal_parameters_have_a_gradient(make_spec: MakeSpec) -> None:
    learner = fresh_learner(TINY.recipe.model_copy(update={"trainable": "temporal", "p_first_frame": 0.0}))
    learner.step(0, *batch_of(4))
    for name, parameter in learner.model.network.named_parameters():
        assert (parameter.grad is not None) == (".temporal." in name), name


def fresh_learner(recipe: VideoDiffusionTrainConfig, steps: int = 200) -> VideoLearner:
    runtime = start_runtime("never")
    torch.manual_seed(0)
    vocabulary = Vocabulary(terms=("fire_truck", "snow_plough"), categories=2, slots=1)
    model = make_model(TINY.spec, TINY.architecture, vocabulary, IdentityCodec(), runtime.device)
    return VideoLearner(model, recipe, steps, runtime)


def batch_of(clips: int) -> tuple[torch.Tensor, torch.Tensor]:
    names = ("fire_truck", "snow_plough")
    frames = np.stack([moving_square(names[row % 2], row) for row in range(clips)])
    videos = torch.from_numpy(frames).movedim(-1, 2).float() / 127.5 - 1
    return videos, torch.tensor([[row % 2] for row in range(clips)])


@pytest.mark.slow
def test_eight_clips_are_learnt_by_heart() -> None:
    """At every noise level alike the loss of eight clips falls under 0.05; saying nothing scores 1."""
    recipe = TINY.recipe.model_copy(update={"lr": 3e-3, "p_uncond": 0.0, "p_first_frame": 0.0})
    learner = fresh_learner(recipe, steps=500)
    videos, labels = batch_of(8)
    losses = [float(learner.step(step, videos, labels)["loss"]) for step in range(500)]
    assert np.mean(losses[:5]) > 0.5
    assert np.mean(losses[-50:]) < 0.05


def test_the_learning_rate_is_the_recipe_at_both_ends() -> None:
    learner = fresh_learner(VideoDiffusionTrainConfig(), steps=2_240)
    assert learner.lr_at(0) == pytest.approx(3e-4)
    assert learner.lr_at(2_239) == pytest.approx(1e-5)
    assert all(learner.lr_at(step) >= learner.lr_at(step + 1) for step in range(0, 2_239, 100))


def test_442_clips_are_56_steps_an_epoch() -> None:
    assert VideoDiffusionTrainConfig().total_steps(442) == 2_240


def test_an_epoch_shows_every_clip_and_every_batch_is_full() -> None:
    rows = [batch_rows(3, step, 21, 8) for step in range(3)]
    assert all(len(batch) == 8 for batch in rows)
    assert set(np.concatenate(rows).tolist()) == set(range(21))
    assert batch_rows(3, 1, 21, 8).tolist() == rows[1].tolist()
    assert batch_rows(3, 4, 21, 8).tolist() != rows[1].tolist(), "the next epoch has another order"


def test_a_loss_that_is_no_number_keeps_the_last_good_checkpoint(
    make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = make_spec(recipe={"steps": 20, "save_every": 5, "validate_every": 20})
    _break_the_loss_from(7, monkeypatch)
    result = train_video(spec, quiet)
    assert (result.status, result.step) == ("diverged", 5)
    assert "the checkpoint of step 5 is kept" in result.detail
    load_video_model(spec.output_url, torch.device("cpu"))


def test_a_loss_that_is_no_number_at_once_is_an_error(
    make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    _break_the_loss_from(0, monkeypatch)
    with pytest.raises(DivergedError, match="there is no checkpoint"):
        train_video(make_spec(recipe=SHORT), quiet)


def _break_the_loss_from(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    true_step, calls = diffusion.training_step, iter(range(10_000))

    def broken(*args: object, **options: object) -> torch.Tensor:
        loss = true_step(*args, **options)  # type: ignore[arg-type]
        return loss * (math.nan if next(calls) >= step else 1.0)

    monkeypatch.setattr(learner_module, "training_step", broken)


def test_never_dropping_a_label_is_allowed_with_a_warning(make_spec: MakeSpec) -> None:
    result = train_video(make_spec(recipe={**SHORT, "p_uncond": 0.0}), quiet)
    assert "p_uncond is 0" in result.warnings[0]


def test_another_recipe_does_not_go_on_from_a_checkpoint(make_spec: MakeSpec) -> None:
    train_video(make_spec(recipe=SHORT), quiet)
    with pytest.raises(CheckpointError, match="it is of another recipe; give the training run another name"):
        train_video(make_spec(recipe={**SHORT, "lr": 1e-5}), quiet)


def test_a_corrupt_checkpoint_is_named(make_spec: MakeSpec) -> None:
    spec = make_spec(recipe=SHORT)
    train_video(spec, quiet)
    path = next(Path(spec.output_url).glob("step_*06/model.safetensors"))
    path.write_bytes(path.read_bytes()[:-1] + b"\x00\x01")
    with pytest.raises(CheckpointError, match="its hash is not the card's, so it is corrupt"):
        load_video_model(spec.output_url, torch.device("cpu"))


def test_a_checkpoint_says_what_it_is(trained: str) -> None:
    place = Place(trained)
    folder = json.loads((Path(trained) / "latest.json").read_text())["folder"]
    card = read_checkpoint_card(place, VideoCard, folder)
    assert (card.version, card.step) == ("v0.1.0", 120)
    assert card.terms[: card.categories] == ("fire_truck", "snow_plough")
    assert "word:street" in card.terms
    assert read_weights(place, card, folder)
    assert any(name.startswith("optimiser.exp_avg.") for name in read_state(place, card, folder))


def test_another_set_of_clips_than_the_spec_names_is_refused(
    make_spec: MakeSpec, squares: ClipsPlace
) -> None:
    other = squares.model_copy(update={"content_hash": "0" * 64})
    with pytest.raises(ClipDataError, match=r"its hash is .*, not 0000000000000000"):
        train_video(make_spec(clips=other), quiet)


def test_a_block_of_time_cannot_be_in_two_splits(squares: ClipsPlace) -> None:
    document = json.loads((Path(squares.url) / squares.key).read_text())
    document["clips"][-1]["block"] = document["clips"][0]["block"]
    with pytest.raises(ValueError, match="block 0 of drawn is in two splits"):
        ClipManifest.model_validate(document)
