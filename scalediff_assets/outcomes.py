"""What each stage tells the catalog of each session, so that its state is one look away.

A session is `collecting` until it is judged, `rejected` with the reason of the stage that refused
it, and `accepted` once at least one segment of it was judged. Whether segments passed is a number
beside the status: a verdict on a segment is not a verdict on the session.
"""

from collections.abc import Iterator
from typing import Any

import polars as pl

from resources.catalog import Catalog, SessionOutcome
from scalediff_assets.schemas import AlignedSessions, QualityScores, RawSessions, Segments
from scalediff_contract.reasons import Reason


def record_manifest(catalog: Catalog, fresh: RawSessions) -> None:
    """Tell which bundles are valid and why the others are not."""
    catalog.record_outcomes(
        [
            _outcome("raw_sessions", row, row, schema_version=row["schema_version"])
            for row in fresh.sessions.iter_rows(named=True)
        ]
    )


def record_alignments(catalog: Catalog, sessions: pl.DataFrame, fresh: AlignedSessions) -> None:
    """Tell how each session was aligned."""
    catalog.record_outcomes(
        [
            _outcome(
                "aligned_sessions",
                manifest,
                row,
                align_method=row["align_method"],
                alignment_grade=row["alignment_grade"],
                start_uncertainty_ms=row["start_uncertainty_ms"],
                frames=row["frames"],
            )
            for manifest, row in _joined(sessions, fresh.sessions)
        ]
    )


def record_decodings(catalog: Catalog, sessions: pl.DataFrame, fresh: Segments) -> None:
    """Tell how many frames and segments each session has."""
    catalog.record_outcomes(
        [
            _outcome("segments", manifest, row, frames=row["frames"], segments=row["segments"])
            for manifest, row in _joined(sessions, fresh.sessions)
        ]
    )


def record_verdicts(catalog: Catalog, sessions: pl.DataFrame, fresh: QualityScores) -> None:
    """Tell how many segments of each session passed."""
    judged = fresh.segments.partition_by("session_id", as_dict=True)
    outcomes = []
    for manifest in sessions.iter_rows(named=True):
        verdicts = judged.get((manifest["session_id"],), fresh.segments.clear())
        outcomes.append(_judged(manifest, verdicts))
    catalog.record_outcomes(outcomes)


def _judged(manifest: dict[str, Any], verdicts: pl.DataFrame) -> SessionOutcome:
    if not verdicts.height:
        verdict = {
            "verdict": "rejected",
            "reason": Reason.IDLE.value,
            "detail": f"{manifest['session_id']}: every segment is idle; drive to be judged",
        }
        return _outcome("quality_scores", manifest, verdict, segments_passed=0)
    passed = int(verdicts["passed"].sum())
    failed = verdicts.explode("reasons").drop_nulls("reasons")["reasons"].unique().sort().to_list()
    detail = f"{passed} of {verdicts.height} segments passed"
    if failed:
        detail += f"; failing rules: {', '.join(failed)}"
    return SessionOutcome(
        session_id=manifest["session_id"],
        wallet=manifest["wallet"],
        revision=manifest["revision"],
        stage="quality_scores",
        status="accepted",
        reason=None,
        detail=detail,
        segments_passed=passed,
    )


def _joined(sessions: pl.DataFrame, rows: pl.DataFrame) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    manifests = {row["session_id"]: row for row in sessions.iter_rows(named=True)}
    for row in rows.iter_rows(named=True):
        yield manifests[row["session_id"]], row


def _outcome(stage: str, manifest: dict[str, Any], verdict: dict[str, Any], **numbers: Any) -> SessionOutcome:
    """The outcome of a stage for one session: rejected with the reason, or still collecting."""
    rejected = verdict["verdict"] == "rejected"
    return SessionOutcome(
        session_id=manifest["session_id"],
        wallet=manifest["wallet"],
        revision=manifest["revision"],
        stage=stage,
        status="rejected" if rejected else "collecting",
        reason=Reason(verdict["reason"]) if rejected else None,
        detail=verdict["detail"],
        **numbers,
    )
