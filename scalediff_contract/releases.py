"""A dataset release as jobs read it: an immutable manifest that pins shards by their content.

Layout under the clean store: `dataset_releases/{name}/manifest.json`, written once, beside the
dataset card. Frames are not copied: a release names the rows of training shards, and a shard's key
is made of its content.
"""

from typing import Literal

from pydantic import Field

from scalediff_contract.driving import Declared

RELEASE_VERSION = 1
SplitName = Literal["train", "val"]


class ReleasedSegment(Declared):
    """One segment of a release.

    Attributes:
        segment_id: Its id.
        session_id: Of which session.
        wallet: Who drove it.
        day: Day of arrival.
        split: Where it belongs.
        shard_key: Object in the clean store.
        first_row: First row there.
        rows: Frames.
        content_sha256: Hash of the rows.
    """

    segment_id: str
    session_id: str
    wallet: str
    day: str
    split: SplitName
    shard_key: str
    first_row: int = Field(ge=0)
    rows: int = Field(ge=1)
    content_sha256: str


class ReleaseManifest(Declared):
    """What a release holds.

    Attributes:
        schema_version: Of this layout.
        name: The release's name.
        content_hash: sha256 over the segments, their splits and the filters; the dataset's digest.
        days: Days it was made of.
        policy_hashes: Quality policies that passed the segments.
        split_by: `player`, or `session` where one player gave everything.
        val_share: Share of segments asked for in `val`.
        segments: In id order.
        near_duplicates: Segment -> the released segment that it repeats; left out.
        frames_by_command: Over both splits.
    """

    schema_version: int = RELEASE_VERSION
    name: str
    content_hash: str
    days: tuple[str, ...]
    policy_hashes: tuple[str, ...]
    split_by: Literal["player", "session"]
    val_share: float
    segments: tuple[ReleasedSegment, ...]
    near_duplicates: dict[str, str]
    frames_by_command: dict[str, int]
