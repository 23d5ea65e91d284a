"""`scalediff demo`: simulated players sign in, drive in minitown and upload, and the whole graph runs.

The sessions are chosen so that each thing the platform says can be seen: exact and legacy
recordings, an idle player, the same drive from two wallets, and bundles that are broken. Others are
there to learn from: an hour of sixteen players, recorded small and at 10 Hz. What is done with the
dataset (release, training, closed loop, champion) is in `demo_models.py`.
"""

import json
import time
from dataclasses import dataclass, replace
from typing import Any, Literal

import polars as pl
from rich.console import Console

from resources.compute import TaskFailure
from resources.connections import Connections
from resources.profiles import resources_for
from resources.settings import Settings
from resources.tables import read_tables
from resources.upload_queue import raw_key
from scalediff_assets.home import instance
from scalediff_assets.listing import SessionLine, list_sessions, sessions_table
from scalediff_assets.partitions import day_of
from scalediff_assets.raw_sessions.arrivals import hours_to_run, take_in
from scalediff_assets.runner import RunReport, materialise, progress_bars
from scalediff_assets.schemas import CilrsDataset
from scalediff_assets.simulated_players import SimulatedPlayers, wallet_of
from scalediff_assets.upload_server import upload_server
from world.recorder import Fault, RecordedBundle, RecordingSpec, break_bundle, record_session

_PLAYERS = ("ada", "ben", "cem")
_STARTED_MS = 1_790_000_000_000
LESSONS, LESSON_PLAYERS = 64, 16


@dataclass(frozen=True, kw_only=True)
class DemoSession:
    """A recording to make, and what is broken about it.

    Attributes:
        player: Who drives; their wallet is the spec's.
        spec: The recording.
        fault: What is broken about it.
    """

    player: str
    spec: RecordingSpec
    fault: Fault | None = None

    @property
    def is_new(self) -> bool:
        """Whether it comes by the upload API; the reference's clients and broken uploads came without."""
        return self.spec.layout == "exact" and self.fault is None

    @property
    def name(self) -> str:
        """Names the drive within a home."""
        spec = self.spec
        return f"{self.player}/{spec.started_ms}/{spec.seed}"


def demo_sessions(seed: int) -> list[DemoSession]:
    """The sessions of the demo."""

    def session(
        number: int, *, player: str | None = None, fault: Fault | None = None, **changes: Any
    ) -> DemoSession:
        who = player or _PLAYERS[number % len(_PLAYERS)]
        spec = RecordingSpec(
            seed=seed * 100 + number,
            wallet=wallet_of(who),
            person=number % len(_PLAYERS),
            started_ms=_STARTED_MS + number * 90_000,
            duration_s=25.0,
            scenario_id="free",
        )
        return DemoSession(player=who, spec=replace(spec, **changes), fault=fault)

    return [
        session(1),
        session(2, driver="late", latency_ms=400.0),
        session(3, driver="aggressive", scenario_id="rush-hour-intersection"),
        session(4, driver="jittery"),
        session(5, driver="lost", lost_share=0.1),
        session(6, layout="legacy"),
        session(7, layout="legacy", scenario_id="cut-in"),
        session(8, layout="documented"),
        session(9, driver="idle"),
        # The first drive again, under another wallet and session id.
        session(1, player=_PLAYERS[0], started_ms=_STARTED_MS + 3_600_000),
        session(10, fault=Fault.ZERO_BYTE_VIDEO),
        session(11, fault=Fault.MISSING_VIDEO),
        session(12, fault=Fault.EDITED_AFTER_HASH),
    ]


def lesson_sessions(seed: int) -> list[DemoSession]:
    """Sessions to learn from: free drives through the city, and every staged scenario."""
    from world.minitown.routes import load_route_set

    scenarios = [route.scenarios[0].name for route in load_route_set("scenarios-11").routes]
    names = ["free"] * LESSONS + scenarios
    return [
        DemoSession(
            player=player,
            spec=RecordingSpec(
                seed=seed * 1_000 + 100 + number,
                wallet=wallet_of(player),
                started_ms=_STARTED_MS + 7_200_000 + number * 90_000,
                duration_s=60.0 if name == "free" else 30.0,
                # Every frame is exported; fewer of them show as much of the city.
                fps=8.0,
                width_px=320,
                height_px=180,
                scenario_id=name,
                # Teachers: bare styles, no persons; a slip of the finger shows how to come back.
                driver=("expert", "jittery")[number % 2],
                latency_ms=150.0,
                lost_share=0.01,
            ),
        )
        for number, name in enumerate(names)
        for player in [f"lesson {number % LESSON_PLAYERS}"]
    ]


def record(session: DemoSession) -> RecordedBundle:
    """Record one session of the demo (runs in a worker process)."""
    bundle = record_session(session.spec)
    return bundle if session.fault is None else break_bundle(bundle, session.fault)


def run_demo(settings: Settings, *, console: Console, seed: int, fast: bool = False) -> RunReport:
    """Make bundles, upload them, run the graph, print the summary and write demo_report.json.

    Args:
        settings: The home.
        console: Where progress is shown.
        seed: Of the drives.
        fast: Stop at the dataset; nothing is recorded to learn from.

    Raises:
        RuntimeError: Where a recording could not be made.
    """
    from scalediff_assets.definitions import WORKER_MODULES
    from scalediff_assets.demo_models import run_models
    from scalediff_assets.demo_payouts import run_payouts

    started_s = time.monotonic()
    connections: Connections = resources_for(settings, worker_modules=WORKER_MODULES)["connections"]
    _show_city(settings, console)
    sessions = demo_sessions(seed) + ([] if fast else lesson_sessions(seed))
    play(settings, connections, sessions, console)
    take_in(connections, now_ms=time.time_ns() // 1_000_000, final=True)
    with instance(settings) as dagster_instance, hours_to_run(connections) as hours:
        report = materialise(dagster_instance, hours, console=console)
    listed = list_sessions(settings)
    days = sorted(set(map(day_of, hours)))
    summary = _summary(connections, listed, report, days)
    summary |= run_payouts(settings, days, console=console)
    if not fast:
        summary |= run_models(settings, connections, days, console=console)
    summary["seconds_total"] = round(time.monotonic() - started_s, 1)
    (settings.home / "demo_report.json").write_text(json.dumps(summary, indent=2, sort_keys=True) + "\n")
    _print(console, settings, listed, summary)
    return report


def _show_city(settings: Settings, console: Console) -> None:
    """The first picture: where everybody drives."""
    from world.city.picture import write_map
    from world.minitown.town import load_town

    picture = settings.home / "city.png"
    write_map(load_town(None).city, picture)
    console.print(f"the city: {picture}")


def play(settings: Settings, connections: Connections, sessions: list[DemoSession], console: Console) -> None:
    """Get session ids, record, and upload each bundle as soon as it is there.

    Raises:
        RuntimeError: Where a recording could not be made.
    """
    with upload_server() as (url, _), SimulatedPlayers(url, settings.home) as players:
        new = [session for session in sessions if session.is_new]
        ids = players.session_ids((session.name, session.player) for session in new)
        sessions = [
            replace(session, spec=replace(session.spec, session_id=ids[session.name]))
            if session.is_new
            else session
            for session in sessions
        ]
        with progress_bars(console):
            made = connections.pool().map(record, sessions, label="recording")
            for number, (session, bundle) in enumerate(zip(sessions, made, strict=True)):
                if isinstance(bundle, TaskFailure):
                    raise RuntimeError(f"{session.name} could not be recorded: {bundle.detail}")
                if session.is_new:
                    players.upload(session.player, bundle.session_id, bundle.files)
                else:
                    _put(connections, bundle, "recorded" if number % 2 else "documented")


def _put(connections: Connections, bundle: RecordedBundle, form: Literal["documented", "recorded"]) -> None:
    """Into the store directly, as the reference's clients did."""
    raw, arrival_ms = connections.raw(), time.time_ns() // 1_000_000
    for key, content in bundle.objects(form).items():
        raw.put(raw_key(key, arrival_ms), content)


def _summary(
    connections: Connections, listed: list[SessionLine], report: RunReport, days: list[str]
) -> dict[str, Any]:
    lake = connections.lake()
    datasets = {day: read_tables(lake, "cilrs_datasets", day, CilrsDataset).segments for day in days}
    return {
        "statuses": _counts([line.status for line in listed]),
        "reasons": _counts([line.reason for line in listed if line.reason is not None]),
        "segments": sum(line.segments or 0 for line in listed),
        "segments_passed": sum(line.segments_passed or 0 for line in listed),
        "seconds_per_asset": {k: round(v, 3) for k, v in sorted(report.seconds_per_asset.items())},
        "dataset_hash": {day: _dataset_hash(index) for day, index in datasets.items()},
        "dataset_frames": {day: int(index["rows"].sum()) for day, index in datasets.items()},
        "failures": report.failures,
        "backend": "embedded: directory store, SQLite, process pool; drives simulated in minitown",
    }


def _dataset_hash(index: pl.DataFrame) -> str:
    from scalediff_assets.cilrs_datasets.layout import dataset_hash

    return dataset_hash(index)


def _counts(values: list[str]) -> dict[str, int]:
    return {value: values.count(value) for value in sorted(set(values))}


def _print(console: Console, settings: Settings, listed: list[SessionLine], summary: dict[str, Any]) -> None:
    console.print(sessions_table(listed))
    for day, content_hash in summary["dataset_hash"].items():
        frames = summary["dataset_frames"][day]
        console.print(f"dataset {day}: {frames} frames, hash {content_hash[:16]}")
    console.print(f"{summary['seconds_total']} s; report: {settings.home / 'demo_report.json'}")
    console.print(f"store: {settings.home / 'store'}; export: scalediff export OUT --home {settings.home}")
