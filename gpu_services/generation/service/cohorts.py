"""Measured cohorts: the only place that a Frechet distance comes from."""

from dataclasses import dataclass

import sqlalchemy as sa

from gpu_services.generation.service.database import Database
from gpu_services.generation.service.schema import cohorts as t
from scalediff_contract.generation import Cohort


@dataclass(frozen=True)
class Cohorts:
    """The rows in a database."""

    database: Database

    def publish(self, cohort: Cohort, now_ms: int) -> None:
        """Note a cohort; one of the same name is replaced."""
        values = {**cohort.model_dump(), "published_ms": now_ms}
        with self.database.writing() as connection:
            connection.execute(t.delete().where(t.c.cohort_id == cohort.cohort_id))
            connection.execute(t.insert().values(**values))

    def newest(self) -> dict[tuple[str, str | None], Cohort]:
        """The newest cohort of each model and category; None stands for all categories."""
        query = sa.select(t).order_by(t.c.published_ms)
        with self.database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        fields = Cohort.model_fields
        return {
            (row["model_version"], row["category"]): Cohort(**{name: row[name] for name in fields})
            for row in rows
        }
