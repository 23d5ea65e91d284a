"""The seed's published table, made from any results document, with what its numbers can mean.

A score never stands alone: routes, kilometres, repetitions, scorer and backend are printed above it,
events beside rates, and next to the published result the facts about it.
"""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

PUBLISHED = Path(__file__).with_name("published.toml")
_ROWS = (
    ("collisions_vehicle", "Collisions with vehicles"),
    ("collisions_layout", "Collisions with layout"),
    ("stop_infraction", "Stop sign infractions"),
    ("vehicle_blocked", "Agent blocked"),
    ("min_speed_infractions", "Min speed infractions"),
    ("outside_route_lanes", "Off-road infractions"),
    ("collisions_pedestrian", "Collisions with pedestrians"),
    ("red_light", "Red light infractions"),
)
# Upstream adds kilometres and does not divide them (facts/driving.md, section 5.4).
_NOT_PER_KM = "outside_route_lanes"
_UNKNOWN = "not stated"


def report(document: Mapping[str, Any], *, compare: bool) -> str:
    """A report in Markdown.

    Args:
        document: A results document, as `read_results` gives it.
        compare: Put the published result beside it, with the facts about that.
    """
    published = tomllib.loads(PUBLISHED.read_text()) if compare else None
    lines = ["# Benchmark results", "", *_context(document), "", *_scores(document, published), ""]
    lines += ["## Infraction breakdown", "", *_infractions(document, published)]
    if published is not None:
        lines += ["", f"## What the published numbers can and cannot mean ({published['source']})", ""]
        lines += [f"- {' '.join(fact['text'].split())}" for fact in published["facts"]]
    return "\n".join(lines) + "\n"


def driven_km(document: Mapping[str, Any]) -> float:
    """Length of the routes by the share that was driven."""
    records = document["_checkpoint"]["records"]
    return float(sum(r["meta"]["route_length"] * r["scores"]["score_route"] / 100_000.0 for r in records))


def _context(document: Mapping[str, Any]) -> Iterator[str]:
    checkpoint = document["_checkpoint"]
    meta, records = checkpoint["global_record"]["meta"], checkpoint["records"]
    backend = meta.get("backend", _UNKNOWN)
    yield "| what was driven | |"
    yield "|---|---|"
    yield f"| backend | {backend}{' (not CARLA)' if backend == 'minitown' else ''} |"
    yield f"| scorer version | {meta.get('scorer_version', _UNKNOWN)} |"
    yield f"| route set | {meta.get('route_set', _UNKNOWN)} {meta.get('route_set_hash', '')} |"
    yield f"| routes with a result | {len(records)} of {checkpoint['progress'][1]} |"
    yield f"| repetitions | {meta.get('repetitions', _UNKNOWN)} |"
    yield f"| length of the routes | {sum(r['meta']['route_length'] for r in records) / 1000:.3f} km |"
    yield f"| driven | {driven_km(document):.3f} km |"


def _scores(document: Mapping[str, Any], published: Mapping[str, Any] | None) -> Iterator[str]:
    means = document["_checkpoint"]["global_record"]["scores_mean"]
    head = ["Metric", "Score", *([published["name"]] if published else [])]
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for label, key, name, unit in (
        ("Driving Score", "score_composed", "driving_score", ""),
        ("Route Completion", "score_route", "route_completion", "%"),
        ("Infraction Penalty", "score_penalty", "infraction_penalty", ""),
    ):
        cells = [f"**{label}**", f"{means[key]:.2f}{unit}"]
        cells += [f"{published[name]:.2f}{unit}"] if published else []
        yield f"| {' | '.join(cells)} |"


def _infractions(document: Mapping[str, Any], published: Mapping[str, Any] | None) -> Iterator[str]:
    checkpoint = document["_checkpoint"]
    rates, records = checkpoint["global_record"]["infractions"], checkpoint["records"]
    head = ["Infraction Type", "Rate (per km)", "Events"]
    head += ["published rate", "published events"] if published else []
    yield f"| {' | '.join(head)} |"
    yield "|" + "---|" * len(head)
    for key, label in _ROWS:
        events = sum(len(record["infractions"][key]) for record in records)
        unit = " km in all" if key == _NOT_PER_KM else ""
        cells = [label, f"{rates[key]:.2f}{unit}", str(events)]
        if published:
            cells += [f"{published['per_km'][key]:.2f}{unit}", str(published["counts"].get(key, _UNKNOWN))]
        yield f"| {' | '.join(cells)} |"
