"""Reads results documents that others wrote, and derives their numbers again.

A document of Leaderboard 1.0 has other labels and no minimum-speed infractions: it is refused, not
guessed at. A cut-off file is refused too: upstream writes in place, so a crash leaves a part.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from scoring.leaderboard.errors import ScoringInputError
from scoring.leaderboard.events import Event, EventType
from scoring.leaderboard.reading import read_json
from scoring.leaderboard.record import INFRACTION_KEYS, KEY_OF, ROUND_DIGITS_SCORE
from scoring.leaderboard.results import make_global_record
from scoring.leaderboard.versions import ScorerVersion, score_penalty

COMPOSED_TOLERANCE = 1e-4
"""Half a unit of the penalty's sixth digit times 100 %, and rounding of the product."""
PENALTY_TOLERANCE = 6e-7
_NUMBER = re.compile(r"(-?[0-9.]+(?:e-?[0-9]+)?)%")


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow", allow_inf_nan=False)


class _Scores(_Model):
    score_route: float
    score_penalty: float
    score_composed: float


class _RecordMeta(_Model):
    route_length: float
    duration_game: float
    duration_system: float


class _RecordModel(_Model):
    index: int
    route_id: str
    status: str
    num_infractions: int = Field(ge=0)
    infractions: dict[str, list[str]]
    scores: _Scores
    meta: _RecordMeta


class _GlobalMeta(_Model):
    total_length: float
    duration_game: float
    duration_system: float
    exceptions: list[tuple[str, int, str]]


class _GlobalModel(_Model):
    status: str
    infractions: dict[str, float]
    scores_mean: _Scores
    scores_std_dev: _Scores
    meta: _GlobalMeta


class _Checkpoint(_Model):
    global_record: _GlobalModel | None
    progress: tuple[int, int] | tuple[()]
    records: list[_RecordModel]

    @field_validator("global_record", mode="before")
    @classmethod
    def _none_yet(cls, value: object) -> object:
        # A run that still goes on has an empty one.
        return None if value == {} else value


class _Document(_Model):
    checkpoint: _Checkpoint = Field(alias="_checkpoint")
    entry_status: str
    eligible: bool
    sensors: list[str]
    values: list[str]
    labels: list[str]


def read_results(path: Path) -> dict[str, Any]:
    """Read and check a results document.

    Args:
        path: The file.

    Returns:
        The document as it is in the file, keys in its order.

    Raises:
        ScoringInputError: For a file that is cut off, of Leaderboard 1.0, or of another form.
    """
    field = read_json(path)
    document = dict(field.members())
    if _is_version_1(document):
        raise field.wrong("a Leaderboard 1.0 document; only 2.0, 2.1 and Bench2Drive can be read")
    try:
        _Document.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        at = "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
        raise ScoringInputError(at, first["msg"], source=str(path)) from error
    for number, record in enumerate(document["_checkpoint"]["records"]):
        missing = [key for key in INFRACTION_KEYS if key not in record["infractions"]]
        if missing:
            at = f"$._checkpoint.records[{number}].infractions"
            raise ScoringInputError(at, f"has no {', '.join(missing)}", source=str(path))
    return document


def _is_version_1(document: Mapping[str, Any]) -> bool:
    checkpoint = document.get("_checkpoint")
    if not isinstance(checkpoint, dict):
        return False
    whole = checkpoint.get("global_record")
    if isinstance(whole, dict) and "scores" in whole and "scores_mean" not in whole:
        return True
    records = checkpoint.get("records")
    return bool(
        isinstance(records, list)
        and records
        and isinstance(records[0], dict)
        and isinstance(records[0].get("infractions"), dict)
        and KEY_OF[EventType.MIN_SPEED_INFRACTION] not in records[0]["infractions"]
        and "num_infractions" not in records[0]
    )


def rederive_global(document: Mapping[str, Any]) -> dict[str, Any]:
    """The global record, computed again from a document's records.

    Args:
        document: A whole results document, as `read_results` gives it.

    Returns:
        What `global_record` should be.
    """
    checkpoint = document["_checkpoint"]
    total = checkpoint["progress"][1] if checkpoint["progress"] else len(checkpoint["records"])
    return make_global_record(checkpoint["records"], total)


@dataclass(frozen=True, kw_only=True)
class Mismatch:
    """A record whose numbers do not follow from each other.

    Attributes:
        route_id: Which.
        what: Which rule.
        found: The number in the record.
        derived: What the rule gives.
    """

    route_id: str
    what: str
    found: float
    derived: float

    def __str__(self) -> str:
        return f"{self.route_id}: {self.what} is {self.found}, derived {self.derived}"


def check_records(document: Mapping[str, Any], version: ScorerVersion) -> list[Mismatch]:
    """Derive each record's scores and counts again from what it says happened.

    The driving score must be completion times penalty, and the penalty must follow from the
    infractions' messages. The share driven outside the lanes is rounded to 0.01 % in its message,
    so there the penalty is only checked to that.

    Args:
        document: A results document, as `read_results` gives it.
        version: Which rule scored it.

    Returns:
        What does not fit; empty for a genuine document.
    """
    return [wrong for record in document["_checkpoint"]["records"] for wrong in _mismatches(record, version)]


def _mismatches(record: Mapping[str, Any], version: ScorerVersion) -> list[Mismatch]:
    scores = record["scores"]
    penalty, slack = rederive_penalty(record, version)
    count = sum(len(messages) for messages in record["infractions"].values())
    product = max(scores["score_route"] * scores["score_penalty"], 0.0)
    rules = (
        ("score_composed", scores["score_composed"], product, COMPOSED_TOLERANCE),
        ("score_penalty", scores["score_penalty"], penalty, PENALTY_TOLERANCE + slack),
        ("num_infractions", record["num_infractions"], count, 0),
    )
    return [
        Mismatch(route_id=record["route_id"], what=what, found=found, derived=derived)
        for what, found, derived, tolerance in rules
        if not abs(found - derived) <= tolerance
    ]


def rederive_penalty(record: Mapping[str, Any], version: ScorerVersion) -> tuple[float, float]:
    """The penalty that a record's messages give, and by how much their rounding may be off.

    Args:
        record: A route's record.
        version: Which rule.
    """
    events, slack = [], 0.0
    for kind, key in KEY_OF.items():
        for message in record["infractions"][key]:
            found = _NUMBER.search(message)
            if kind is EventType.OUTSIDE_ROUTE_LANES_INFRACTION:
                slack += 0.5e-4
            events.append(Event(type=kind, message=message, percentage=float(found[1]) if found else None))
    return score_penalty(events, version), slack


def rescored(record: Mapping[str, Any], version: ScorerVersion) -> dict[str, Any]:
    """A record with the scores of another version: same drive, same events, another penalty.

    Args:
        record: A route's record, as somebody's scorer wrote it.
        version: Which rule; the share driven outside the lanes is as its message rounds it.
    """
    penalty, _ = rederive_penalty(record, version)
    route = record["scores"]["score_route"]
    scores = {
        "score_route": route,
        "score_penalty": round(penalty, ROUND_DIGITS_SCORE),
        "score_composed": round(max(route * penalty, 0.0), ROUND_DIGITS_SCORE),
    }
    return {**record, "scores": scores}
