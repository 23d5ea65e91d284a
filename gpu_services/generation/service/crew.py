"""The workers as they show themselves: who lives, which models they follow, how long a clip takes."""

import datetime as dt
from dataclasses import asdict, dataclass
from typing import Literal

import sqlalchemy as sa

from gpu_services.generation.service.database import Database
from gpu_services.generation.service.schema import workers as t
from scalediff_contract.generation import WorkerState

_FORGET_MS = 86_400_000


@dataclass(frozen=True, kw_only=True)
class WorkerRow:
    """One worker.

    Attributes:
        model_number: The choice of models that it follows, or could not follow (`error`).
        clip_s: Seconds of the worker's time per clip, lately; None before its first clip.
        seen_ms: When it last showed itself.
    """

    worker_id: str
    state: Literal["starting", "idle", "busy", "draining"]
    model_version: str | None
    model_number: int
    error: str | None
    clip_s: float | None
    clips_done: int
    seen_ms: int

    def as_message(self) -> WorkerState:
        """For the wire."""
        return WorkerState(
            worker_id=self.worker_id,
            state=self.state,
            model_version=self.model_version,
            model_number=self.model_number,
            error=self.error,
            seconds_per_clip=self.clip_s,
            clips_done=self.clips_done,
            seen_at=dt.datetime.fromtimestamp(self.seen_ms / 1000, dt.UTC),
        )


@dataclass(frozen=True)
class Crew:
    """The workers' rows in a database."""

    database: Database

    def show(self, row: WorkerRow) -> None:
        """Note how a worker is; forgets those not seen for a day."""
        values = asdict(row)
        with self.database.writing() as connection:
            change = t.update().where(t.c.worker_id == row.worker_id).values(**values)
            if not connection.execute(change).rowcount:
                connection.execute(t.delete().where(t.c.seen_ms < row.seen_ms - _FORGET_MS))
                connection.execute(t.insert().values(**values))

    def leave(self, worker_id: str) -> None:
        """A worker has stopped."""
        with self.database.writing() as connection:
            connection.execute(t.delete().where(t.c.worker_id == worker_id))

    def live(self, since_ms: int) -> list[WorkerRow]:
        """Workers that were seen since then."""
        query = sa.select(t).where(t.c.seen_ms >= since_ms).order_by(t.c.worker_id)
        with self.database.reading() as connection:
            return [WorkerRow(**row) for row in connection.execute(query).mappings()]


def seconds_per_clip(crew: list[WorkerRow]) -> float | None:
    """Seconds between two clips of all workers together; None where none has measured."""
    rates = [1 / row.clip_s for row in crew if row.clip_s]
    return 1 / sum(rates) if rates else None
