"""A month's real clips beside those before: which sets, which clips of them, and the report's row.

Clips of one stretch of time are alike, and a test that takes them for independent sees drift everywhere:
of each stretch one clip counts. Only where there are too few stretches more of each are taken, apart from
each other; an alarm then comes earlier than it should.
"""

from collections.abc import Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

from resources.connections import Connections
from scalediff_assets.clip_schemas import DRIFT, Drift
from scalediff_assets.driving_clips.tables import ClipSetError, clips_place
from scalediff_assets.synthetic_clips.drift import CLIPS_MIN, DriftReport
from scalediff_assets.video_models.record import read_training
from scalediff_assets.video_models.registry import read_stages
from scalediff_contract.audit import AuditEvent
from scalediff_contract.clip_manifests import ClipSplit
from scalediff_contract.video_evaluation import EmbedClipsSpec, EmbeddedSet, ManifestToEmbed
from scoring.frechet import FeatureSet

MONTH, REFERENCE = "month", "reference"
MONTH_SET = "month-"
_MOST_OF_EACH = 5


class Watched(BaseModel):
    """Which clips are compared.

    Attributes:
        month: Set of the month.
        month_split: One side of it; None: all.
        reference: Set that it is compared with.
        reference_split: One side of it; None: all.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    month: str
    month_split: ClipSplit | None
    reference: str
    reference_split: ClipSplit | None


def month_set(month: str) -> str:
    """The set of a month's clips: `month-2026-02` of `2026-02-01`."""
    return f"{MONTH_SET}{month[:7]}"


def month_before(month: str) -> str:
    """The first day of the month before."""
    year, number = int(month[:4]), int(month[5:7])
    return f"{year - 1}-12-01" if number == 1 else f"{year}-{number - 1:02d}-01"


def reference_of(connections: Connections, month: str) -> str:
    """The month before where its clips were cut; else what the production model learnt from.

    Raises:
        ClipSetError: There is neither.
    """
    before = month_set(month_before(month))
    try:
        clips_place(connections, before)
    except ClipSetError:
        production = read_stages(connections).production
        if production is None:
            raise
        spec, _ = read_training(connections, production.training_run)
        return spec.clips.url.rpartition("/")[2]
    return before


def drift_spec(connections: Connections, watched: Watched, month: str, extractor: str) -> EmbedClipsSpec:
    """The job that makes the features of both sides."""
    return EmbedClipsSpec(
        manifests=(
            ManifestToEmbed(
                name=MONTH, clips=clips_place(connections, watched.month), split=watched.month_split
            ),
            ManifestToEmbed(
                name=REFERENCE,
                clips=clips_place(connections, watched.reference),
                split=watched.reference_split,
            ),
        ),
        extractor=extractor,
        output_url=f"{connections.models().url}/features/drift-{month}",
    )


def by_category(
    embedded: EmbeddedSet, features: np.ndarray, extractor: str, *, of_each: int = 1
) -> dict[str, FeatureSet]:
    """Features by category; so many clips of each stretch of time."""
    rows: dict[str, list[int]] = {}
    for row in some_of_each_stretch(embedded.rows, of_each):
        rows.setdefault(embedded.categories[row], []).append(row)
    # A set needs two clips: categories with one are taken together.
    alone = [each[0] for each in rows.values() if len(each) < 2]
    found = {name: each for name, each in rows.items() if len(each) >= 2}
    if len(alone) > 1:
        found["single clips"] = alone
    return {
        name: FeatureSet(extractor=extractor, values=features[sorted(each)]) for name, each in found.items()
    }


def clips_of_each(sets: Sequence[EmbeddedSet]) -> int:
    """How many clips of each stretch are needed, so that every set has enough for a report."""
    for of_each in range(1, _MOST_OF_EACH):
        if min(len(some_of_each_stretch(each.rows, of_each)) for each in sets) >= CLIPS_MIN:
            return of_each
    return _MOST_OF_EACH


def some_of_each_stretch(clip_ids: Sequence[str], of_each: int) -> list[int]:
    """The middle clip of each recording, or several evenly apart, by `{source}:{first picture}`."""
    by_source: dict[str, list[int]] = {}
    for row, clip_id in enumerate(clip_ids):
        by_source.setdefault(clip_id.rpartition(":")[0], []).append(row)
    found: set[int] = set()
    for rows in by_source.values():
        count = min(of_each, len(rows))
        found |= {rows[(2 * place + 1) * len(rows) // (2 * count)] for place in range(count)}
    return sorted(found)


def drift_tables(month: str, watched: Watched, report: DriftReport) -> Drift:
    """The month's row."""
    row = {
        "month": month,
        "month_clips": watched.month,
        "reference_clips": watched.reference,
        "extractor": report.distance.extractor,
        "n": report.distance.n,
        "fvd": report.distance.value,
        "fvd_limit": report.features.limit,
        "centres": report.centres.value,
        "centres_limit": report.centres.limit,
        "mixture": report.mixture.value,
        "mixture_limit": report.mixture.limit,
        "alarm": report.alarm,
        "categories_compared": len(report.categories),
        "too_few": ", ".join(report.too_few),
    }
    return Drift(months=DRIFT.frame([row]))


def drift_event(month: str, report: DriftReport, actor: str, now_ms: int) -> AuditEvent:
    """What the audit log is told."""
    return AuditEvent(
        event_id=f"drift/{month}/{now_ms}",
        at_ms=now_ms,
        actor=actor,
        action="drift",
        subject=month,
        detail={"alarm": report.alarm, "fvd": report.distance.value, "n": report.distance.n},
    )
