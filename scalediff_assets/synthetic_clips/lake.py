"""Where synthetic clips lie, for how long, and how an accepted one gets from the one place to the other.

| key | kept |
|---|---|
| `synthetic/raw/{content key}/clip.mp4`, `clip.json` | 90 days: what the service wrote, passed or not |
| `synthetic/accepted/{category}/{content key}.mp4`, `.json` | for good |

The sidecar is written last: where it lies, the clip is whole. A clip is moved by content key, so that
doing it again writes the same bytes to the same place. On S3 a bucket rule deletes; in a folder
`expired` says what is due.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scalediff_assets.synthetic_clips.provenance import Acceptance, Sidecar

if TYPE_CHECKING:
    from resources.object_store import ObjectInfo, ObjectStore

RAW, ACCEPTED = "synthetic/raw/", "synthetic/accepted/"
RAW_DAYS = 90
ORIGIN_TAG = {"origin": "synthetic"}
RULE_ID = "scalediff-synthetic-raw"
_DAY_MS = 86_400_000
_MAX_CLIP_BYTES = 512_000_000
_MAX_SIDECAR_BYTES = 1_000_000


class LifecycleMissingError(RuntimeError):
    """The bucket does not hold the rule that was put."""


@dataclass(frozen=True, kw_only=True)
class ClipKeys:
    """A clip's two objects."""

    clip: str
    sidecar: str


def raw_keys(content_key: str) -> ClipKeys:
    """Where the service puts a clip."""
    return ClipKeys(clip=f"{RAW}{content_key}/clip.mp4", sidecar=f"{RAW}{content_key}/clip.json")


def accepted_keys(category: str, content_key: str) -> ClipKeys:
    """Where an accepted clip lies."""
    start = f"{ACCEPTED}{category}/{content_key}"
    return ClipKeys(clip=f"{start}.mp4", sidecar=f"{start}.json")


def accept_clip(
    raw: "ObjectStore", lake: "ObjectStore", content_key: str, acceptance: Acceptance
) -> ClipKeys:
    """Copy a clip to the accepted ones and write its sidecar with the decision; once or often.

    Args:
        raw: Store of the service.
        lake: Store of the accepted clips.
        content_key: Which clip.
        acceptance: Who accepted it, under which policy.

    Raises:
        ObjectMissingError: There is no such clip, or it is not whole.
        ValueError: The sidecar is none, or the decision is of another clip.
    """
    source = raw_keys(content_key)
    sidecar = Sidecar.read(raw.get(source.sidecar, max_bytes=_MAX_SIDECAR_BYTES))
    if sidecar.content_key != content_key:
        raise ValueError(f"{source.sidecar} is of clip {sidecar.content_key}; the store was mixed up")
    target = accepted_keys(sidecar.category, content_key)
    accepted = sidecar.accepted(acceptance)
    lake.put(target.clip, raw.get(source.clip, max_bytes=_MAX_CLIP_BYTES), content_type="video/mp4")
    lake.put(target.sidecar, accepted.write(), content_type="application/json")
    return target


def expired(objects: Iterable["ObjectInfo"], now_ms: int, *, days: int = RAW_DAYS) -> list[str]:
    """Keys of raw objects that are due for deletion; accepted ones never are."""
    due_ms = now_ms - days * _DAY_MS
    return [each.key for each in objects if each.key.startswith(RAW) and each.modified_ms <= due_ms]


def lifecycle_rule(prefix: str = "", *, days: int = RAW_DAYS) -> dict[str, Any]:
    """The bucket's rule for raw clips; the prefix is the store's own within the bucket."""
    start = f"{prefix.strip('/')}/{RAW}" if prefix.strip("/") else RAW
    return {
        "ID": RULE_ID,
        "Status": "Enabled",
        "Filter": {"Prefix": start},
        "Expiration": {"Days": days},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
    }


def put_lifecycle(client: Any, bucket: str, prefix: str = "", *, days: int = RAW_DAYS) -> dict[str, Any]:
    """Set the rule on a bucket, keep the bucket's others, and read it back.

    Args:
        client: boto3's S3 client.
        bucket: Its name.
        prefix: Of the store within the bucket.
        days: How long raw clips are kept.

    Raises:
        LifecycleMissingError: The bucket does not hold the rule afterwards.
    """
    wanted = lifecycle_rule(prefix, days=days)
    others = [rule for rule in _rules(client, bucket) if rule.get("ID") != RULE_ID]
    client.put_bucket_lifecycle_configuration(
        Bucket=bucket, LifecycleConfiguration={"Rules": [*others, wanted]}
    )
    found = [rule for rule in _rules(client, bucket) if rule.get("ID") == RULE_ID]
    if not found or found[0]["Expiration"]["Days"] != days or found[0]["Status"] != "Enabled":
        raise LifecycleMissingError(
            f"bucket {bucket} lost rule {RULE_ID} after it was put; check who else sets its lifecycle"
        )
    return dict(found[0])


def _rules(client: Any, bucket: str) -> list[dict[str, Any]]:
    from botocore.exceptions import ClientError

    try:
        return list(client.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"])
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchLifecycleConfiguration":
            return []
        raise
