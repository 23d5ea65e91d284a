"""The seed's published table, reproduced from a results document."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scalediff_assets.cli import app
from scalediff_assets.leaderboard_results.report import report
from scoring.leaderboard import Event, EventType, RouteRun, ScorerVersion, make_results


def seed_like_document() -> dict[str, object]:
    """Two failed debug routes whose numbers print as the published ones do.

    4 vehicle, 1 layout, 1 stop, 2 blocked and 2 minimum-speed events in 109.92 m; the shares of
    minimum speed and of the way outside the lanes are solved for the published means.
    """
    kinds, made = EventType, Event
    first = [made(type=kinds.COLLISION_VEHICLE, message="hit")] * 1 + [
        made(type=kinds.STOP_INFRACTION, message="ran")
    ]
    second = [made(type=kinds.COLLISION_VEHICLE, message="hit")] * 3 + [
        made(type=kinds.COLLISION_STATIC, message="hit")
    ]
    runs = []
    for place, (events, completed, speed, outside, meters) in enumerate(
        ((first, 30.00, 79.31, 23.26, "10.0"), (second, 64.82, 72.00, 42.30, "10.0"))
    ):
        criteria = [
            [made(type=kinds.ROUTE_COMPLETION, percentage=completed)],
            events,
            [made(type=kinds.MIN_SPEED_INFRACTION, message=f"Average speed is {speed}%", percentage=speed)],
            [made(type=kinds.OUTSIDE_ROUTE_LANES_INFRACTION,
               message=f"Agent went outside its route lanes for about {meters} meters "
                  f"({outside}% of the completed route)",
               percentage=outside)],
            [made(type=kinds.VEHICLE_BLOCKED, message="blocked")],
        ]  # fmt: skip
        runs.append(
            RouteRun(
                route_id=f"RouteScenario_{place}_rep0", index=place, route_length_m=115.92, criteria=criteria,
                duration_system_s=1.0, duration_game_s=1.0,
            )
        )  # fmt: skip
    return make_results(runs, version=ScorerVersion.V2_0, total_routes=2, extra_meta={"backend": "carla"})


def rows_of(text: str) -> dict[str, list[str]]:
    cells = [
        [cell.strip(" *") for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line[:1] == "|"
    ]
    return {row[0]: row[1:] for row in cells}


def test_the_published_table_is_reproduced() -> None:
    rows = rows_of(report(seed_like_document(), compare=True))
    for name in ("Driving Score", "Route Completion", "Infraction Penalty"):
        assert rows[name][0] == rows[name][1], name
    for name in ("Collisions with vehicles", "Collisions with layout", "Stop sign infractions",
                 "Agent blocked", "Min speed infractions", "Off-road infractions",
                 "Collisions with pedestrians",
                 "Red light infractions"):  # fmt: skip
        ours, events, published, counted = rows[name]
        assert ours == published, name
        assert counted in (events, "not stated"), name


def test_the_facts_stand_beside_any_comparison() -> None:
    compared, alone = report(seed_like_document(), compare=True), report(seed_like_document(), compare=False)
    for fact in (
        "whole events over one distance",
        "not per km",
        "two runs, both failed",
        "6.865",
        "cannot be run again",
    ):
        assert fact in compared and fact not in alone
    for said in (
        "| driven | 0.110 km |",
        "| routes with a result | 2 of 2 |",
        "| repetitions | not stated |",
    ):
        assert said in alone


def test_minitown_is_never_called_carla(tmp_path: Path) -> None:
    document = seed_like_document()
    document["_checkpoint"]["global_record"]["meta"]["backend"] = "minitown"  # type: ignore[index]
    assert "| backend | minitown (not CARLA) |" in report(document, compare=False)
    path = tmp_path / "results.json"
    path.write_text(json.dumps(document))
    printed = CliRunner().invoke(app, ["leaderboard", "report", str(path), "--compare"])
    assert printed.exit_code == 0
    assert printed.stdout == report(document, compare=True)


@pytest.mark.parametrize("version", ["2.0", "2.1"])
def test_a_score_of_another_version_is_the_scorers_own(version: str) -> None:
    from scoring.leaderboard import rescored

    wanted = ScorerVersion(version)
    document = seed_like_document()
    records = document["_checkpoint"]["records"]  # type: ignore[index]
    again = [rescored(record, wanted) for record in records]
    for ours, theirs in zip(again, records, strict=True):
        if version == "2.0":
            assert ours["scores"]["score_penalty"] == pytest.approx(
                theirs["scores"]["score_penalty"], abs=1e-4
            )
        else:
            assert ours["scores"]["score_penalty"] != theirs["scores"]["score_penalty"]
        assert ours["infractions"] == theirs["infractions"]
