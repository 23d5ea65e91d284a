"""The gate over a run's partitions: sidecars, features, copies, cohorts, and what the service is told.

No video is read here. Features come from a job; measures lie beside the clips.
"""

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from resources.connections import Connections
from resources.generation import GenerationService, GenerationServiceError
from scalediff_assets.clip_schemas import COHORTS, GatedClips
from scalediff_assets.partitions import of_category_week
from scalediff_assets.synthetic_clips.gate import judge_sidecars
from scalediff_assets.synthetic_clips.lake import raw_keys
from scalediff_assets.synthetic_clips.provenance import Sidecar
from scalediff_contract.audit import AuditEvent
from scalediff_contract.clip_manifests import ClipsPlace
from scalediff_contract.generation import Cohort, Verdict
from scalediff_contract.video_evaluation import (
    EmbedClipsResult,
    EmbedClipsSpec,
    EmbeddedSet,
    FilmsToEmbed,
    ManifestToEmbed,
)
from scoring.clips import Memorisation, memorisation
from scoring.frechet import FeatureSet, FrechetDistance, frechet_distance
from scoring.gate import CohortCheck, GatePolicy, check_cohort

if TYPE_CHECKING:
    from collections.abc import Sequence

TRAINING, HELD_OUT, FILMS = "training", "held_out", "films"
_MAX_SIDECAR_BYTES = 1_000_000
_COHORT_MIN = 2


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Features of a run's clips and of the real ones they are held against.

    Attributes:
        extractor: Whose features.
        held_out: `(n, D)` of held-out real clips.
        by_key: Content key -> its row.
        films: `(n, D)` of the generated clips.
        copies: Content keys of memorised clips.
        nearest: Content key -> the training clip that is most like it.
    """

    extractor: str
    held_out: np.ndarray
    by_key: Mapping[str, int]
    films: np.ndarray
    copies: frozenset[str]
    nearest: Mapping[str, str]


def read_sidecars(connections: Connections, content_keys: Iterable[str]) -> list[Sidecar]:
    """What lies beside clips.

    Raises:
        ObjectMissingError: A clip is not whole, or its 90 days are over.
    """
    lake = connections.lake()
    keys = sorted(set(content_keys))
    return [Sidecar.read(lake.get(raw_keys(key).sidecar, max_bytes=_MAX_SIDECAR_BYTES)) for key in keys]


def features_spec(
    connections: Connections, real: ClipsPlace, content_keys: "Sequence[str]", extractor: str, name: str
) -> EmbedClipsSpec:
    """The job that makes features of a run's clips and of the real ones."""
    films = FilmsToEmbed(
        name=FILMS,
        store_url=connections.lake().url,
        keys=tuple(raw_keys(key).clip for key in content_keys),
    )
    manifests = (
        ManifestToEmbed(name=TRAINING, clips=real, split="train"),
        ManifestToEmbed(name=HELD_OUT, clips=real, split="val"),
    )
    return EmbedClipsSpec(
        manifests=manifests,
        films=(films,),
        extractor=extractor,
        output_url=f"{connections.models().url}/features/{name}",
    )


def compared(connections: Connections, spec: EmbedClipsSpec, result: EmbedClipsResult) -> Compared:
    """What the job's features say of copies."""
    sets = {each.name: each for each in result.sets}
    features = {name: read_features(connections, spec, each) for name, each in sets.items()}
    training, films = features[TRAINING], features[FILMS]
    found = memorisation(films, training[list(sets[TRAINING].apart)], extractor=result.extractor)
    distances, nearest = _nearest(films, training)
    keys = [key.split("/")[-2] for key in sets[FILMS].rows]
    return Compared(
        extractor=result.extractor,
        held_out=features[HELD_OUT],
        by_key={key: row for row, key in enumerate(keys)},
        films=films,
        # The limit is that of clips that share no picture; a copy may be of any training clip.
        copies=frozenset(key for key, far in zip(keys, distances, strict=True) if far <= found.limit),
        nearest={key: sets[TRAINING].rows[row] for key, row in zip(keys, nearest, strict=True)},
    )


def read_features(connections: Connections, spec: EmbedClipsSpec, embedded: EmbeddedSet) -> np.ndarray:
    """Features of a set, `(n, D)`."""
    folder = spec.output_url.removeprefix(f"{connections.models().url}/")
    content = connections.models().get(f"{folder}/{embedded.key}")
    values: np.ndarray = np.load(io.BytesIO(content), allow_pickle=False)
    return values


def judged(
    key: str, sidecars: "Sequence[Sidecar]", policy: GatePolicy, features: Compared | None
) -> GatedClips:
    """Verdicts and cohorts of one partition."""
    copies = None if features is None else features.copies
    verdicts = judge_sidecars(sidecars, policy, copies=copies)
    rows = [
        _cohort(key, version, group, policy, features)
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
        distance = _distance(group["content_key"].to_list(), features)
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
    key: str, version: object, verdicts: pl.DataFrame, policy: GatePolicy, features: Compared | None
) -> dict[str, object]:
    category, week = of_category_week(key)
    keys = verdicts["content_key"].to_list()
    n, rejected = verdicts.height, int((~verdicts["passed"]).sum())
    distance = None if features is None else _distance(keys, features)
    found = None if features is None else _copies(keys, features)
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


def _distance(keys: "Sequence[str]", features: Compared) -> FrechetDistance | None:
    rows = [features.by_key[key] for key in keys if key in features.by_key]
    if min(len(rows), len(features.held_out)) < _COHORT_MIN:
        return None
    real = FeatureSet(extractor=features.extractor, values=features.held_out)
    made = FeatureSet(extractor=features.extractor, values=features.films[rows])
    return frechet_distance(real, made)


def _copies(keys: "Sequence[str]", features: Compared) -> Memorisation:
    """The share of copies among so many clips, for the cohort's rule."""
    rows = tuple(row for row, key in enumerate(keys) if key in features.copies)
    return Memorisation(
        extractor=features.extractor, n=len(keys), n_training=0, limit=0.0, distances=(), nearest=(),
        copies=rows,
    )  # fmt: skip


def _nearest(films: np.ndarray, training: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from scoring.clips import nearest_distances

    return nearest_distances(films, training)
