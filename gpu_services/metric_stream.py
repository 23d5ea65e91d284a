"""Metrics on their way to MLflow: written to a file at once, sent by a thread, never waited for.

The spool is the truth: a JSON line per step, kept with the checkpoint. Where MLflow cannot be reached
training goes on; what was not sent is delivered later from the spool (`resources.tracking`).
"""

import contextlib
import json
import math
import os
import threading
import time
from pathlib import Path
from typing import IO, Any

from scalediff_contract.jobs import TrackingTarget

_SEND_EVERY_S = 1.0
_RETRY_AFTER_S = 15.0
_ROWS_PER_BATCH = 100


class MetricStream:
    """One run's metrics; a context manager."""

    def __init__(self, target: TrackingTarget, spool: Path, *, delivered: int = 0) -> None:
        """Open the spool and start sending.

        Args:
            target: MLflow.
            spool: File that rows are appended to.
            delivered: Rows of the spool that are known to have arrived.
        """
        self._target, self._spool = target, spool
        self.delivered = delivered
        spool.parent.mkdir(parents=True, exist_ok=True)
        self._rows: list[dict[str, Any]] = read_spool(spool)
        self._file: IO[str] = spool.open("a")
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._thread: threading.Thread | None = None
        if target.run_id is not None:
            self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)
            self._thread.start()

    def __enter__(self) -> "MetricStream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def log(self, step: int, metrics: dict[str, float]) -> None:
        """Note metrics of a step; values that are no numbers are left out."""
        finite = {name: value for name, value in metrics.items() if math.isfinite(value)}
        row = {"step": step, "ms": time.time_ns() // 1_000_000, "metrics": finite}
        with self._lock:
            self._rows.append(row)
            self._file.write(json.dumps(row) + "\n")
            self._file.flush()

    def forget_after(self, step: int) -> None:
        """Drop rows of steps that will be done again after a kill."""
        with self._lock:
            kept = [row for row in self._rows if row["step"] <= step]
            if len(kept) == len(self._rows):
                return
            self._rows, self.delivered = kept, min(self.delivered, len(kept))
            self._file.close()
            self._spool.write_text("".join(json.dumps(row) + "\n" for row in kept))
            self._file = self._spool.open("a")

    def close(self, timeout_s: float = 10.0) -> None:
        """Send what is left, for a while."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
        self._file.close()

    def _run(self) -> None:
        # One attempt and a short wait: the spool is the retry.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "5")
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        client = MlflowClient(tracking_uri=self._target.uri)
        while True:
            stopping = self._stop.wait(_SEND_EVERY_S)
            try:
                self._send(client)
            except (MlflowException, OSError):
                if not stopping:
                    self._stop.wait(_RETRY_AFTER_S)
            if stopping:
                return

    def _send(self, client: Any) -> None:
        while True:
            with self._lock:
                rows = self._rows[self.delivered : self.delivered + _ROWS_PER_BATCH]
            if not rows:
                return
            send_rows(client, str(self._target.run_id), rows)
            self.delivered += len(rows)


def send_rows(client: Any, run_id: str, rows: list[dict[str, Any]]) -> None:
    """Send spool rows; the same row sent twice is one metric, for MLflow keys it by step and time."""
    from mlflow.entities import Metric

    metrics = [
        Metric(name, value, row["ms"], row["step"]) for row in rows for name, value in row["metrics"].items()
    ]
    for first in range(0, len(metrics), 1000):
        client.log_batch(run_id, metrics=metrics[first : first + 1000])


def read_spool(path: Path) -> list[dict[str, Any]]:
    """The whole rows of a spool; a line that a kill cut off is dropped."""
    rows = []
    with contextlib.suppress(FileNotFoundError):
        for line in path.read_text().splitlines():
            with contextlib.suppress(ValueError):
                rows.append(json.loads(line))
    return rows
