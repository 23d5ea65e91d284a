"""Reading and freezing bundles."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from resources.catalog.records import BundleObject, BundleRecord
from resources.catalog.statements import insert_missing
from resources.database import tables as t
from scalediff_contract.reasons import Reason
from scalediff_contract.sessions import BundleFile


def read_bundles(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> list[BundleRecord]:
    """The bundles that meet a condition on `bundles`, by session id, wallet and revision."""
    b, o = t.bundles.c, t.bundle_objects.c
    same = sa.and_(b.wallet == o.wallet, b.session_id == o.session_id, b.revision == o.revision)
    heads = sa.select(t.bundles).where(condition).order_by(b.session_id, b.wallet, b.revision)
    rows = connection.execute(heads).mappings().all()
    if not rows:
        return []
    objects: dict[tuple[str, str, int], dict[BundleFile, BundleObject]] = {}
    files = sa.select(t.bundle_objects).join(t.bundles, same).where(condition)
    for row in connection.execute(files).mappings():
        of_bundle = objects.setdefault((row["wallet"], row["session_id"], row["revision"]), {})
        of_bundle[BundleFile(row["file"])] = BundleObject(
            key=row["key"], etag=row["etag"], size_bytes=row["size_bytes"], upload_ms=row["upload_ms"]
        )
    return [
        BundleRecord(
            **{**row, "reason": None if row["reason"] is None else Reason(row["reason"])},
            objects=objects[row["wallet"], row["session_id"], row["revision"]],
        )
        for row in rows
    ]


def freeze(connection: sa.Connection, bundles: Sequence[BundleRecord]) -> None:
    """Write bundles that became complete; each counts as one change of its hour."""
    keys = [{"wallet": b.wallet, "session_id": b.session_id, "revision": b.revision} for b in bundles]
    heads = [key | _head(bundle) for key, bundle in zip(keys, bundles, strict=True)]
    insert_missing(connection, t.bundles, heads)
    insert_missing(
        connection,
        t.bundle_objects,
        [
            key
            | {"file": file.value, "key": item.key, "etag": item.etag}
            | {"size_bytes": item.size_bytes, "upload_ms": item.upload_ms}
            for key, bundle in zip(keys, bundles, strict=True)
            for file, item in bundle.objects.items()
        ],
    )
    changes = sorted(Counter(bundle.hour for bundle in bundles).items())
    fresh = [{"hour": hour, "version": 0, "requested_version": 0} for hour, _ in changes]
    insert_missing(connection, t.hours, fresh)
    h = t.hours.c
    for hour, count in changes:
        connection.execute(sa.update(t.hours).where(h.hour == hour).values(version=h.version + count))


def _head(bundle: BundleRecord) -> dict[str, Any]:
    return {
        "hour": bundle.hour,
        "completed_ms": bundle.completed_ms,
        "reason": None if bundle.reason is None else bundle.reason.value,
        "detail": bundle.detail,
    }
