"""What MLflow is still owed: a small object per delivery that failed, taken away when it is made.

MLflow being away never fails a run: the asset is materialised, says `mlflow: pending`, and the sensor
`deliver_to_mlflow` (automation.py) tries again every minute.
"""

import json
from collections.abc import Callable, Mapping

from resources.connections import Connections
from resources.tracking import Tracking, TrackingUnavailableError

_FOLDER = "mlflow_pending"

Deliver = Callable[[Connections, Tracking, str, dict[str, str]], object]


def deliver_or_owe(
    kind: str, key: str, deliver: Deliver, connections: Connections, tracking: Tracking, tags: dict[str, str]
) -> object | None:
    """Deliver now, or note that it is owed.

    Args:
        kind: Which deliverer: a key of `deliver_owed`'s mapping.
        key: What is delivered.
        deliver: Tells MLflow; must be repeatable.
        connections: The lake keeps the note.
        tracking: MLflow.
        tags: Facts of the Dagster run, kept with the note.

    Returns:
        What `deliver` returned, or None where MLflow did not answer.
    """
    note = f"{_FOLDER}/{kind}/{key}.json"
    try:
        made = deliver(connections, tracking, key, tags)
    except TrackingUnavailableError:
        connections.lake().put(note, json.dumps(tags).encode())
        return None
    connections.lake().delete(note)
    return made


def owed(connections: Connections) -> list[tuple[str, str]]:
    """Kind and key of everything that is owed."""
    return [
        (kind, name.removesuffix(".json"))
        for _, kind, name in (info.key.split("/", 2) for info in connections.lake().list(f"{_FOLDER}/"))
    ]


def deliver_owed(
    deliverers: Mapping[str, Deliver], connections: Connections, tracking: Tracking
) -> tuple[int, int]:
    """Try everything that is owed; how many were delivered, and how many still are."""
    delivered = 0
    notes = owed(connections)
    for kind, key in notes:
        tags = json.loads(connections.lake().get(f"{_FOLDER}/{kind}/{key}.json"))
        made = deliver_or_owe(kind, key, deliverers[kind], connections, tracking, tags)
        delivered += made is not None
    return delivered, len(notes) - delivered
