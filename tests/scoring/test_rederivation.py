"""Numbers of documents that others wrote, derived again from their records."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.leaderboard import (
    Event,
    EventType,
    RouteRun,
    ScorerVersion,
    ScoringInputError,
    check_records,
    differences,
    make_record,
    make_results,
    read_results,
    rederive_global,
    write_results,
)

ORACLES = Path(__file__).parents[2] / ".." / "shared" / "oracles"
GENUINE = sorted((ORACLES / "bench2drive_results").glob("*.json"))
EXCERPTS = ORACLES / "hf_pdm_lite_excerpts.json"


def genuine_documents() -> list[dict[str, Any]]:
    if not GENUINE:
        pytest.skip(f"no genuine Bench2Drive results at {ORACLES}")
    return [read_results(path) for path in GENUINE]


def test_genuine_global_records_follow_from_their_records_exactly() -> None:
    for document in genuine_documents():
        derived = json.loads(json.dumps(rederive_global(document)))
        assert not [str(found) for found in differences(derived, document["_checkpoint"]["global_record"])]


def test_genuine_driving_scores_and_penalties_follow_from_their_infractions() -> None:
    documents = genuine_documents()
    assert sum(len(document["_checkpoint"]["records"]) for document in documents) == 84
    for document in documents:
        assert check_records(document, ScorerVersion.BENCH2DRIVE) == []


def test_another_rule_does_not_explain_the_genuine_penalties() -> None:
    assert any(check_records(document, ScorerVersion.V2_1) for document in genuine_documents())


def excerpts() -> list[dict[str, Any]]:
    if not EXCERPTS.exists():
        pytest.skip(f"no excerpts at {EXCERPTS}")
    cases: list[dict[str, Any]] = json.loads(EXCERPTS.read_text())["cases"]
    return cases


def test_genuine_minimum_speed_penalties_and_rates_are_exact() -> None:
    for case in excerpts():
        slow = [
            Event(type=EventType.MIN_SPEED_INFRACTION, message=f"{percentage}%", percentage=percentage)
            for percentage in case["min_speed_infractions"]
        ]
        done = Event(type=EventType.ROUTE_COMPLETION, percentage=case["scores"]["score_route"])
        run = RouteRun(
            route_id=case["route_id"], index=0, criteria=[[done], slow], route_length_m=case["route_length"]
        )
        record = make_record(run, ScorerVersion.V2_0)
        assert record["scores"] == case["scores"]
        assert (record["status"], record["num_infractions"]) == (case["status"], case["num_infractions"])
        document = make_results([run], version=ScorerVersion.V2_0, total_routes=1)
        rates = document["_checkpoint"]["global_record"]["infractions"]
        assert rates["min_speed_infractions"] == case["global_min_speed_rate_per_km"]


def a_document() -> dict[str, Any]:
    hit = Event(type=EventType.COLLISION_VEHICLE, message="hit")
    done = Event(type=EventType.ROUTE_COMPLETION, percentage=80.0)
    run = RouteRun(route_id="RouteScenario_3_rep0", index=0, criteria=[[done], [hit]], route_length_m=321.0)
    return make_results([run], version=ScorerVersion.V2_0, total_routes=1)


@pytest.mark.parametrize(
    ("group", "key", "value", "what"),
    [
        ("scores", "score_composed", 49.0, ["score_composed"]),
        ("scores", "score_penalty", 0.7, ["score_composed", "score_penalty"]),
        (None, "num_infractions", 2, ["num_infractions"]),
    ],
)
def test_a_changed_number_is_found(group: str | None, key: str, value: float, what: list[str]) -> None:
    document = a_document()
    assert check_records(document, ScorerVersion.V2_0) == []
    record = document["_checkpoint"]["records"][0]
    (record[group] if group else record)[key] = value
    found = check_records(document, ScorerVersion.V2_0)
    assert [wrong.what for wrong in found] == what
    assert "RouteScenario_3_rep0" in str(found[0])


percentages = st.integers(0, 10_000).map(lambda hundredths: hundredths / 100)
kinds = st.sampled_from(
    [EventType.COLLISION_PEDESTRIAN, EventType.STOP_INFRACTION, EventType.VEHICLE_BLOCKED]
)
slow_events = percentages.map(
    lambda value: Event(type=EventType.MIN_SPEED_INFRACTION, message=f"{value}% of", percentage=value)
)
plain_events = kinds.map(lambda kind: Event(type=kind, message="seen"))


@given(
    st.lists(st.tuples(percentages, st.lists(slow_events | plain_events, max_size=4)), max_size=4),
    st.sampled_from(list(ScorerVersion)),
    st.integers(1, 3),
)
def test_own_documents_derive_again_exactly(
    routes: list[tuple[float, list[Event]]], version: ScorerVersion, missing: int
) -> None:
    runs = [
        RouteRun(
            route_id=f"RouteScenario_{index}_rep0",
            index=index,
            criteria=[[Event(type=EventType.ROUTE_COMPLETION, percentage=completed)], found],
            route_length_m=100.0,
        )
        for index, (completed, found) in enumerate(routes)
    ]
    document = make_results(runs, version=version, total_routes=len(runs) + missing)
    assert rederive_global(document) == document["_checkpoint"]["global_record"]
    assert check_records(document, version) == []


def test_a_run_that_goes_on_can_be_read(tmp_path: Path) -> None:
    document = make_results([], version=ScorerVersion.V2_0, total_routes=5, final=False)
    write_results(tmp_path / "results.json", document)
    assert read_results(tmp_path / "results.json") == document


def old_document() -> dict[str, Any]:
    """The shape of Leaderboard 1.0, in the parts that tell it."""
    scores = {"score_composed": 5.0, "score_penalty": 0.5, "score_route": 10.0}
    return {
        "_checkpoint": {
            "global_record": {"index": -1, "route_id": -1, "scores": scores, "infractions": {}, "meta": {}},
            "progress": [1, 1],
            "records": [],
        },
        "labels": ["Avg. driving score"] * 12,
    }


def test_leaderboard_1_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    path.write_text(json.dumps(old_document()))
    with pytest.raises(ScoringInputError, match=r"old\.json.*Leaderboard 1\.0 document"):
        read_results(path)


def test_every_truncation_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    text = json.dumps(a_document(), indent=4)
    for length in range(0, len(text) - 1, 97):
        path.write_text(text[:length])
        with pytest.raises(ScoringInputError, match=r"cut off|empty") as refused:
            read_results(path)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("entry_status",), 5, r"\$\.entry_status"),
        (("_checkpoint", "records", 0, "scores", "score_route"), "NaN", r"records\[0\]\.scores\.score_route"),
        (("_checkpoint", "records", 0, "scores", "score_route"), float("nan"), r"score_route: .*finite"),
        (
            ("_checkpoint", "records", 0, "infractions"),
            {},
            r"records\[0\]\.infractions: has no collisions_layout",
        ),
        (("_checkpoint", "global_record", "status"), 7, r"\$\._checkpoint\.global_record\.status"),
        (("_checkpoint", "records"), 7, r"\$\._checkpoint\.records"),
    ],
)
def test_another_form_is_refused_with_its_field(
    tmp_path: Path, path: tuple[str | int, ...], value: object, told: str
) -> None:
    document: Any = copy.deepcopy(a_document())
    at = document
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    file = tmp_path / "results.json"
    file.write_text(json.dumps(document))
    with pytest.raises(ScoringInputError, match=told):
        read_results(file)
