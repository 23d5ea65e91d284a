"""Results documents as tables: a row per route, a row per route set and scorer version."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import polars as pl

from scalediff_assets.model_schemas import INFRACTIONS, ROUTE_RESULTS, ROUTE_SET_RESULTS, LeaderboardResults
from scalediff_contract.jobs import EvaluateResult, EvaluateSpec
from scoring.stats import mean_interval

PRIMARY = "2.1"
SUCCESSES = ("Completed", "Perfect")
_ROUTE_ID = re.compile(r"^RouteScenario_(?P<route>.+)_rep(?P<repetition>\d+)$")


def result_tables(
    agent: str,
    spec: EvaluateSpec,
    result: EvaluateResult,
    documents: Mapping[str, Mapping[str, Any]],
    *,
    folder_key: str,
) -> LeaderboardResults:
    """The tables of one evaluation.

    Args:
        agent: Who drove.
        spec: What was asked for.
        result: What the job said.
        documents: Scorer version -> results document.
        folder_key: Where the documents lie in the store of models.
    """
    routes = _routes(agent, spec, result, documents)
    rows = [
        _route_set(agent, spec, result, version, document, f"{folder_key}/{result.results[version]}")
        for version, document in sorted(documents.items())
    ]
    return LeaderboardResults(
        route_sets=ROUTE_SET_RESULTS.frame(rows).sort(ROUTE_SET_RESULTS.key),
        routes=ROUTE_RESULTS.frame(routes).sort(ROUTE_RESULTS.key),
    )


def _routes(
    agent: str, spec: EvaluateSpec, result: EvaluateResult, documents: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    primary, other = (documents[version]["_checkpoint"]["records"] for version in (PRIMARY, "2.0"))
    scores_2_0 = {record["route_id"]: record["scores"] for record in other}
    places = route_places(spec.route_set)
    ends = documents[PRIMARY]["_checkpoint"]["global_record"]["meta"].get("scenarios", {})
    rows = []
    for record in primary:
        route, repetition = split_route_id(record["route_id"])
        town, scenario = places.get(route, ("unknown", "none"))
        rows.append(
            {
                "agent": agent,
                "route_set": route_set_name(spec.route_set),
                "route_id": route,
                "repetition": repetition,
                "backend": spec.backend,
                "town": town,
                "scenario": scenario,
                "scenario_end": ends.get(scenario, "none" if scenario == "none" else "unfinished"),
                "status": record["status"],
                "attempts": len(result.attempts.get(record["route_id"], ("",))),
                "length_m": float(record["meta"]["route_length"]),
                "completion_percent": float(record["scores"]["score_route"]),
                "driving_score": float(record["scores"]["score_composed"]),
                "penalty": float(record["scores"]["score_penalty"]),
                "driving_score_2_0": float(scores_2_0[record["route_id"]]["score_composed"]),
                "penalty_2_0": float(scores_2_0[record["route_id"]]["score_penalty"]),
                "duration_game_s": float(record["meta"]["duration_game"]),
                **{name: len(record["infractions"].get(name, ())) for name in INFRACTIONS},
            }
        )
    return rows


def route_set_name(route_set: str) -> str:
    """A shipped set's name; a routes file's name without its folder and ending."""
    return route_set.rpartition("/")[2].removesuffix(".xml")


def split_route_id(route_id: str) -> tuple[str, int]:
    """`RouteScenario_7_rep2` -> (`7`, 2)."""
    match = _ROUTE_ID.match(route_id)
    return (match["route"], int(match["repetition"])) if match else (route_id, 0)


def route_places(route_set: str) -> dict[str, tuple[str, str]]:
    """Route -> town and staged scenario (`none`), from the route set."""
    from pathlib import Path

    from world.minitown.routes import read_routes, route_sets

    path = route_sets().get(route_set, Path(route_set))
    return {
        route.route_id: (route.town, route.scenarios[0].name if route.scenarios else "none")
        for route in read_routes(path)
    }


def _route_set(
    agent: str,
    spec: EvaluateSpec,
    result: EvaluateResult,
    version: str,
    document: Mapping[str, Any],
    results_key: str,
) -> dict[str, Any]:
    records, meta = document["_checkpoint"]["records"], document["_checkpoint"]["global_record"]["meta"]
    total = document["_checkpoint"]["progress"][1]
    scores = [float(record["scores"]["score_composed"]) for record in records]
    # A missing route counts 0, as upstream counts it; the count stands beside the mean.
    interval = mean_interval(scores + [0.0] * (total - len(scores)))
    lengths = [float(record["meta"]["route_length"]) / 1000.0 for record in records]
    driven = [
        length * float(record["scores"]["score_route"]) / 100.0
        for length, record in zip(lengths, records, strict=True)
    ]
    return {
        "agent": agent,
        "route_set": route_set_name(spec.route_set),
        "scorer_version": version,
        "backend": spec.backend,
        "route_set_hash": str(meta.get("route_set_hash", "")),
        "seed": spec.seed,
        "repetitions": spec.repetitions,
        "n_routes": total // spec.repetitions,
        "n_results": len(records),
        "total_km": float(meta.get("total_km", sum(lengths))),
        "km_driven": float(meta.get("km_driven", sum(driven))),
        "driving_score": interval.mean,
        "driving_score_low": interval.low,
        "driving_score_high": interval.high,
        "route_completion": _mean(records, "score_route", total),
        "infraction_penalty": _mean(records, "score_penalty", total),
        "success_share": sum(record["status"] in SUCCESSES for record in records) / total,
        "status": document["entry_status"],
        "results_key": results_key,
        "sim_wall_ratio": result.game_s / max(0.001, result.seconds),
    }


def _mean(records: list[Mapping[str, Any]], name: str, total: int) -> float:
    return sum(float(record["scores"][name]) for record in records) / total


def infractions_per_km(routes: pl.DataFrame) -> dict[str, float]:
    """Infraction -> events per driven kilometre; empty where nothing was driven."""
    km = float((routes["length_m"] * routes["completion_percent"] / 100.0).sum()) / 1000.0
    return {name: float(routes[name].sum()) / km for name in INFRACTIONS} if km > 0.0 else {}


def scenario_confusion(routes: pl.DataFrame) -> pl.DataFrame:
    """Scenarios by the status that their routes ended with: a row per scenario, a column per status."""
    counts = Counter(routes.select("scenario", "status").iter_rows())
    statuses = sorted({status for _, status in counts})
    scenarios = sorted({scenario for scenario, _ in counts})
    return pl.DataFrame(
        [{"scenario": s, **{status: counts[(s, status)] for status in statuses}} for s in scenarios]
    )
