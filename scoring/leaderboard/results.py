"""The results document: means, deviations and rates over all records, and the file it goes to.

Means divide by the number of routes that there should be, so a missing route counts as zero.
Rates are per kilometre driven (route length times completion, at least a metre); metres outside
the lanes are a sum of km, not a rate, read from the first message of each record.
"""

import json
import math
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scoring.leaderboard.errors import ScoringInputError
from scoring.leaderboard.events import EventType, Failure
from scoring.leaderboard.record import (
    INFRACTION_KEYS,
    KEY_OF,
    ROUND_DIGITS,
    ROUND_DIGITS_SCORE,
    RouteRun,
    make_record,
)
from scoring.leaderboard.versions import ScorerVersion

SCORE_KEYS = ("score_composed", "score_route", "score_penalty")
MIN_KM = 0.001
OUTSIDE_KEY = KEY_OF[EventType.OUTSIDE_ROUTE_LANES_INFRACTION]
_OUTSIDE_METRES_WORD = 8
_VALUES = (
    ("score_composed", "Avg. driving score"),
    ("score_route", "Avg. route completion"),
    ("score_penalty", "Avg. infraction penalty"),
    ("collisions_pedestrian", "Collisions with pedestrians"),
    ("collisions_vehicle", "Collisions with vehicles"),
    ("collisions_layout", "Collisions with layout"),
    ("red_light", "Red lights infractions"),
    ("stop_infraction", "Stop sign infractions"),
    (OUTSIDE_KEY, "Off-road infractions"),
    ("route_dev", "Route deviations"),
    ("route_timeout", "Route timeouts"),
    ("vehicle_blocked", "Agent blocked"),
    ("yield_emergency_vehicle_infractions", "Yield emergency vehicles infractions"),
    ("scenario_timeouts", "Scenario timeouts"),
    ("min_speed_infractions", "Min speed infractions"),
)
LABELS = tuple(label for _, label in _VALUES)
"""The fifteen labels, in the order of the document's values."""

_Record = Mapping[str, Any]


def make_results(
    runs: Sequence[RouteRun | _Record],
    *,
    version: ScorerVersion,
    total_routes: int,
    crashed: bool = False,
    sensors: Sequence[str] = (),
    eligible: bool | None = None,
    extra_meta: Mapping[str, object] | None = None,
    final: bool = True,
) -> dict[str, Any]:
    """The whole results document.

    Args:
        runs: Routes that are over, or their records, in order.
        version: Which penalty rule scores the runs.
        total_routes: How many there should be.
        crashed: The simulation broke off; missing routes are then no reason to call it invalid.
        sensors: Icon names of the agent's sensors; empty where it was never set up.
        eligible: Overrides what the entry status says; False for anything but CARLA.
        extra_meta: Appended to the global record's meta: backend, route set, kilometres ...
        final: False gives upstream's document of a run that still goes on: no global record, no
            values, entry status `Started`.

    Returns:
        The document, keys in the genuine order.

    Raises:
        ScoringInputError: For records where there should be no routes.
    """
    if total_routes < 0 or (runs and total_routes == 0):
        raise ScoringInputError("total_routes", f"{total_routes} for {len(runs)} records (minimum 1)")
    records = [make_record(run, version) if isinstance(run, RouteRun) else dict(run) for run in runs]
    global_record = make_global_record(records, total_routes) if final else {}
    status = _entry_status(records, total_routes, crashed) if final else "Started"
    values = _values(global_record) if final else []
    if final and extra_meta:
        global_record["meta"].update(extra_meta)
    return {
        "_checkpoint": {
            "global_record": global_record,
            "progress": [len(records), total_routes],
            "records": records,
        },
        "entry_status": status,
        "eligible": status == "Finished" if eligible is None else eligible,
        "sensors": list(sensors),
        "values": values,
        "labels": list(LABELS) if final else [],
    }


def make_global_record(records: Sequence[_Record], total_routes: int) -> dict[str, Any]:
    """Means, deviations and rates over records.

    Args:
        records: Of the routes that are over.
        total_routes: How many there should be; the means' divisor.
    """
    means = _means(records, total_routes)
    return {
        "index": -1,
        "route_id": -1,
        "status": _worst_status(records),
        "infractions": _rates(records),
        "scores_mean": means,
        "scores_std_dev": _deviations(records, means, total_routes),
        "meta": {
            "total_length": _total(records, "route_length"),
            "duration_game": _total(records, "duration_game"),
            "duration_system": _total(records, "duration_system"),
            "exceptions": [
                [record["route_id"], record["index"], record["status"]]
                for record in records
                if "Failed" in record["status"]
            ],
        },
    }


def write_results(path: Path, document: Mapping[str, Any]) -> None:
    """Write a document so that a reader sees the old file or the new one, never a part.

    Args:
        path: Where to; folders are made.
        document: What.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(document, indent=4, allow_nan=False)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _total(records: Sequence[_Record], key: str) -> float:
    # Not sum(): from Python 3.12 on it compensates, and the last digit would differ.
    total: float = 0
    for record in records:
        total += record["meta"][key]
    return total


def _means(records: Sequence[_Record], total_routes: int) -> dict[str, float]:
    means: dict[str, float] = {}
    for key in SCORE_KEYS:
        mean: float = 0
        for record in records:
            mean += record["scores"][key] / total_routes
        means[key] = round(mean, ROUND_DIGITS_SCORE)
    return means


def _deviations(
    records: Sequence[_Record], means: Mapping[str, float], total_routes: int
) -> dict[str, float]:
    """Sample standard deviations; a missing route adds nothing to the sum but counts in n."""
    if total_routes == 1:
        return dict.fromkeys(SCORE_KEYS, 0)
    deviations: dict[str, float] = {}
    for key in SCORE_KEYS:
        total: float = 0
        for record in records:
            total += math.pow(record["scores"][key] - means[key], 2)
        deviations[key] = round(math.sqrt(total / float(total_routes - 1)), ROUND_DIGITS)
    return deviations


def _worst_status(records: Sequence[_Record]) -> str:
    worst = "Perfect"
    for record in records:
        status = record["status"]
        if "Failed" in status:
            worst = "Failed"
        elif worst == "Perfect" and status != "Perfect":
            worst = status
    return worst


def _rates(records: Sequence[_Record]) -> dict[str, float]:
    km: float = 0
    for record in records:
        km += record["meta"]["route_length"] / 1000 * record["scores"]["score_route"] / 100
    km = max(km, MIN_KM)
    rates: dict[str, float] = {}
    for key in INFRACTION_KEYS:
        total: float = 0
        for record in records:
            total += _outside_km(record) if key == OUTSIDE_KEY else len(record["infractions"][key])
        rates[key] = round(total if key == OUTSIDE_KEY else total / km, ROUND_DIGITS)
    return rates


def _outside_km(record: _Record) -> float:
    messages = record["infractions"][OUTSIDE_KEY]
    if not messages:
        return 0.0
    words = messages[0].split(" ")
    try:
        return float(words[_OUTSIDE_METRES_WORD]) / 1000
    except (IndexError, ValueError) as error:
        raise ScoringInputError(
            f"{record['route_id']}.infractions.{OUTSIDE_KEY}[0]",
            f"{messages[0]!r} (its ninth word must be metres)",
        ) from error


def _entry_status(records: Sequence[_Record], total_routes: int, crashed: bool) -> str:
    if not crashed and len(records) != total_routes:
        return "Invalid"
    status = "Finished"
    for record in records:
        if record["status"] == "Started":
            return "Invalid"
        if Failure.SIMULATION.value in record["status"]:
            status = "Crashed"
        elif Failure.SENSORS.value in record["status"]:
            status = "Rejected"
    return status


def _values(global_record: Mapping[str, Any]) -> list[str]:
    means, rates = global_record["scores_mean"], global_record["infractions"]
    return [str(means[key] if key in means else rates[key]) for key, _ in _VALUES]
