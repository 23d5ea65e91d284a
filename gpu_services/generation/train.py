"""Trains one video model from a spec: the whole loop in one file to read from top to bottom.

Killed at any moment and started again with the same spec, it goes on from its last checkpoint and
ends with the same bits on a CPU as if nothing had happened: a step's clips, noise and dropped labels are
functions of (seed, step), and weights, moments and averages are stored exactly.

A loss that is no number ends training: the last good checkpoint is published, and the result says why.
"""

import math
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor

from gpu_services.checkpoint_files import (
    check_fit,
    latest_folder,
    read_checkpoint_card,
    read_state,
    read_weights,
    write_checkpoint,
)
from gpu_services.errors import CheckpointError, DivergedError
from gpu_services.generation.clips import ClipLibrary, ClipSet, open_clips
from gpu_services.generation.codec import encode_clips, make_codec
from gpu_services.generation.conditions import Vocabulary
from gpu_services.generation.learner import VideoLearner, denoising_error, trained_parameters
from gpu_services.generation.model import VideoCard, VideoModel, load_video_model, make_model, split_weights
from gpu_services.metric_stream import MetricStream
from gpu_services.places import Place
from gpu_services.runtime import Runtime, seed_step, start_runtime
from scalediff_contract.tracking import JobStatus
from scalediff_contract.video_training import TrainVideoResult, TrainVideoSpec

SPOOL = "metrics.jsonl"
_LOG_EVERY = 10
_VALIDATE_CLIPS = 64
_LATENTS_IN_MEMORY_BYTES = 8 << 30

OnProgress = Callable[[str, int, int, str], None]
"""Called with what is done, how much of how much, and a word about it."""


def train_video(spec: TrainVideoSpec, on_progress: OnProgress) -> TrainVideoResult:
    """Train and publish a checkpoint.

    Raises:
        ClipDataError: For clips that cannot be trained on.
        CheckpointError: For initial weights, or a checkpoint to go on from, that do not fit.
        DivergedError: The loss is no number and there is no checkpoint.
        NoSpaceError: The disk is full; the last checkpoint is kept, and the next start goes on from it.
    """
    return _Training(spec, on_progress).run()


class LatentClips:
    """Clips as latents on the device: all at once where they fit, else batch by batch."""

    def __init__(self, clips: ClipSet, model: VideoModel, device: torch.device) -> None:
        self._clips, self._model, self._device = clips, model, device
        self.condition = model.conditioner(clips.prompts).to(device)
        fits = 4 * len(clips) * math.prod(model.latent_shape) <= _LATENTS_IN_MEMORY_BYTES
        self._latents = encode_clips(model.codec, clips.frames, device) if fits else None

    def __len__(self) -> int:
        return len(self._clips)

    def batch(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        """Latents `(B, T, C, h, w)` and conditions of some clips."""
        chosen = torch.from_numpy(rows).to(self._device)
        if self._latents is None:
            return encode_clips(self._model.codec, self._clips.frames[rows], self._device), self.condition[
                chosen
            ]
        return self._latents[chosen], self.condition[chosen]


def batch_rows(seed: int, step: int, clips: int, batch: int) -> np.ndarray:
    """Which clips a step sees: each once an epoch, in an order of (seed, epoch)."""
    per_epoch = -(-clips // batch)
    epoch, place = divmod(step, per_epoch)
    order = np.random.default_rng([seed, epoch]).permutation(clips)
    # The last batch of an epoch is filled up from its beginning: every step has one shape.
    return np.resize(order, per_epoch * batch)[place * batch : (place + 1) * batch]


class _Training:
    def __init__(self, spec: TrainVideoSpec, on_progress: OnProgress) -> None:
        self.spec, self._on_progress = spec, on_progress
        self.runtime: Runtime = start_runtime(spec.recipe.bf16)
        self.output = Place(spec.output_url)
        on_progress("clips", 0, 1, spec.clips.url)
        self.library: ClipLibrary = open_clips(spec.clips)
        self.model = self._model()
        self.train = LatentClips(self.library.train, self.model, self.runtime.device)
        val = self.library.val.rows(range(min(_VALIDATE_CLIPS, len(self.library.val))))
        self.val = LatentClips(val, self.model, self.runtime.device)
        self.steps = spec.recipe.total_steps(len(self.train))
        self.learner = VideoLearner(self.model, spec.recipe, self.steps, self.runtime)
        self.card = self._resume()
        self.first_step = self._done = self.card.step if self.card else 0
        self._seconds_before = self.card.seconds if self.card else 0.0
        self._began_s = time.perf_counter()
        self._recent: deque[float] = deque(maxlen=10)
        self._val_loss: float | None = None

    def run(self) -> TrainVideoResult:
        """The loop."""
        status: JobStatus = "finished"
        detail = ""
        with TemporaryDirectory() as scratch, self._metrics(Path(scratch)) as metrics:
            try:
                self._loop(metrics)
            except DivergedError as error:
                if self.card is None:
                    raise
                status, detail = "diverged", str(error)
            seconds = time.perf_counter() - self._began_s
            metrics.close()
            if self.output.local is None:
                self.output.upload(SPOOL, Path(scratch) / SPOOL)
        return self._result(status, detail, seconds, metrics.delivered)

    def _result(self, status: JobStatus, detail: str, seconds: float, delivered: int) -> TrainVideoResult:
        assert self.card is not None  # noqa: S101
        recipe, network = self.spec.recipe, self.model.network
        trained = trained_parameters(network, recipe.trainable)
        return TrainVideoResult(
            status=status,
            detail=detail,
            warnings=_warnings(self.spec),
            version=self.spec.version,
            step=self.card.step,
            checkpoint=self.card.folder,
            weights_sha256=self.card.model_sha256,
            parameters=sum(parameter.numel() for parameter in network.parameters()),
            trained_parameters=sum(parameter.numel() for parameter in trained),
            seconds=round(self._seconds_before + seconds, 3),
            steps_per_s=round((self._done - self.first_step) / max(1e-9, seconds), 3),
            resumed_from_step=self.first_step,
            device=self.runtime.name,
            clips={"train": len(self.library.train), "val": len(self.library.val)},
            loss=self.card.loss,
            val_loss=self._val_loss,
            spool=SPOOL,
            delivered=delivered,
        )

    def _model(self) -> VideoModel:
        spec, device = self.spec, self.runtime.device
        if spec.initial_weights is not None:
            return self._from_initial(spec.initial_weights)
        state = self._codec_state()
        codec = make_codec(spec.architecture, clips=self.library.train.frames, state=state, device=device)
        vocabulary = Vocabulary.of(self.library.train.prompts)
        seed_step(spec.recipe.seed, -1)
        return make_model(self.library.manifest.spec, spec.architecture, vocabulary, codec, device)

    def _codec_state(self) -> dict[str, Tensor] | None:
        """Of the checkpoint to go on from: fitted anew on another machine it may differ in a last bit."""
        folder = latest_folder(self.output)
        if folder is None:
            return None
        card = read_checkpoint_card(self.output, VideoCard, folder)
        return split_weights(read_weights(self.output, card, folder))[0]

    def _from_initial(self, url: str) -> VideoModel:
        model, card = load_video_model(url, self.runtime.device)
        for what, there, wanted in (
            ("architecture", card.architecture, self.spec.architecture),
            ("clip size", card.spec, self.library.manifest.spec),
        ):
            if there != wanted:
                raise CheckpointError(url, f"it is of another {what}", "fine-tune with its own")
        return model

    def _resume(self) -> VideoCard | None:
        folder = latest_folder(self.output)
        if folder is None:
            return None
        card, spec = read_checkpoint_card(self.output, VideoCard, folder), self.spec
        name = f"{spec.output_url}/{folder}"
        for what, there, wanted in (
            ("architecture", card.architecture, spec.architecture),
            ("recipe", card.recipe, spec.recipe),
            ("version", card.version, spec.version),
            ("set of clips", card.manifest_hash, spec.clips.content_hash),
        ):
            if there != wanted:
                raise CheckpointError(name, f"it is of another {what}", "give the training run another name")
        _, average = split_weights(read_weights(self.output, card, folder))
        check_fit(self.model.network, average, name=name)
        self.learner.restore(average, read_state(self.output, card, folder))
        return card

    def _metrics(self, scratch: Path) -> MetricStream:
        if self.output.local is None and self.output.exists(SPOOL):
            (scratch / SPOOL).write_bytes(self.output.read(SPOOL))
        stream = MetricStream(self.spec.tracking, (self.output.local or scratch) / SPOOL)
        stream.forget_after(self.first_step)
        return stream

    def _loop(self, metrics: MetricStream) -> None:
        recipe = self.spec.recipe
        end = min(self.steps, self.spec.stop_after_steps or self.steps)
        for step in range(self.first_step, end):
            rows = batch_rows(recipe.seed, step, len(self.train), recipe.batch)
            losses = self.learner.step(step, *self.train.batch(rows))
            self._done = step + 1
            saving = self._done % recipe.save_every == 0 or self._done == end
            if saving or self._done % _LOG_EVERY == 0:
                self._report(metrics, losses)
            if self._done % recipe.validate_every == 0 or self._done == end:
                metrics.log(self._done, {"val/loss": self._validate()})
            if saving:
                self._save()

    def _report(self, metrics: MetricStream, losses: dict[str, Tensor]) -> None:
        values = {name: float(value) for name, value in losses.items()}
        self._check_finite(values)
        self._recent.append(values["loss"])
        rate = (self._done - self.first_step) / (time.perf_counter() - self._began_s)
        extra = {"lr": self.learner.lr_at(self._done - 1), "steps_per_s": rate}
        metrics.log(self._done, {f"train/{name}": value for name, value in (values | extra).items()})
        self._on_progress(
            "training", self._done, self.steps, f"loss {values['loss']:.4f}, {rate:.2f} steps/s"
        )

    def _check_finite(self, values: dict[str, float]) -> None:
        bad = next((name for name, value in values.items() if not math.isfinite(value)), None)
        if bad is None:
            return
        kept = f"the checkpoint of step {self.card.step} is kept" if self.card else "there is no checkpoint"
        problem = f"{bad} is {values[bad]}, so training stopped and {kept}"
        raise DivergedError(f"step {self._done}", problem, "lower lr, or look at the clips")

    def _validate(self) -> float:
        """The averaged weights' error on held-out clips."""
        raw = {name: value.clone() for name, value in self.model.network.state_dict().items()}
        self.model.network.load_state_dict(self.learner.average)
        latents, condition = self.val.batch(np.arange(len(self.val)))
        self._val_loss = denoising_error(self.model, latents, condition)
        self.model.network.load_state_dict(raw)
        return self._val_loss

    def _save(self) -> None:
        spec, vocabulary = self.spec, self.model.vocabulary
        fields = {
            "training_run": spec.training_run,
            "version": spec.version,
            "step": self._done,
            "spec": self.model.spec,
            "architecture": spec.architecture,
            "recipe": spec.recipe,
            "terms": vocabulary.terms,
            "categories": vocabulary.categories,
            "slots": vocabulary.slots,
            "manifest_hash": spec.clips.content_hash,
            "seconds": round(self._seconds_before + time.perf_counter() - self._began_s, 3),
            "loss": float(np.mean(self._recent)),
        }
        weights = self.model.weights(self.learner.average)
        self.card = write_checkpoint(self.output, VideoCard, fields, weights, self.learner.state())


def _warnings(spec: TrainVideoSpec) -> tuple[str, ...]:
    if spec.recipe.p_uncond == 0:
        return ("p_uncond is 0: no label was ever dropped, so guidance has nothing to compare with",)
    return ()
