"""The generation line through Dagster, real jobs and real service processes, at the size of a tiny model."""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl
import pytest

from resources.generation import GenerationService
from resources.jobs import JobFailedError
from resources.profiles import resources_for
from resources.settings import Settings
from resources.tables import has_tables, read_tables
from scalediff_assets.clip_schemas import (
    AbExperiment,
    Drift,
    GatedClips,
    GeneratedClips,
    GenerationCosts,
    SyntheticLake,
)
from scalediff_assets.driving_clips.tables import read_manifest
from scalediff_assets.generation_server import await_model, generation_server, local_url, service_token
from scalediff_assets.home import use_generation, use_home
from scalediff_assets.partitions import SCENARIOS, category_week, week_of, week_range
from scalediff_assets.synthetic_clips.accepting import accepted_sidecars
from scalediff_assets.video_models.record import MODEL, place_of_release
from scalediff_assets.video_models.registry import promote, read_stages, rollback
from scalediff_assets.video_models.releasing import staged_of
from scalediff_assets.video_schemas import ModelRelease
from scalediff_contract.generation import GenerateRequest, PlannedJob, ReloadRequest
from tests.scalediff_assets.generation_home import release_form, write_clip_set

# One home, made once: the tests stand on each other's models.
pytestmark = pytest.mark.slow
SQUARES, FIRST, SECOND = "squares", "first", "second"
WEEK = "2026-11-16"
PROMPT = "dashcam view of tire debris in the lane during light rain on interstate"


@dataclass(frozen=True, kw_only=True)
class Line:
    """A home whose graph runs in this process."""

    settings: Settings
    run: Callable[..., None]

    @property
    def resources(self) -> dict[str, Any]:
        return resources_for(self.settings)

    @property
    def lake(self) -> Any:
        return self.resources["connections"].lake()


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """A home with squares to learn from, and the address of a service that is not started yet."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("generation")
        for name in (
            "SCALEDIFF_HOME",
            "DAGSTER_HOME",
            "SCALEDIFF_GENERATION_URL",
            "SCALEDIFF_GENERATION_TOKEN",
        ):
            patch.setenv(name, "")
        settings = use_home(folder)
        settings = use_generation(local_url(settings), service_token("graph"))
        write_clip_set(settings, SQUARES)
        yield Line(settings=settings, run=_runner(settings))


def _runner(settings: Settings) -> Callable[..., None]:
    import dagster as dg

    from scalediff_assets.automation import JOBS
    from scalediff_assets.automation_tags import range_tags
    from scalediff_assets.checks import CHECKS
    from scalediff_assets.definitions import STAGES
    from scalediff_assets.home import instance
    from scalediff_assets.runner import RunReport, collect, run_config

    def run(job: str, partition: Any, configs: dict[str, Any] | None = None) -> None:
        defs = dg.Definitions(
            assets=STAGES, asset_checks=CHECKS, jobs=JOBS, resources=resources_for(settings),
            executor=dg.in_process_executor,
        )  # fmt: skip
        report = RunReport()
        with instance(settings) as dagster_instance:
            made = defs.resolve_job_def(job)
            if isinstance(made.partitions_def, dg.DynamicPartitionsDefinition):
                dagster_instance.add_dynamic_partitions(str(made.partitions_def.name), [partition])
            where: Any = (
                {"partition_key": partition}
                if isinstance(partition, str)
                else {"tags": range_tags(*partition)}
            )
            result = made.execute_in_process(
                instance=dagster_instance, raise_on_error=False, run_config=run_config(configs or {}), **where
            )
            collect(report, str(partition), result)
        if report.failures:
            raise JobFailedError("; ".join(report.failures))

    return run


@pytest.fixture(scope="module")
def first(line: Line) -> Line:
    """The first model: trained, evaluated, released."""
    line.run("model_release", FIRST, release_form(SQUARES, steps=120))
    return line


@pytest.fixture(scope="module")
def served(first: Line) -> Iterator[tuple[Line, GenerationService]]:
    """The service's processes beside it, holding the first model."""
    with generation_server(first.settings, url=first.settings.generation_url):
        generation: GenerationService = first.resources["generation"]
        production = read_stages(first.resources["connections"]).production
        assert production is not None
        generation.reload(ReloadRequest(model_url=production.url, wait_s=60.0))
        await_model(generation, production.version)
        yield first, generation


@pytest.fixture(scope="module")
def made(served: tuple[Line, GenerationService]) -> Line:
    """A week's plan through service, gate and lake."""
    line, _ = served
    plan = {"jobs": 46, "num_inference_steps": 3, "guidance_scale": 1.5}
    line.run("plan_week", week_range(WEEK), {"scenario_plans": plan})
    line.run("make_clips", week_range(WEEK), {"generated_clips": {"wait_s": 120.0}})
    line.run("cost_weeks", WEEK)
    return line


def tables(line: Line, asset: str, kind: Any, field: str) -> pl.DataFrame:
    keys = [category_week(category, WEEK) for category in SCENARIOS.get_partition_keys()]
    found: list[pl.DataFrame] = [getattr(read_tables(line.lake, asset, key, kind), field) for key in keys]
    return pl.concat(found)


def test_a_broken_loss_stops_at_the_small_training(line: Line) -> None:
    form = release_form(SQUARES, steps=10)
    form["video_models"]["small_training"] = {"clip_set": SQUARES, "steps": 40, "drill": "flipped_loss"}
    with pytest.raises(JobFailedError, match=r"small training failed: loss on seen clips .* does not learn"):
        line.run("model_release", "broken", form)
    assert not has_tables(line.lake, "video_models", "broken")
    models = line.resources["connections"].models()
    assert models.head("video_models/broken/spec.json") is None, "nothing larger was started"


def test_the_first_whole_model_is_registered_and_becomes_production(first: Line) -> None:
    row = read_tables(first.lake, "model_releases", FIRST, ModelRelease).decisions.row(0, named=True)
    assert (row["version"], row["stage"], row["promoted"]) == ("v1.0.0", "production", True)
    (version,) = first.resources["tracking"].versions(MODEL)
    assert version.aliases == ("production",)
    assert version.tags["semver"] == "v1.0.0"
    experiment = read_tables(first.lake, "ab_experiments", FIRST, AbExperiment).decisions
    assert experiment["outcome"].to_list() == ["first"]


def test_a_week_is_made_gated_kept_and_priced(made: Line) -> None:
    jobs = tables(made, "generated_clips", GeneratedClips, "jobs")
    assert jobs.height == 46
    assert set(jobs["status"]) == {"completed"}
    assert jobs["category"].n_unique() == 23
    verdicts = tables(made, "gated_clips", GatedClips, "verdicts")
    lake = tables(made, "synthetic_lake", SyntheticLake, "clips")
    assert verdicts.height == 46
    assert set(lake["content_key"]) == set(verdicts.filter(pl.col("passed"))["content_key"])
    assert lake.height > 0, f"every clip was refused: {verdicts['reasons'].to_list()}"
    cohorts = tables(made, "gated_clips", GatedClips, "cohorts").drop_nulls("fvd")
    assert cohorts.height > 0
    assert set(cohorts["extractor"]) == {"random3d-v1"} and cohorts["indicative"].all()
    costs = read_tables(made.lake, "generation_costs", WEEK, GenerationCosts).weeks.row(0, named=True)
    assert (costs["made"], costs["accepted"]) == (46, lake.height)
    assert costs["total_usd"] > 0 and costs["accepted_clip_usd"] > costs["made_clip_usd"] * 0.99


def test_an_accepted_clip_leads_back_to_the_clips_that_its_model_learnt_from(made: Line) -> None:
    connections = made.resources["connections"]
    row = tables(made, "synthetic_lake", SyntheticLake, "clips").row(0, named=True)
    (sidecar,) = accepted_sidecars(connections, [(row["category"], row["content_key"])])
    assert sidecar.acceptance is not None and sidecar.acceptance.policy_hash == row["policy_hash"]
    place = place_of_release(connections, str(sidecar.training_release))
    assert place is not None
    manifest = read_manifest(connections, place.url.rpartition("/")[2])
    assert manifest.content_hash == sidecar.training_release
    assert {clip.source for clip in manifest.clips} >= {"square-0", "square-1"}


def test_the_audit_log_tells_the_whole_story_of_a_clip_and_verifies(made: Line) -> None:
    log = made.resources["connections"].audit_log()
    row = tables(made, "synthetic_lake", SyntheticLake, "clips").row(0, named=True)
    of_job = [entry.event.action for entry in log.entries(subject=row["job_id"])]
    of_clip = [entry.event.action for entry in log.entries(subject=row["content_key"])]
    of_model = [entry.event.action for entry in log.entries(subject="v1.0.0")]
    assert of_job == ["request", "generate"]
    assert of_clip == ["decision", "accept"]
    assert of_model[:2] == ["register", "promote"] or set(of_model) >= {"register", "promote"}
    assert log.verify() > 46 * 3


def test_the_policies_that_decided_are_in_the_log_once(made: Line) -> None:
    events = [entry.event for entry in made.resources["connections"].audit_log().entries()]
    told = [event for event in events if event.action == "policy"]
    assert sorted(event.subject for event in told) == ["experiment policy", "gate policy", "price table"]
    verdicts = tables(made, "gated_clips", GatedClips, "verdicts")
    gate = next(event for event in told if event.subject == "gate policy")
    assert set(verdicts["policy_hash"]) == {gate.detail["policy_hash"]}


def test_running_a_week_again_changes_nothing(made: Line) -> None:
    before = made.resources["connections"].audit_log().head()
    lake = tables(made, "synthetic_lake", SyntheticLake, "clips")
    made.run(
        "make_clips",
        week_range(WEEK),
        {"generated_clips": {"wait_s": 30.0}, "gated_clips": {"compare": False}},
    )
    assert tables(made, "synthetic_lake", SyntheticLake, "clips").equals(lake)
    assert made.resources["connections"].audit_log().head() == before


def test_a_rollback_gives_back_the_version_before_and_keeps_queued_jobs(
    served: tuple[Line, GenerationService], capsys: pytest.CaptureFixture[str]
) -> None:
    line, generation = served
    line.run(
        "model_release", SECOND, release_form(SQUARES, steps=20, seed=1, trainable="temporal", initial=FIRST)
    )
    found = {name: line.resources[name] for name in ("connections", "tracking")} | {"generation": generation}
    staged = staged_of(found["connections"], SECOND)
    assert staged.version == "v1.1.0"
    row = read_tables(line.lake, "model_releases", SECOND, ModelRelease).decisions.row(0, named=True)
    assert row["stage"] == "candidate" and "inconclusive" in row["reason"]
    promote(staged, **found, actor="test", reason="to have something to go back from", now_ms=2_000_000)
    order = [
        PlannedJob(
            idempotency_key=f"queued-{number}",
            request=GenerateRequest(
                prompt=PROMPT, seed=number, num_inference_steps=40, tags={"plan": "rollback"}
            ),
        )
        for number in range(30)
    ]
    queued = generation.order(order)
    began_s = time.monotonic()
    done = rollback(**found, actor="test", reason="it drives into walls", now_ms=3_000_000)
    seconds = time.monotonic() - began_s
    urgent = asked(7, steps=2, priority="safety_critical")
    (after,) = generation.order([PlannedJob(idempotency_key="after", request=urgent)])
    while (job := generation.job(after.job_id)).status in ("queued", "running"):
        time.sleep(0.05)
    total = time.monotonic() - began_s
    with capsys.disabled():
        told = f"service {done.reload_s:.2f} s, command {seconds:.2f} s, first clip {total:.2f} s"
        print(f"\nrollback: {told}")  # noqa: T201 -- the measurement is for people
    assert (done.production.version, job.model_version) == ("v1.0.0", "v1.0.0")
    ended = {each.job_id for each in _ended(generation, {each.job_id for each in queued})}
    assert ended == {each.job_id for each in queued}, "queued jobs survive"
    aliases = line.resources["tracking"].aliases(MODEL)
    versions = {v.version: v.tags for v in line.resources["tracking"].versions(MODEL)}
    assert versions[aliases["production"]]["semver"] == "v1.0.0"
    assert versions[aliases["previous_production"]]["semver"] == "v1.1.0"
    assert int(versions[aliases["previous_production"]]["retain_until_ms"]) == 3_000_000 + 30 * 86_400_000
    actions = [entry.event.action for entry in found["connections"].audit_log().entries(subject="v1.0.0")]
    assert actions[-1] == "rollback"


def asked(seed: int, *, steps: int, priority: Any = "normal") -> GenerateRequest:
    return GenerateRequest(prompt=PROMPT, seed=seed, num_inference_steps=steps, priority=priority)


def _ended(generation: GenerationService, wanted: set[str]) -> list[Any]:
    """The wanted jobs that completed, when all of them have ended."""
    while True:
        ended = [job for job in generation.ended() if job.job_id in wanted]
        if len(ended) == len(wanted):
            return [job for job in ended if job.status == "completed"]
        time.sleep(0.2)


def test_a_shifted_month_alarms_and_a_month_like_the_others_does_not(first: Line) -> None:
    write_clip_set(first.settings, "alike", count=60, first=1_000)
    write_clip_set(first.settings, "shifted", count=60, first=2_000, brighter=60)
    write_clip_set(first.settings, "before", count=60, first=3_000)
    for name, month, alarm in (("alike", "2026-09-01", False), ("shifted", "2026-10-01", True)):
        form = {"month_clips": name, "reference_clips": "before"}
        first.run("watch_drift", month, {"drift_reports": form})
        row = read_tables(first.lake, "drift_reports", month, Drift).months.row(0, named=True)
        assert row["alarm"] is alarm, row
        assert re.fullmatch(r"random3d-v\d", row["extractor"]) and row["n"] == 60


def test_this_week_is_a_partition() -> None:
    import datetime as dt

    assert week_of(dt.datetime(2026, 11, 21, 23, tzinfo=dt.UTC)) == WEEK
