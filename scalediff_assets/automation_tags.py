"""Tags that make a run cover a range of partitions."""

from collections.abc import Mapping

from dagster._core.storage.tags import ASSET_PARTITION_RANGE_END_TAG, ASSET_PARTITION_RANGE_START_TAG


def range_tags(first: str, last: str) -> dict[str, str]:
    """The tags that make a run cover the partitions `first` to `last`, both included."""
    return {ASSET_PARTITION_RANGE_START_TAG: first, ASSET_PARTITION_RANGE_END_TAG: last}


def range_of(tags: Mapping[str, str]) -> tuple[str, str] | None:
    """The first and last partition that a run's tags name; None for one partition or none."""
    first, last = tags.get(ASSET_PARTITION_RANGE_START_TAG), tags.get(ASSET_PARTITION_RANGE_END_TAG)
    return None if first is None or last is None or first == last else (first, last)
