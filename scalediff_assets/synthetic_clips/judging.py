"""The gate over a run's partitions: sidecars, features, copies, cohorts, and what the service is told.

No video is read here. Features come from a job; measures lie beside the clips.
"""

from collections.abc import Iterable, Sequence

import polars as pl

from resources.connections import Connections
from resources.generation import GenerationService, GenerationServiceError
from scalediff_assets.clip_schemas import COHORTS, GatedClips
from scalediff_assets.partitions import of_category_week
from scalediff_assets.synthetic_clips.gate import judge_sidecars
from scalediff_assets.synthetic_clips.lake import raw_keys
from scalediff_assets.synthetic_clips.likeness import Compared
from scalediff_assets.synthetic_clips.provenance import Sidecar
from scalediff_contract.audit import AuditEvent
from scalediff_contract.generation import Cohort, Verdict
from scoring.clips import Memorisation
from scoring.frechet import FeatureSet, FrechetDistance, frechet_distance
from scoring.gate import CohortCheck, GatePolicy, check_cohort

_MAX_SIDECAR_BYTES = 1_000_000
_COHORT_MIN = 2


def read_sidecars(connections: Connections, content_keys: Iterable[str]) -> list[Sidecar]:
    """What lies beside clips.

    Raises:
        ObjectMissingError: A clip is not whole, or its 90 days are over.
    """
    lake = connections.lake()
    keys = sorted(set(content_keys))
    return [Sidecar.read(lake.get(raw_keys(key).sidecar, max_bytes=_MAX_SIDECAR_BYTES)) for key in keys]


def judged(
    key: str, sidecars: Sequence[Sidecar], policy: GatePolicy, features: Compared | None
) -> GatedClips:
    """Verdicts and cohorts of one partition."""
    by_key = {} if features is None else features.by_key
    seen = [each for each in sidecars if each.content_key in by_key]
    unseen = [each for each in sidecars if each.content_key not in by_key]
    verdicts = pl.concat(
        [
            judge_sidecars(seen, policy, copies=features.copies if features else None),
            judge_sidecars(unseen, policy),
        ]
    ).sort("content_key")
    rows = [
        _cohort(key, str(version), group, policy, features)
        for (version,), group in verdicts.partition_by("model_version", as_dict=True).items()
    ]
    return GatedClips(verdicts=verdicts, cohorts=COHORTS.frame(rows).sort("cohort_id"))


def problem_of(tables: GatedClips) -> str | None:
    """Why a partition's clips must not go on, or None: what the policy says of its cohorts."""
    bad = tables.cohorts.filter(~pl.col("passed"))
    if not bad.height:
        return None
    row = bad.row(0, named=True)
    return (
        f"cohort {row['cohort_id']}: {row['rejected']} of {row['n']} clips refused ({row['rejection']}), "
        f"{row['copies'] or 0} copies; look at gated_clips, retrain or roll back"
    )


def tell_service(generation: GenerationService, verdicts: pl.DataFrame, cohorts: Iterable[Cohort]) -> str:
    """Give the service the gate's verdicts and the cohorts' distances; whether it took them."""
    if generation.health().status != "ok":
        return "the service does not run: it is told when the partition is judged again"
    try:
        for row in verdicts.select("job_id", "passed", "reasons", "policy_hash").iter_rows(named=True):
            said = {name: row[name] for name in ("passed", "reasons", "policy_hash")}
            generation.judge(row["job_id"], Verdict.model_validate(said))
        for cohort in cohorts:
            generation.publish(cohort)
    except GenerationServiceError as error:
        return str(error)
    return "told"


def cohorts_to_publish(tables: Iterable[GatedClips], week: str, features: Compared | None) -> list[Cohort]:
    """Cohorts with a distance, and one of each model over all categories of the run."""
    tables = list(tables)
    found = [
        Cohort(
            cohort_id=row["cohort_id"], model_version=row["model_version"], category=row["category"],
            extractor=row["extractor"], n=row["fvd_n"], fvd=row["fvd"],
        )
        for each in tables
        for row in each.cohorts.drop_nulls("fvd").iter_rows(named=True)
    ]  # fmt: skip
    verdicts = pl.concat([each.verdicts for each in tables]) if tables else None
    if features is None or verdicts is None:
        return found
    for (version,), group in verdicts.partition_by("model_version", as_dict=True).items():
        distance = _distance(str(version), group["content_key"].to_list(), features)
        if distance is not None:
            found.append(
                Cohort(
                    cohort_id=f"{version}/all/{week}",
                    model_version=str(version),
                    extractor=distance.extractor,
                    n=distance.n,
                    fvd=distance.value,
                )
            )  # fmt: skip
    return found


def decision_events(verdicts: pl.DataFrame, actor: str, now_ms: int) -> list[AuditEvent]:
    """What the audit log is told of the gate's verdicts; once for each clip and policy."""
    return [
        AuditEvent(
            event_id=f"{row['content_key']}/decision/{row['policy_hash'][:16]}",
            at_ms=now_ms,
            actor=actor,
            action="decision",
            subject=row["content_key"],
            detail={
                "job_id": row["job_id"],
                "passed": row["passed"],
                "reasons": list(row["reasons"]),
                "policy_hash": row["policy_hash"],
            },
        )
        for row in verdicts.iter_rows(named=True)
    ]


def _cohort(
    key: str, version: str, verdicts: pl.DataFrame, policy: GatePolicy, features: Compared | None
) -> dict[str, object]:
    category, week = of_category_week(key)
    keys = verdicts["content_key"].to_list()
    n, rejected = verdicts.height, int((~verdicts["passed"]).sum())
    known = features if features is not None and version in features.films else None
    distance = None if known is None else _distance(version, keys, known)
    found = None if known is None else _copies(keys, known)
    # Of a few clips a share says nothing; a copy is refused by itself all the same.
    counted = found if n >= policy.rejection.n_min else None
    check: CohortCheck = check_cohort(policy, n=n, rejected=rejected, distance=distance, copies=counted)
    return {
        "cohort_id": f"{version}/{category}/{week}",
        "model_version": version,
        "category": category,
        "week": week,
        "n": n,
        "rejected": rejected,
        "rejection": check.rejection.value,
        "passed": check.passed,
        "extractor": distance.extractor if distance else None,
        "fvd_n": distance.n if distance else None,
        "fvd": distance.value if distance else None,
        "indicative": distance.indicative if distance else None,
        "copies": len(found.copies) if found else None,
        "policy_hash": policy.policy_hash,
    }


def _distance(version: str, keys: Sequence[str], features: Compared) -> FrechetDistance | None:
    """Of a model's clips to held-out ones of its own; None where that is not known, or clips are too few."""
    rows = [features.by_key[key] for key in keys if key in features.by_key]
    held_out = features.held_out.get(version, ())
    if min(len(rows), len(held_out)) < _COHORT_MIN:
        return None
    real = FeatureSet(extractor=features.extractor, values=features.held_out[version])
    made = FeatureSet(extractor=features.extractor, values=features.films[version][rows])
    return frechet_distance(real, made)


def _copies(keys: Sequence[str], features: Compared) -> Memorisation:
    """The share of copies among so many clips, for the cohort's rule."""
    rows = tuple(row for row, key in enumerate(keys) if key in features.copies)
    return Memorisation(
        extractor=features.extractor, n=len(keys), n_training=0, limit=0.0, distances=(), nearest=(),
        copies=rows,
    )  # fmt: skip
