"""`scalediff leaderboard`: JSON out, differences named, documents shown."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from scalediff_assets.scoring_cli import app
from scoring.leaderboard import (
    Event,
    EventType,
    RouteRun,
    ScorerVersion,
    ScoringInputError,
    make_results,
    write_results,
)

ORACLES = Path(__file__).parents[2] / ".." / "shared" / "oracles"


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def oracle(name: str) -> Path:
    path = ORACLES / name
    if not path.exists():
        pytest.skip(f"no genuine cases at {path}")
    return path


@pytest.mark.parametrize(
    ("version", "key"),
    [("2.0", "leaderboard-2.0"), ("2.1", "leaderboard-2.1"), ("bench2drive", "bench2drive-0.0.4")],
)
def test_score_prints_the_genuine_documents_in_case_order(version: str, key: str) -> None:
    path = oracle("leaderboard_cases.json")
    told = run("score", path, "--version", version)
    assert told.exit_code == 0
    genuine = [case["expected"][key] for case in json.loads(path.read_text())["cases"]]
    assert told.stdout == json.dumps(genuine, indent=2) + "\n"
    assert run("score", path, "--version", version, "--check").stdout.endswith("20 of 20 cases agree\n")


def test_criteria_prints_the_genuine_verdicts() -> None:
    path = oracle("criteria_cases.json")
    genuine = [case["expected"] for case in json.loads(path.read_text())["cases"]]
    assert run("criteria", path).stdout == json.dumps(genuine, indent=2) + "\n"
    assert run("criteria", path, "--check").exit_code == 0


def a_case(**more: Any) -> dict[str, Any]:
    route = {
        "route_id": "RouteScenario_0_rep0",
        "route_points": [[0, 0, 0], [100, 0, 0]],
        "criteria": [[{"type": "ROUTE_COMPLETION", "route_completed": 100}]],
    }
    return {"name": "mine", "routes": [route], **more}


def test_check_names_each_difference_and_fails(tmp_path: Path) -> None:
    path = tmp_path / "cases.json"
    path.write_text(json.dumps({"cases": [a_case()]}))
    (document,) = json.loads(run("score", path).stdout)
    document["_checkpoint"]["records"][0]["status"] = "Completed"
    document["values"][0] = "99.0"
    path.write_text(json.dumps({"cases": [a_case(expected={"leaderboard-2.1": document})]}))
    told = run("score", path, "--check")
    assert told.exit_code == 1
    assert told.stdout.splitlines() == [
        "mine: $._checkpoint.records[0].status: ours 'Perfect', genuine 'Completed'",
        "mine: $.values[0]: ours '100.0', genuine '99.0'",
        "0 of 1 cases agree",
    ]


def test_check_without_anything_to_compare_with_fails(tmp_path: Path) -> None:
    path = tmp_path / "cases.json"
    path.write_text(json.dumps({"cases": [a_case()]}))
    told = run("score", path, "--check")
    assert told.exit_code == 1
    assert "nothing to compare with" in told.stdout


@pytest.mark.parametrize("command", ["score", "criteria", "show"])
def test_a_broken_file_is_one_error_that_names_it(command: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text('{"cases": [')
    told = run(command, path)
    assert told.exit_code == 1
    assert isinstance(told.exception, ScoringInputError)
    assert str(told.exception).startswith(str(path))


def test_show_has_a_line_per_route_and_a_global_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    hit = Event(type=EventType.COLLISION_VEHICLE, message="hit")
    runs = [
        RouteRun(
            route_id=f"RouteScenario_{index}_rep0",
            index=index,
            criteria=[[Event(type=EventType.ROUTE_COMPLETION, percentage=completed)], [hit] * index],
            route_length_m=500.0,
        )
        for index, completed in enumerate((100, 40.0))
    ]
    path = tmp_path / "results.json"
    meta = {"backend": "minitown", "route_set": "minitown-12"}
    write_results(
        path,
        make_results(runs, version=ScorerVersion.V2_0, total_routes=3, eligible=False, extra_meta=meta),
    )
    told = run("show", path)
    assert told.exit_code == 0
    assert "minitown minitown-12: Invalid, not eligible, 2 of 3 routes" in told.stdout
    lines = [line for line in told.stdout.splitlines() if "RouteScenario" in line]
    assert ["Perfect" in lines[0], "100.00" in lines[0], "Failed" in lines[1], "1 vehicle" in lines[1]] == [
        True
    ] * 4
    assert "1.429 vehicle" in told.stdout


def test_show_takes_a_run_that_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    write_results(path, make_results([], version=ScorerVersion.V2_0, total_routes=3, final=False))
    told = run("show", path)
    assert told.exit_code == 0
    assert "0 of 3" in " ".join(told.stdout.split())
