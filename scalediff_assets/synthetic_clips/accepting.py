"""From verdicts to the lake: passing clips are copied with their provenance, refused ones are noted.

Acceptance is by content key and policy: a clip that was accepted under a policy keeps that acceptance when
its partition is run again, and its sidecar keeps its bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from resources.connections import Connections
from resources.object_store import ObjectMissingError
from scalediff_assets.clip_schemas import LAKE_CLIPS, GatedClips, SyntheticLake
from scalediff_assets.partitions import of_category_week
from scalediff_assets.synthetic_clips.lake import ClipKeys, accept_clip, accepted_keys
from scalediff_assets.synthetic_clips.provenance import Acceptance, Sidecar
from scalediff_contract.audit import AuditEvent

_MAX_SIDECAR_BYTES = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """What a partition adds to the lake.

    Attributes:
        tables: Its rows.
        sidecars: Of the accepted clips.
        events: For the audit log: accepted and refused clips.
    """

    tables: SyntheticLake
    sidecars: tuple[Sidecar, ...]
    events: tuple[AuditEvent, ...]


def accept_partition(
    key: str, gated: GatedClips, connections: Connections, *, actor: str, code_version: str, now_ms: int
) -> Accepted:
    """Let a partition's passing clips into the lake; once or often."""
    category, week = of_category_week(key)
    lake = connections.lake()
    rows, sidecars = [], []
    for verdict in gated.verdicts.filter(pl.col("passed")).iter_rows(named=True):
        acceptance = Acceptance(
            accepted_ms=now_ms,
            actor=actor,
            policy_version=verdict["policy_version"],
            policy_hash=verdict["policy_hash"],
            cohort_id=f"{verdict['model_version']}/{category}/{week}",
            code_version=code_version,
        )
        content_key = verdict["content_key"]
        before = _accepted_before(connections, category, content_key)
        if before is not None and before.policy_hash == acceptance.policy_hash:
            acceptance = before
        keys = accept_clip(lake, lake, content_key, acceptance)
        sidecar = Sidecar.read(lake.get(keys.sidecar, max_bytes=_MAX_SIDECAR_BYTES))
        sidecars.append(sidecar)
        rows.append(_row(sidecar, keys, acceptance, week, connections))
    events = [event for sidecar in sidecars for event in sidecar.events()]
    return Accepted(
        tables=SyntheticLake(clips=LAKE_CLIPS.frame(rows).sort("content_key")),
        sidecars=tuple(sidecars),
        events=(*events, *_refusals(gated.verdicts, actor, now_ms)),
    )


def accepted_sidecars(connections: Connections, content_keys: Sequence[tuple[str, str]]) -> list[Sidecar]:
    """The sidecars of accepted clips, by (category, content key)."""
    lake = connections.lake()
    return [
        Sidecar.read(lake.get(accepted_keys(category, key).sidecar, max_bytes=_MAX_SIDECAR_BYTES))
        for category, key in content_keys
    ]


def _accepted_before(connections: Connections, category: str, content_key: str) -> Acceptance | None:
    try:
        content = connections.lake().get(accepted_keys(category, content_key).sidecar)
    except ObjectMissingError:
        return None
    return Sidecar.read(content).acceptance


def _row(
    sidecar: Sidecar, keys: ClipKeys, acceptance: Acceptance, week: str, connections: Connections
) -> dict[str, object]:
    found = connections.lake().head(keys.clip)
    return {
        "content_key": sidecar.content_key,
        "category": sidecar.category,
        "week": week,
        "origin": sidecar.origin,
        "clip_key": keys.clip,
        "sidecar_key": keys.sidecar,
        "clip_bytes": found.size_bytes if found else 0,
        "job_id": sidecar.job_id,
        "prompt": sidecar.prompt,
        "seed": sidecar.seed,
        "model_version": sidecar.model_version,
        "training_release": sidecar.training_release,
        "policy_hash": acceptance.policy_hash,
        "accepted_ms": acceptance.accepted_ms,
    }


def _refusals(verdicts: pl.DataFrame, actor: str, now_ms: int) -> list[AuditEvent]:
    return [
        AuditEvent(
            event_id=f"{row['content_key']}/reject/{row['policy_hash'][:16]}",
            at_ms=now_ms,
            actor=actor,
            action="reject",
            subject=row["content_key"],
            detail={"reasons": list(row["reasons"]), "policy_hash": row["policy_hash"]},
        )
        for row in verdicts.filter(~pl.col("passed")).iter_rows(named=True)
    ]
