"""The whole document: totals, statuses, key order, the file, and case files that are wrong."""

import json
from pathlib import Path
from typing import Any

import pytest

from scoring.leaderboard import (
    LABELS,
    Event,
    EventType,
    Failure,
    RouteRun,
    ScorerVersion,
    ScoringInputError,
    differences,
    load_cases,
    make_results,
    write_results,
)

PARTS = ["index", "route_id", "status", "num_infractions", "infractions", "scores", "meta"]


def run(
    number: int, completed: float = 100, *more: Event, failure: Failure | None = None, **extra: object
) -> RouteRun:
    done = Event(type=EventType.ROUTE_COMPLETION, percentage=completed)
    return RouteRun(
        route_id=f"RouteScenario_{number}_rep0",
        index=number,
        route_length_m=500.0,
        criteria=[[done], list(more)],
        failure=failure,
        duration_game_s=10.0,
        duration_system_s=20.0,
        extra=extra,
    )


def results(*runs: RouteRun, total: int | None = None, **more: Any) -> dict[str, Any]:
    return make_results(
        runs, version=ScorerVersion.V2_1, total_routes=len(runs) if total is None else total, **more
    )


def test_keys_stand_in_the_genuine_order() -> None:
    document = results(run(0))
    assert list(document) == ["_checkpoint", "entry_status", "eligible", "sensors", "values", "labels"]
    assert list(document["_checkpoint"]) == ["global_record", "progress", "records"]
    assert list(document["_checkpoint"]["records"][0]) == PARTS
    assert document["labels"] == list(LABELS)
    assert len(document["values"]) == 15


def test_bench2drive_puts_its_own_fields_where_its_evaluator_does() -> None:
    named: dict[str, Any] = {
        "scenario_name": "S",
        "weather_id": "3",
        "save_name": "n",
        "town_name": "T",
        "note": 1,
    }
    both = [
        make_results([run(0, **named)], version=version, total_routes=1)["_checkpoint"]["records"][0]
        for version in (ScorerVersion.BENCH2DRIVE, ScorerVersion.V2_0)
    ]
    before = ["index", "route_id", "scenario_name", "weather_id", "save_name"]
    assert list(both[0]) == [*before, *PARTS[2:], "town_name", "note"]
    assert list(both[1]) == [*PARTS, "note"]


def test_missing_routes_count_as_zero_and_make_the_document_invalid() -> None:
    document = results(run(0), total=4)
    assert document["_checkpoint"]["global_record"]["scores_mean"]["score_composed"] == 25.0
    assert document["_checkpoint"]["progress"] == [1, 4]
    assert document["entry_status"] == "Invalid"
    assert not document["eligible"]


def test_a_crashed_evaluation_may_miss_routes() -> None:
    document = results(run(0, 40.0, failure=Failure.SIMULATION), total=4, crashed=True)
    assert document["entry_status"] == "Crashed"


@pytest.mark.parametrize(
    ("failures", "status"),
    [
        ((None, None), "Finished"),
        ((Failure.AGENT_RUNTIME, Failure.AGENT_INIT), "Finished"),
        ((Failure.SENSORS, None), "Rejected"),
        ((Failure.SENSORS, Failure.SIMULATION), "Crashed"),
        ((Failure.SIMULATION, Failure.SENSORS), "Rejected"),
    ],
)
def test_the_entry_status_is_that_of_the_last_grave_failure(
    failures: tuple[Failure | None, ...], status: str
) -> None:
    runs = [run(number, 40.0, failure=failure) for number, failure in enumerate(failures)]
    document = results(*runs)
    assert document["entry_status"] == status
    assert document["eligible"] is (status == "Finished")


def test_a_route_that_is_complete_hides_its_failure() -> None:
    assert results(run(0, 100, failure=Failure.SIMULATION))["entry_status"] == "Finished"


def test_an_empty_route_set_has_no_means() -> None:
    document = results(total=2)
    assert document["_checkpoint"]["global_record"]["scores_mean"]["score_composed"] == 0
    assert document["entry_status"] == "Invalid"


def test_rates_are_per_driven_kilometre_and_metres_outside_are_a_sum() -> None:
    hit = Event(type=EventType.COLLISION_VEHICLE, message="hit")
    message = "Agent went outside its route lanes for about 12.5 meters (5.0% of the completed route)"
    out = Event(
        type=EventType.OUTSIDE_ROUTE_LANES_INFRACTION, message=message, percentage=5.0, distance_m=12.5
    )
    rates = results(run(0, 50.0, hit), run(1, 50.0, out))["_checkpoint"]["global_record"]["infractions"]
    assert rates["collisions_vehicle"] == 2.0  # one in half a kilometre
    assert rates["outside_route_lanes"] == 0.013  # km, rounded up from 12.5 m


def test_a_message_without_metres_is_refused_by_name() -> None:
    out = Event(type=EventType.OUTSIDE_ROUTE_LANES_INFRACTION, message="somewhere", percentage=5.0)
    with pytest.raises(ScoringInputError, match=r"RouteScenario_0_rep0.*ninth word must be metres"):
        results(run(0, 50.0, out))


def test_own_meta_comes_after_upstreams_and_eligibility_can_be_denied() -> None:
    document = results(run(0), eligible=False, extra_meta={"backend": "minitown", "repetitions": 1})
    meta = document["_checkpoint"]["global_record"]["meta"]
    assert list(meta)[-3:] == ["exceptions", "backend", "repetitions"]
    assert document["entry_status"] == "Finished"
    assert document["eligible"] is False


def test_a_run_that_goes_on_has_records_but_no_totals() -> None:
    document = results(run(0), total=4, final=False)
    assert document["_checkpoint"]["global_record"] == {}
    assert document["_checkpoint"]["progress"] == [1, 4]
    assert (document["entry_status"], document["values"], document["labels"]) == ("Started", [], [])


def test_more_records_than_routes_are_refused_where_a_mean_would_divide_by_zero() -> None:
    with pytest.raises(ScoringInputError, match="total_routes: 0 for 1 records"):
        results(run(0), total=0)


def test_records_can_be_given_instead_of_runs() -> None:
    document = results(run(0), run(1, 40.0))
    again = make_results(document["_checkpoint"]["records"], version=ScorerVersion.V2_1, total_routes=2)
    assert json.dumps(again) == json.dumps(document)


def test_a_written_document_reads_the_same_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "results.json"
    document = results(run(0))
    write_results(path, {"old": True})
    write_results(path, document)
    assert json.loads(path.read_text()) == document
    assert [file.name for file in path.parent.iterdir()] == ["results.json"]


def test_a_document_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    write_results(path, {"old": True})
    with pytest.raises(ValueError, match="Out of range float"):
        write_results(path, {"score": float("nan")})
    assert json.loads(path.read_text()) == {"old": True}
    assert len(list(tmp_path.iterdir())) == 1


def test_differences_tell_order_kind_and_place() -> None:
    ours = {"b": 1, "a": [1.0, {"x": True}]}
    genuine = {"a": [1, {"x": 1}, "more"], "b": 1}
    assert [str(found) for found in differences(ours, genuine)] == [
        "$ (key order): ours ['b', 'a'], genuine ['a', 'b']",
        "$.a[0]: ours 1.0, genuine 1",
        "$.a[1].x: ours True, genuine 1",
        "$.a[2]: ours absent, genuine 'more'",
    ]
    assert not list(differences({"n": float("nan")}, {"n": float("nan")}))


GOOD: dict[str, Any] = {
    "name": "c",
    "routes": [
        {"route_id": "RouteScenario_0_rep0", "route_points": [[0, 0, 0], [9, 0, 0]], "criteria": [[]]}
    ],
}


def broken(path: str, value: object) -> dict[str, Any]:
    """A case file with one value at a dotted path replaced, or removed where it is None."""
    whole: Any = {"cases": [json.loads(json.dumps(GOOD))]}
    at = whole
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in steps:
        at = at[step]
    if value is None:
        del at[last]
    else:
        at[last] = value
    return dict(whole)


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        ("cases", None, r"\$: has no field 'cases'"),
        ("cases.0.name", 3, r"\$\.cases\[0\]\.name: 3 \(must be a string\)"),
        ("cases.0.routes.0.route_id", None, r"\$\.cases\[0\]\.routes\[0\]: has no field 'route_id'"),
        ("cases.0.routes.0.route_points", [[0]], r"route_points\[0\]: 1 numbers \(must be 2 or 3\)"),
        (
            "cases.0.routes.0.route_points",
            [[0, float("nan"), 0]],
            r"route_points\[0\]\[1\]: nan \(must be a finite",
        ),
        (
            "cases.0.routes.0.criteria",
            [[{"type": "FLYING"}]],
            r"criteria\[0\]\[0\]\.type: 'FLYING' \(unknown event",
        ),
        ("cases.0.routes.0.criteria", [[{"type": "ROUTE_COMPLETION"}]], r"has no field 'route_completed'"),
        (
            "cases.0.routes.0.criteria",
            [[{"type": "MIN_SPEED_INFRACTION", "percentage": float("nan")}]],
            r"percentage: nan \(must be a finite number\)",
        ),
        ("cases.0.routes.0.failure", "Weather", r"failure: 'Weather' \(must be one of Simulation, "),
        ("cases.0.routes.0.timeout", "yes", r"timeout: 'yes' \(must be true or false\)"),
        ("cases.0.routes.0.duration_game", True, r"duration_game: True \(must be a number\)"),
        ("cases.0.total_routes", 0, r"total_routes: 0 \(minimum 1\)"),
    ],
)
def test_a_wrong_case_file_names_file_and_field(tmp_path: Path, path: str, value: object, told: str) -> None:
    file = tmp_path / "cases.json"
    file.write_text(json.dumps(broken(path, value)))
    with pytest.raises(ScoringInputError, match=told) as refused:
        load_cases(file)
    assert str(refused.value).startswith(str(file))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (b'{"cases": [', "cut off"),
        (b"\xff\xfe{", "not UTF-8"),
        (b"[" * 100_000, "too deep|cut off"),
    ],
)
def test_a_file_that_is_no_json_is_told_in_one_line(tmp_path: Path, content: bytes, told: str) -> None:
    file = tmp_path / "cases.json"
    file.write_bytes(content)
    with pytest.raises(ScoringInputError, match=told):
        load_cases(file)
    with pytest.raises(ScoringInputError, match="No such file"):
        load_cases(tmp_path / "absent.json")
