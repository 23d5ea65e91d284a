"""What an experiment's two arms came to: clips judged and refused, distances, and what detectors gained."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from resources.connections import Connections
from resources.generation import GenerationService, GenerationServiceError
from resources.tables import read_tables, written_partitions
from scalediff_assets.clip_schemas import EXPERIMENTS, AbExperiment, GatedClips, SyntheticLake
from scalediff_assets.synthetic_clips.experiments import ArmResult, ExperimentDecision, ExperimentPolicy
from scalediff_assets.video_models.record import read_evaluation
from scalediff_assets.video_models.registry import Staged
from scalediff_contract.audit import AuditEvent
from scalediff_contract.clip_manifests import ClipSource, CutClipsSpec
from scalediff_contract.generation import ReloadRequest
from scalediff_contract.video_evaluation import DownstreamResult
from scalediff_contract.video_models import ClipSpec
from scoring.frechet import FrechetDistance

DAY_MS = 86_400_000
FIRST = "first"


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A challenger against production.

    Attributes:
        challenger: The version that is put up.
        control: Production when it began.
        share: Of the jobs that the challenger gets.
        began_ms: Epoch ms.
    """

    challenger: Staged
    control: Staged
    share: float
    began_ms: int


def begin(generation: GenerationService, experiment: Experiment) -> str:
    """Give the challenger its share of the jobs; how the service took it."""
    if generation.health().status != "ok":
        return "the service does not run: no jobs are shared out"
    choice = ReloadRequest(
        model_url=experiment.control.url,
        challenger_url=experiment.challenger.url,
        challenger_share=experiment.share,
        wait_s=30.0,
    )
    try:
        done = generation.reload(choice)
    except GenerationServiceError as error:
        return str(error)
    return f"{len(done.workers)} workers hold both arms"


def end(generation: GenerationService, experiment: Experiment) -> None:
    """Give all jobs to the control again."""
    if generation.health().status == "ok":
        generation.reload(ReloadRequest(model_url=experiment.control.url, wait_s=30.0))


def all_verdicts(connections: Connections) -> pl.DataFrame:
    """Every verdict of the gate: who made the clip and whether it passed."""
    lake = connections.lake()
    columns = ("content_key", "category", "model_version", "passed")
    frames = [
        read_tables(lake, "gated_clips", key, GatedClips).verdicts.select(columns)
        for key in written_partitions(lake, "gated_clips")
    ]
    return pl.concat(frames) if frames else GatedClips().verdicts.select(columns)


def accepted_clips(connections: Connections, version: str) -> list[tuple[str, str, str]]:
    """(clip key, category, prompt) of a version's accepted clips."""
    lake = connections.lake()
    found: list[tuple[str, str, str]] = []
    for key in written_partitions(lake, "synthetic_lake"):
        clips = read_tables(lake, "synthetic_lake", key, SyntheticLake).clips
        own = clips.filter(pl.col("model_version") == version)
        found += own.select("clip_key", "category", "prompt").rows()
    return sorted(found)


def arm_clips_spec(
    connections: Connections, name: str, clips: Sequence[tuple[str, str, str]], clip: ClipSpec
) -> CutClipsSpec:
    """The job that makes a manifest of an arm's accepted films, for a detector to learn from."""
    sources = tuple(
        ClipSource(
            kind="film",
            place_url=connections.lake().url,
            key=key,
            source=key.rpartition("/")[2],
            origin="synthetic",
            category=category,
            caption=prompt,
        )
        for key, category, prompt in clips
    )
    url = f"{connections.models().url}/arms/{name}"
    return CutClipsSpec(name=name, sources=sources, clip=clip, val_share=0.1, output_url=url)


def arm_result(
    staged: Staged,
    verdicts: pl.DataFrame,
    connections: Connections,
    downstream: DownstreamResult | None,
    clips: int,
) -> ArmResult:
    """What was measured on one arm; distances come from the evaluations, at equal n."""
    own = verdicts.filter(pl.col("model_version") == staged.version)
    figure = read_evaluation(connections, staged.training_run).arms[0].frechet[0]
    return ArmResult(
        model_version=staged.version,
        map_by_seed=downstream.ap_mixed if downstream else (),
        training_steps=downstream.steps if downstream else 0,
        training_clips=clips if downstream else 0,
        fvd=FrechetDistance(value=figure.value, low=None, high=None, n=figure.n, extractor=figure.extractor),
        judged=own.height,
        rejected=int((~own["passed"]).sum()),
    )


def experiment_tables(
    experiment: Experiment, arms: tuple[ArmResult, ArmResult], decision: ExperimentDecision
) -> AbExperiment:
    """The experiment's row."""
    control, challenger = arms
    row = {
        "video_model": experiment.challenger.training_run,
        "challenger": experiment.challenger.version,
        "control": experiment.control.version,
        "outcome": decision.outcome,
        "reason": decision.reason,
        "began_ms": experiment.began_ms,
        "days": decision.days,
        "challenger_share": experiment.share,
        "control_judged": control.judged,
        "control_rejected": control.rejected,
        "challenger_judged": challenger.judged,
        "challenger_rejected": challenger.rejected,
        "control_fvd": control.fvd.value if control.fvd else None,
        "challenger_fvd": challenger.fvd.value if challenger.fvd else None,
        "fvd_n": control.fvd.n if control.fvd else None,
        "extractor": control.fvd.extractor if control.fvd else None,
        "gain": decision.gain,
        "p_value": decision.p_value,
        "low": decision.low,
        "high": decision.high,
        "seeds": min(decision.seeds),
        "policy_hash": decision.policy_hash,
    }
    return AbExperiment(decisions=EXPERIMENTS.frame([row]))


def first_tables(challenger: Staged, policy: ExperimentPolicy, now_ms: int) -> AbExperiment:
    """The row of a version that nothing stands against."""
    row: dict[str, object] = dict.fromkeys(EXPERIMENTS.schema)
    row |= {
        "video_model": challenger.training_run,
        "challenger": challenger.version,
        "outcome": FIRST,
        "reason": "there is no other production version to compare it with",
        "began_ms": now_ms,
        "days": 0.0,
        "challenger_share": 0.0,
        **dict.fromkeys(
            ("control_judged", "control_rejected", "challenger_judged", "challenger_rejected"), 0
        ),
        "seeds": 0,
        "policy_hash": policy.content_hash,
    }
    return AbExperiment(decisions=EXPERIMENTS.frame([row]))


def experiment_event(tables: AbExperiment, actor: str, now_ms: int) -> AuditEvent:
    """What the audit log is told: the whole row."""
    row = tables.decisions.row(0, named=True)
    return AuditEvent(
        event_id=f"{row['challenger']}/experiment/{now_ms}",
        at_ms=now_ms,
        actor=actor,
        action="experiment",
        subject=row["challenger"],
        detail=dict(row),
    )
