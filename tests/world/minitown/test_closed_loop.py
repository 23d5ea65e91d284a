"""The scale of the closed loop: expert near 100, doing nothing near 0; the same seed, the same bytes."""

import json
from pathlib import Path
from typing import Any

import pytest

from scoring.leaderboard import ScorerVersion, differences
from world.minitown.drive import DriveOptions
from world.minitown.routes import load_route_set
from world.minitown.runner import DriveJob, Progress, run_job


def drive(
    agent: str, route_set: str, out: Path, *, routes: str | None = None, seed: int = 0, workers: int = 2
) -> dict[str, Any]:
    job = DriveJob(
        agent=agent,
        route_set=load_route_set(route_set, subset=routes),
        out=out / "results.json",
        options=DriveOptions(seed=seed),
        version=ScorerVersion.V2_1,
        workers=workers,
    )
    return run_job(job)


def driving_score(document: dict[str, Any]) -> float:
    return float(document["_checkpoint"]["global_record"]["scores_mean"]["score_composed"])


@pytest.mark.slow
def test_the_expert_scores_at_least_95_on_minitown_12(tmp_path: Path) -> None:
    document = drive("expert", "minitown-12", tmp_path)
    assert driving_score(document) >= 95, [r["infractions"] for r in document["_checkpoint"]["records"]]
    assert document["entry_status"] == "Finished"
    assert document["eligible"] is False
    meta = document["_checkpoint"]["global_record"]["meta"]
    assert (meta["backend"], meta["route_set"], meta["scorer_version"]) == ("minitown", "minitown-12", "2.1")
    assert 0.95 * meta["total_km"] <= meta["km_driven"] <= meta["total_km"]


@pytest.mark.slow
def test_the_expert_wins_at_least_10_of_the_11_scenarios(tmp_path: Path) -> None:
    document = drive("expert", "scenarios-11", tmp_path)
    outcomes = document["_checkpoint"]["global_record"]["meta"]["scenarios"]
    assert len(outcomes) == 11
    assert list(outcomes.values()).count("won") >= 10, outcomes


@pytest.mark.slow
@pytest.mark.parametrize(("agent", "at_most"), [("noop", 5.0), ("random", 10.0)])
def test_the_baselines_score_next_to_nothing(agent: str, at_most: float, tmp_path: Path) -> None:
    assert driving_score(drive(agent, "minitown-12", tmp_path)) <= at_most


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_in_any_number_of_workers(tmp_path: Path) -> None:
    first = drive("expert", "minitown-12", tmp_path / "one", routes="0,3", seed=5, workers=1)
    second = drive("expert", "minitown-12", tmp_path / "two", routes="0,3", seed=5, workers=2)
    assert list(differences(first, second)) == []
    one, two = ((tmp_path / name / "results.json").read_bytes() for name in ("one", "two"))
    assert one == two


@pytest.mark.slow
def test_another_seed_is_another_traffic(tmp_path: Path) -> None:
    durations = {
        json.dumps(drive("expert", "minitown-12", tmp_path, routes="2", seed=seed)["_checkpoint"]["records"])
        for seed in (1, 2)
    }
    assert len(durations) == 2


@pytest.mark.slow
def test_every_route_reports_its_progress(tmp_path: Path) -> None:
    seen: list[Progress] = []
    job = DriveJob(
        agent="expert",
        route_set=load_route_set("scenarios-11", subset="0,1"),
        out=tmp_path / "results.json",
    )
    run_job(job, seen.append)
    assert [progress.index for progress in seen if progress.done] == [0, 1]
    assert all(0.0 <= progress.share <= 1.0 for progress in seen)
