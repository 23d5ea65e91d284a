"""The weekly plan and its windows."""

import datetime as dt
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalediff_assets.synthetic_clips.scenarios import PlanSettings, allocate, coverage, plan_week
from scalediff_assets.synthetic_clips.windows import BatchWindows, load_windows
from scalediff_contract.scenarios import UnknownScenarioError, accept_prompt, load_catalogue

CATALOGUE = load_catalogue()
WEEK = "2026-02-01"


def plan(jobs: int = 230, seed: int = 0, week: str = WEEK) -> list[tuple[str, str]]:
    made = plan_week(CATALOGUE, week=week, settings=PlanSettings(jobs=jobs, seed=seed))
    return [(job.idempotency_key, job.request.model_dump_json()) for job in made]


@given(st.integers(23, 20_000))
def test_every_category_gets_clips_and_the_sum_is_what_was_asked(jobs: int) -> None:
    counts = allocate(CATALOGUE, jobs)
    assert sum(counts.values()) == jobs
    assert min(counts.values()) >= 1
    assert len(counts) == 23


def test_rare_categories_get_more_clips() -> None:
    counts = allocate(CATALOGUE, 10_000)
    assert counts["dust_storm"] > 5 * counts["clear_highway"]
    assert counts["clear_highway"] > 50


def test_a_plan_is_the_same_however_often_it_is_made_and_another_with_another_seed() -> None:
    assert plan() == plan()
    keys = {key for key, _ in plan()}
    assert len(keys) == 230
    assert not keys & {key for key, _ in plan(seed=1)}
    assert not keys & {key for key, _ in plan(week="2026-02-08")}
    assert [text for _, text in plan()] != [text for _, text in plan(seed=1)]


def test_every_order_is_of_its_category_and_prompts_are_used_evenly() -> None:
    made = plan_week(CATALOGUE, week=WEEK, settings=PlanSettings(jobs=2_000))
    assert all(accept_prompt(job.request.prompt)[1].id == job.request.category for job in made)
    assert {job.request.priority for job in made} == {"batch"}
    assert len({job.request.seed for job in made}) == 2_000
    uses = Counter(job.request.prompt for job in made if job.request.category == "dust_storm")
    assert max(uses.values()) - min(uses.values()) <= 1


def test_a_plan_that_would_leave_a_category_out_is_refused() -> None:
    with pytest.raises(ValueError, match="a plan of 22 clips leaves categories out"):
        PlanSettings(jobs=22)


def test_coverage_names_what_is_missing() -> None:
    everything = dict.fromkeys(CATALOGUE.ids, 1)
    assert (coverage(CATALOGUE, everything).covered, coverage(CATALOGUE, everything).adot_covered) == (23, 15)
    report = coverage(CATALOGUE, everything | {"dust_storm": 0})
    assert (report.missing, report.covered, report.adot_covered, report.adot_total) == (
        ("dust_storm",),
        22,
        14,
        15,
    )
    with pytest.raises(UnknownScenarioError):
        coverage(CATALOGUE, {"unicorn": 1})


def test_batch_plans_run_108_hours_a_week() -> None:
    assert load_windows().hours_per_week == 108


@pytest.mark.parametrize(
    ("utc", "is_open"),
    [
        ("2026-02-02T12:59", True),  # Monday 05:59 in Phoenix
        ("2026-02-02T13:00", False),
        ("2026-02-03T00:59", False),
        ("2026-02-03T01:00", True),  # Monday 18:00
        ("2026-02-07T20:00", True),  # Saturday noon
    ],
)
def test_windows_are_half_open_hours_of_the_local_clock(utc: str, is_open: bool) -> None:
    at = dt.datetime.fromisoformat(utc).replace(tzinfo=dt.UTC)
    windows = load_windows()
    assert windows.is_open(at) is is_open
    following = windows.next_open(at)
    assert following == at if is_open else following == dt.datetime(2026, 2, 3, 1, tzinfo=dt.UTC)


def test_windows_that_make_no_sense_are_refused() -> None:
    window = {"days": ["mon"], "from_hour": 6, "to_hour": 6}
    with pytest.raises(ValueError, match="is not after from_hour"):
        BatchWindows.model_validate({"version": "v1", "time_zone": "UTC", "windows": [window]})
    with pytest.raises(ValueError, match="'Mars/Base' is unknown"):
        BatchWindows.model_validate(
            {"version": "v1", "time_zone": "Mars/Base", "windows": [window | {"to_hour": 7}]}
        )
