"""Trains one model from a spec: the whole loop in one file to read from top to bottom.

Killed at any moment and started again with the same spec, it goes on from its last checkpoint and
ends with the same bits on a CPU as if nothing had happened: a step's frames, dropout and augmentation
are functions of (seed, step), and weights, moments and averages are stored exactly.

A loss that is no number ends training: the last good checkpoint is published, and the result says why.
"""

import math
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
from torch import Tensor

from gpu_services.checkpoint_files import check_fit
from gpu_services.driving.batches import Batches, Gatherer
from gpu_services.driving.checkpoint import (
    CheckpointCard,
    latest_folder,
    load_model,
    read_card,
    read_state,
    read_weights,
    save_checkpoint,
)
from gpu_services.driving.export import export_program
from gpu_services.driving.frames import FrameStore, open_frames, read_manifest
from gpu_services.driving.learner import Learner
from gpu_services.driving.offline import offline_metrics, predict, prediction_table
from gpu_services.driving.reference import load_reference, read_reference
from gpu_services.driving.sampler import Rows, Sampler
from gpu_services.errors import CheckpointError, DivergedError, ReleaseError
from gpu_services.metric_stream import MetricStream
from gpu_services.places import Place
from gpu_services.runtime import Runtime, end_runtime, start_runtime
from scalediff_contract.jobs import OfflineMetric, TrainResult, TrainSpec

_LOG_EVERY = 10
_VALIDATE_FRAMES = 1_024
SPOOL = "metrics.jsonl"
PREDICTIONS = "predictions.parquet"
PROGRAM = "model.pt2"

OnProgress = Callable[[str, int, int, str], None]
"""Called with what is done, how much of how much, and a word about it."""


def train(spec: TrainSpec, on_progress: OnProgress) -> TrainResult:
    """Train, publish a checkpoint, and measure it on the validation split.

    Raises:
        ReleaseError: For data that cannot be trained on.
        CheckpointError: For initial weights, or a checkpoint to go on from, that do not fit.
        NoSpaceError: The disk is full; the last checkpoint is kept, and the next start goes on from it.
    """
    return _Training(spec, on_progress).run()


class _Training:
    def __init__(self, spec: TrainSpec, on_progress: OnProgress) -> None:
        self.spec, self._on_progress = spec, on_progress
        self.runtime: Runtime = start_runtime(spec.recipe.bf16)
        self.output = Place(spec.output_url)
        self.store = self._open_frames()
        self.train_rows, self.val_rows = self.store.rows("train"), self.store.rows("val")
        self._check_rows()
        self.learner = Learner(spec.architecture, spec.recipe, spec.camera, self.runtime)
        self.card: CheckpointCard | None = self._resume()
        self.first_step = self.card.step if self.card else 0
        self._seconds_before = self.card.seconds if self.card else 0.0
        self._began_s = time.perf_counter()
        self._loss: float | None = self.card.loss if self.card else None
        self._waited_s = 0.0
        self._done = self.first_step

    def run(self) -> TrainResult:
        """The loop, then the measurements."""
        status, detail = "finished", ""
        with TemporaryDirectory() as scratch, self._metrics(Path(scratch)) as metrics:
            try:
                self._loop(metrics)
            except DivergedError as error:
                if self.card is None:
                    raise
                status, detail = "diverged", str(error)
            seconds = time.perf_counter() - self._began_s
            offline = self._measure() if self.card is not None else ()
            metrics.close()
            if self.output.local is None and self.card is not None:
                self.output.upload(SPOOL, metrics_file(Path(scratch)))
        end_runtime(self.runtime)
        steps = self._done - self.first_step
        return TrainResult(
            status=status,  # type: ignore[arg-type]
            detail=detail,
            step=self._done if self.card is None else self.card.step,
            # Only the first of several processes saves and measures.
            checkpoint=None if self.card is None else f"step_{self.card.step:08d}",
            weights_sha256=None if self.card is None else self.card.model_sha256,
            seconds=round(self._seconds_before + seconds, 3),
            samples_per_s=round(steps * self.spec.recipe.batch / max(1e-9, seconds), 1),
            data_wait_share=round(self._waited_s / max(1e-9, seconds), 4),
            resumed_from_step=self.first_step,
            device=self.runtime.name,
            frames={"train": len(self.train_rows), "val": len(self.val_rows)},
            loss=self._loss,
            offline=offline,
            spool=SPOOL,
            delivered=metrics.delivered,
        )

    def _open_frames(self) -> FrameStore:
        spec, clean = self.spec, Place(self.spec.clean_url)
        manifest = read_manifest(clean, spec.release_key, spec.release_hash)
        self._on_progress("frames", 0, 1, manifest.name)
        return open_frames(
            clean,
            manifest,
            spec.architecture,
            spec.recipe,
            Path(spec.cache_dir),
            lambda done, total: self._on_progress("frames", done, total, manifest.name),
        )

    def _check_rows(self) -> None:
        for split, rows in (("train", self.train_rows), ("val", self.val_rows)):
            if not len(rows):
                problem = f"its {split} split has no frame with a command"
                raise ReleaseError(f"release {self.spec.release_hash[:16]}", problem, "release other days")

    def _resume(self) -> CheckpointCard | None:
        spec, folder = self.spec, latest_folder(self.output)
        if folder is None:
            if spec.initial_weights is not None:
                self._start_from(spec.initial_weights)
            return None
        card = read_card(self.output, folder)
        name = f"{spec.output_url}/{folder}"
        for what, there, wanted in (
            ("architecture", card.architecture, spec.architecture),
            ("recipe", card.recipe, spec.recipe),
            ("release", card.release_hash, spec.release_hash),
        ):
            if there != wanted:
                raise CheckpointError(name, f"it is of another {what}", "give the training run another name")
        state = read_state(self.output, card, folder)
        self.learner.restore(read_weights(self.output, card, folder), state)
        return card

    def _start_from(self, source: str) -> None:
        model = self.learner.model
        if Path(source).suffix == ".pth":
            load_reference(model, read_reference(Path(source)), name=source)
        else:
            other, _ = load_model(source)
            check_fit(model, other.state_dict(), name=source)
            model.load_state_dict(other.state_dict())
        for name, value in model.state_dict().items():
            self.learner.average[name].copy_(value)

    def _metrics(self, scratch: Path) -> MetricStream:
        folder = self.output.local or scratch
        if self.output.local is None and self.output.exists(SPOOL):
            metrics_file(scratch).write_bytes(self.output.read(SPOOL))
        rank = self.runtime.rank
        target = self.spec.tracking if rank == 0 else self.spec.tracking.model_copy(update={"run_id": None})
        stream = MetricStream(target, metrics_file(folder) if rank == 0 else scratch / f"rank{rank}.jsonl")
        stream.forget_after(self.first_step)
        return stream

    def _loop(self, metrics: MetricStream) -> None:
        spec, recipe = self.spec, self.spec.recipe
        end = min(recipe.steps, spec.stop_after_steps or recipe.steps)
        batches = Batches(
            Gatherer(self.store, self.runtime),
            Sampler(self.store.index, self.train_rows, recipe),
            self.runtime,
            batch=recipe.batch,
            first=self.first_step,
            end=end,
        )
        if self.first_step >= end:
            return
        for step, batch in batches:
            losses = self.learner.step(step, batch)
            self._done, self._waited_s = step + 1, batches.waited_s
            if self._done % _LOG_EVERY == 0 or self._done == end:
                self._report(metrics, losses, end)
            if self._done % recipe.validate_every == 0 or self._done == end:
                metrics.log(self._done, self._validate())
            if self._done % recipe.save_every == 0 or self._done == end:
                self._save(losses)

    def _report(self, metrics: MetricStream, losses: dict[str, Tensor], end: int) -> None:
        values = {name: float(value) for name, value in losses.items()}
        self._check_finite(values)
        self._loss = values["loss"]
        seconds = time.perf_counter() - self._began_s
        rate = (self._done - self.first_step) * self.spec.recipe.batch / seconds
        extra = {
            "lr": self.learner.lr_at(self._done - 1),
            "samples_per_s": rate,
            "data_wait_share": self._waited_s / seconds,
        }
        metrics.log(self._done, {f"train/{name}": value for name, value in (values | extra).items()})
        self._on_progress("training", self._done, end, f"loss {values['loss']:.4f}, {rate:.0f} frames/s")

    def _check_finite(self, values: dict[str, float]) -> None:
        bad = next((name for name, value in values.items() if not math.isfinite(value)), None)
        if bad is not None:
            kept = (
                f"the checkpoint of step {self.card.step} is kept" if self.card else "there is no checkpoint"
            )
            raise DivergedError(
                f"step {self._done}", f"{bad} is {values[bad]}, so training stopped and {kept}",
                "lower lr, or look at the release's labels",
            )  # fmt: skip

    def _save(self, losses: dict[str, Tensor]) -> None:
        if self.runtime.rank != 0:
            return
        self._check_finite({name: float(value) for name, value in losses.items()})
        spec = self.spec
        card: dict[str, Any] = {
            "training_run": spec.training_run,
            "step": self._done,
            "architecture": spec.architecture,
            "recipe": spec.recipe,
            "pedals": spec.pedals,
            "look_every_s": spec.look_every_s,
            "camera": spec.camera,
            "release_hash": spec.release_hash,
            "seconds": round(self._seconds_before + time.perf_counter() - self._began_s, 3),
            "loss": float(losses["loss"]),
        }
        self.card = save_checkpoint(self.output, card, self.learner.average, self.learner.state())

    def _validate(self) -> dict[str, float]:
        """Errors of the averaged weights on up to a thousand frames of the validation split."""
        rows: Rows = self.val_rows[:: max(1, len(self.val_rows) // _VALIDATE_FRAMES)]
        table = self._predictions(rows)
        train = self.store.index[self.train_rows]
        found = [metric for metric in offline_metrics(table, train) if metric.slice == "all"]
        return {f"val/{metric.control}_mae": metric.mae for metric in found}

    def _predictions(self, rows: Rows) -> pl.DataFrame:
        said = predict(self.learner.averaged_model(), self.store, rows, self.runtime)
        return prediction_table(self.store, rows, said)

    def _measure(self) -> tuple[OfflineMetric, ...]:
        """Measure the published weights on the whole validation split, and keep every prediction."""
        assert self.card is not None  # noqa: S101
        folder = f"step_{self.card.step:08d}"
        self.learner.average.update(read_weights(self.output, self.card, folder))
        self._on_progress("measuring", 0, 1, f"{len(self.val_rows)} held-out frames")
        table = self._predictions(self.val_rows)
        with TemporaryDirectory() as scratch:
            path = Path(scratch) / PREDICTIONS
            table.write_parquet(path)
            self.output.write(PREDICTIONS, path.read_bytes())
        self.output.write(PROGRAM, export_program(self.learner.averaged_model()))
        self._on_progress("measuring", 1, 1, "")
        return offline_metrics(table, self.store.index[self.train_rows])


def metrics_file(folder: Path) -> Path:
    """The spool in a folder."""
    return folder / SPOOL


__all__ = ["PREDICTIONS", "SPOOL", "OnProgress", "train"]
