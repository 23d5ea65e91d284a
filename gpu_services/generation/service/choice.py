"""Which models the workers should hold: one row, numbered, that every worker follows."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import sqlalchemy as sa

from gpu_services.generation.service.database import Database
from gpu_services.generation.service.schema import settings as t

_MODEL, _HALT = "model", "halted"


@dataclass(frozen=True, kw_only=True)
class ModelChoice:
    """The models in force.

    Attributes:
        number: Grows with every choice.
        model_url: The production model.
        challenger_url: The other arm's, where an experiment runs.
        challenger_share: Its share of jobs.
        interrupt: Whether running jobs were to be given back when this choice came.
    """

    number: int
    model_url: str
    challenger_url: str | None = None
    challenger_share: float = 0.0
    interrupt: bool = False

    def url_of(self, arm: str) -> str:
        """The model of an arm."""
        return self.challenger_url if arm == "challenger" and self.challenger_url else self.model_url


@dataclass(frozen=True)
class Choices:
    """The settings rows in a database: the choice of models, and a halt that outlives the queue."""

    database: Database

    def current(self) -> ModelChoice | None:
        """The models in force; None before the first choice."""
        found = self._read(_MODEL)
        return None if found is None else ModelChoice(**found)

    def choose(self, choice: ModelChoice) -> ModelChoice:
        """Put models in force; the number is given here."""
        with self.database.writing() as connection:
            row = connection.execute(
                sa.select(t.c.value).where(t.c.name == _MODEL).with_for_update()
            ).scalar()
            numbered = replace(choice, number=(row or {"number": 0})["number"] + 1)
            _write(connection, _MODEL, asdict(numbered))
        return numbered

    def propose(self, choice: ModelChoice) -> ModelChoice:
        """Put models in force where none are yet; returns those in force."""
        return self.current() or self.choose(choice)

    def halt(self, reason: str | None) -> None:
        """Note why the service is halted; None where it is not."""
        with self.database.writing() as connection:
            _write(connection, _HALT, {"reason": reason})

    def halted(self) -> str | None:
        """Why the service is halted."""
        found = self._read(_HALT)
        return None if found is None else found["reason"]

    def _read(self, name: str) -> dict[str, Any] | None:
        with self.database.reading() as connection:
            found = connection.execute(sa.select(t.c.value).where(t.c.name == name)).scalar()
        return None if found is None else dict(found)


def _write(connection: sa.Connection, name: str, value: Mapping[str, Any]) -> None:
    if not connection.execute(t.update().where(t.c.name == name).values(value=dict(value))).rowcount:
        connection.execute(t.insert().values(name=name, value=dict(value)))
