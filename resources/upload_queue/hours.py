"""The hour of arrival: as a partition key of the graph and as a folder of the raw store.

Partition key `2026-02-01-09:00`, folder `2026-02-01-09`, both UTC. In the embedded raw store an
object lies under the folder of its hour: `2026-02-01-09/{wallet}/{file}`. In a production bucket
it lies at its logical key, `{wallet}/{file}`.
"""

import functools
import re
from datetime import UTC, datetime

_IN_FOLDER = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}-[0-9]{2})/(.+)", re.DOTALL)
_FOLDER_FORMAT = "%Y-%m-%d-%H"


def partition_key(epoch_ms: int) -> str:
    """The hour partition that holds this moment: `2026-02-01-09:00`."""
    return f"{hour_folder(epoch_ms)}:00"


def hour_folder(epoch_ms: int) -> str:
    """The folder of the raw store for objects that arrive at this moment: `2026-02-01-09`."""
    return datetime.fromtimestamp(epoch_ms // 1000, UTC).strftime(_FOLDER_FORMAT)


def raw_key(logical_key: str, arrival_ms: int) -> str:
    """The store key of an upload that arrives at `arrival_ms`: `{hour folder}/{logical key}`."""
    return f"{hour_folder(arrival_ms)}/{logical_key}"


def folder_of(hour: str) -> str:
    """The folder of an hour partition: `2026-02-01-09:00` -> `2026-02-01-09`."""
    return hour.removesuffix(":00")


def hour_of(store_key: str) -> str | None:
    """The partition key that the store key's hour folder names; None where it has no such folder."""
    folder, _ = _split(store_key)
    return None if folder is None else f"{folder}:00"


def logical_key_of(store_key: str) -> str:
    """The store key without its hour folder, if it has one."""
    return _split(store_key)[1]


def _split(store_key: str) -> tuple[str | None, str]:
    match = _IN_FOLDER.fullmatch(store_key)
    if match is None or not _is_hour(match[1]):
        return None, store_key
    return match[1], match[2]


@functools.lru_cache(maxsize=256)
def _is_hour(folder: str) -> bool:
    """Whether the digits are a real hour: 2026-02-30 is not."""
    try:
        datetime.strptime(folder, _FOLDER_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return False
    return True
