"""`scalediff leaderboard`: score case files, judge recorded drives, look at results documents.

JSON goes to standard output and nothing else does, so that it can be piped; a document that
someone else wrote is only shown, never written.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from scoring.leaderboard import (
    Difference,
    ScorerVersion,
    differences,
    load_cases,
    read_results,
    score_case,
)

app = typer.Typer(
    name="leaderboard", help="Scores and criteria like the CARLA Leaderboard's.", no_args_is_help=True
)
_CasesFile = Annotated[Path, typer.Argument(metavar="CASES.json", help="Cases, as the oracles have them.")]
_Check = Annotated[
    bool, typer.Option("--check", help="Compare with the cases' `expected`; exit 1 on any difference.")
]
_SHORT = {
    "collisions_pedestrian": "pedestrian",
    "collisions_vehicle": "vehicle",
    "collisions_layout": "layout",
    "red_light": "red light",
    "stop_infraction": "stop",
    "outside_route_lanes": "outside lanes",
    "min_speed_infractions": "min speed",
    "yield_emergency_vehicle_infractions": "no yield",
    "scenario_timeouts": "scenario time-out",
    "route_dev": "deviation",
    "vehicle_blocked": "blocked",
    "route_timeout": "time-out",
}


@app.command()
def score(
    cases: _CasesFile,
    version: Annotated[ScorerVersion, typer.Option(help="Which scoring rules.")] = ScorerVersion.V2_1,
    check: _Check = False,
) -> None:
    """Print the results document of each case, in case order, as a JSON list."""
    found = load_cases(cases)
    documents = [score_case(case, version) for case in found]
    if check:
        _check(
            (case.name, ours, case.expected_for(version)) for case, ours in zip(found, documents, strict=True)
        )
    else:
        _print_json(documents)


@app.command()
def criteria(cases: _CasesFile, check: _Check = False) -> None:
    """Judge each recorded drive and print what the criteria say, as a JSON list."""
    from world.minitown.criteria.replay import load_replays, replay

    found = load_replays(cases)
    verdicts = [replay(case) for case in found]
    if check:
        _check((case.name, ours, case.expected) for case, ours in zip(found, verdicts, strict=True))
    else:
        _print_json(verdicts)


@app.command()
def show(
    results: Annotated[Path, typer.Argument(metavar="RESULTS.json", help="A results document.")],
) -> None:
    """Show a results document as a table."""
    Console().print(results_table(read_results(results)))


@app.command()
def report(
    results: Annotated[Path, typer.Argument(metavar="RESULTS.json", help="A results document.")],
    compare: Annotated[
        bool, typer.Option("--compare", help="Beside the seed's published table, with the facts about it.")
    ] = False,
) -> None:
    """Print a results document as the seed's published table, in Markdown."""
    from scalediff_assets.leaderboard_results.report import report as make_report

    typer.echo(make_report(read_results(results), compare=compare), nl=False)


def results_table(document: Mapping[str, Any]) -> Table:
    """A results document as a table: one line per route, and the global line.

    Args:
        document: A results document, whole or of a run that still goes on.
    """
    checkpoint = document["_checkpoint"]
    done, total = checkpoint["progress"] or (len(checkpoint["records"]), "?")
    eligible = "eligible" if document["eligible"] else "not eligible"
    table = Table(
        title=f"{_title(checkpoint)}{document['entry_status']}, {eligible}, {done} of {total} routes",
        title_style="bold",
    )
    for name in ("route", "status"):
        table.add_column(name)
    for name in ("score", "completion %", "penalty", "metres"):
        table.add_column(name, justify="right")
    table.add_column("infractions")
    for record in checkpoint["records"]:
        scores = record["scores"]
        table.add_row(
            Text(str(record["route_id"])),
            _coloured(record["status"]),
            *_numbers(scores),
            f"{record['meta']['route_length']:.1f}",
            Text(_infractions(record["infractions"])),
        )
    whole = checkpoint["global_record"]
    if whole:
        table.add_section()
        table.add_row(
            "all (mean; rates per km)",
            _coloured(whole["status"]),
            *_numbers(whole["scores_mean"]),
            f"{whole['meta']['total_length']:.1f}",
            _rates(whole["infractions"]),
            style="bold",
        )
    return table


def _title(checkpoint: Mapping[str, Any]) -> str:
    meta = (checkpoint["global_record"] or {}).get("meta", {})
    named = [str(meta[key]) for key in ("backend", "route_set", "scorer_version") if key in meta]
    return f"{' '.join(named)}: " if named else ""


def _coloured(status: str) -> Text:
    # Text, not markup: a status that someone else wrote may hold brackets.
    return Text(status, style={"Perfect": "green", "Completed": "yellow"}.get(status, "red"))


def _numbers(scores: Mapping[str, float]) -> tuple[str, str, str]:
    return (
        f"{scores['score_composed']:.2f}",
        f"{scores['score_route']:.2f}",
        f"{scores['score_penalty']:.3f}",
    )


def _infractions(infractions: Mapping[str, Sequence[str]]) -> str:
    found = [(key, messages) for key, messages in infractions.items() if messages]
    return ", ".join(f"{len(messages)} {_SHORT.get(key, key)}" for key, messages in found)


def _rates(rates: Mapping[str, float]) -> str:
    return ", ".join(f"{rate:g} {_SHORT.get(key, key)}" for key, rate in rates.items() if rate)


def _check(triples: Iterable[tuple[str, object, object]]) -> None:
    """Name every difference; exit 1 if there is one."""
    agree, total = 0, 0
    for name, ours, genuine in triples:
        total += 1
        found = _differences(ours, genuine)
        agree += not found
        for difference in found:
            typer.echo(f"{name}: {difference}")
    typer.echo(f"{agree} of {total} cases agree")
    if agree < total:
        raise typer.Exit(1)


def _differences(ours: object, genuine: object) -> list[Difference]:
    if genuine is None:
        return [Difference(path="$.expected", ours="a result", genuine="nothing to compare with")]
    # Through JSON, so that what is compared is what would be printed.
    return list(differences(json.loads(json.dumps(ours)), genuine))


def _print_json(values: Sequence[object]) -> None:
    typer.echo(json.dumps(values, indent=2, allow_nan=False))
