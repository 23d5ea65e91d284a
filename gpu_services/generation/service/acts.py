"""What was done to the service itself: halts and models, by whom. The graph's audit log reads it."""

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from gpu_services.generation.service.database import Database
from gpu_services.generation.service.schema import acts as t
from scalediff_contract.generation import MAX_LISTED, Act

Detail = dict[str, str | float | bool | None]


@dataclass(frozen=True)
class ActLog:
    """The rows in a database."""

    database: Database

    def note(self, actor: str, action: str, detail: Detail, now_ms: int) -> None:
        """Note an act; before it is done, so that none goes unseen."""
        with self.database.writing() as connection:
            connection.execute(t.insert().values(actor=actor, action=action, detail=detail, at_ms=now_ms))

    def after(self, number: int) -> list[Act]:
        """The acts after a number, at most 500."""
        query = sa.select(t).where(t.c.number > number).order_by(t.c.number).limit(MAX_LISTED)
        with self.database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return [
            Act(
                number=row["number"],
                at=dt.datetime.fromtimestamp(row["at_ms"] / 1000, dt.UTC),
                actor=row["actor"],
                action=row["action"],
                detail=row["detail"],
            )
            for row in rows
        ]
