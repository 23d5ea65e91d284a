"""What Dagster adds per session, what a sensor tick costs, what loading the code location costs.

    python -m benchmarks.orchestration [--json] [--quick] [--rounds N]

An hour of N sessions is run in turns through the job `process_hours`, each time on a new SQLite
instance on disk, and by calling the assets' own per-hour functions, on the same uploads. The
difference is what Dagster, the events, the tables read between assets and the checks add: the
median over the rounds of the differences, as wall time and as CPU time of this process (the
workers' is not in it), because on a busy machine only the latter means something.

Sessions are six seconds long, without pictures, and ten of them are uploaded again and again under
other session ids: their own cost is small on purpose and says nothing of real recordings. Two of
the ten are rejected in alignment as too short, so a fifth of the hour never reaches the verdicts.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg

from benchmarks.measure import report
from resources.connections import Connections
from resources.profiles import resources_for
from resources.settings import read_settings
from resources.tables import write_tables
from resources.upload_queue import partition_key, raw_key
from scalediff_contract.sessions import BundleFile
from world.recorder import RecordedBundle, RecordingSpec, record_session

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_DISTINCT = 10
_LOAD = """
import time, sys, json, resource
started = time.perf_counter()
import scalediff_assets.definitions
print(json.dumps([time.perf_counter() - started,
                  int(open('/proc/self/status').read().split('VmHWM:')[1].split()[0]) / 1024,
                  sorted({'torch', 'cv2', 'mlflow', 'dagster_aws'} & set(sys.modules))]))
"""


@dataclass(frozen=True, kw_only=True)
class Home:
    """A home with an hour of uploads."""

    connections: Connections
    resources: dict[str, Any]
    hour: str


@dataclass(frozen=True, kw_only=True)
class Spent:
    """Seconds of one run, on the wall and as CPU time of this process."""

    wall_s: float
    cpu_s: float


class Stopwatch:
    """Measures from its making on."""

    def __init__(self) -> None:
        self._wall_s, self._cpu_s = time.perf_counter(), time.process_time()

    def spent(self) -> Spent:
        """What passed since then."""
        return Spent(wall_s=time.perf_counter() - self._wall_s, cpu_s=time.process_time() - self._cpu_s)


def rekeyed(bundle: RecordedBundle, number: int) -> dict[str, bytes]:
    """The objects of a legacy bundle under another session id."""
    session_id = f"{bundle.session_id[:-6]}{number:06d}"
    old, new = bundle.session_id.encode(), session_id.encode()
    return {
        str(bundle.key_of(file, "recorded")).replace(bundle.session_id, session_id): (
            content.replace(old, new) if file is BundleFile.META else content
        )
        for file, content in bundle.files.items()
    }


def make_home(folder: Path, bundles: list[RecordedBundle], sessions: int) -> Home:
    """Upload an hour of sessions and take them in."""
    from scalediff_assets.definitions import WORKER_MODULES
    from scalediff_assets.raw_sessions.arrivals import take_in

    resources = resources_for(read_settings({"SCALEDIFF_HOME": str(folder)}), worker_modules=WORKER_MODULES)
    connections: Connections = resources["connections"]
    hour_ms = (time.time_ns() // 1_000_000 // 3_600_000 - 1) * 3_600_000
    for number in range(sessions):
        for key, content in rekeyed(bundles[number % len(bundles)], number).items():
            connections.raw().put(raw_key(key, hour_ms), content)
    take_in(connections, now_ms=hour_ms + 3_600_000, final=True)
    return Home(connections=connections, resources=resources, hour=partition_key(hour_ms))


def by_dagster(home: Home, folder: Path) -> Spent:
    """One run of `process_hours` on a new instance in `folder`."""
    from resources.profiles import executor
    from scalediff_assets.automation import JOBS
    from scalediff_assets.checks import CHECKS
    from scalediff_assets.definitions import STAGES

    defs = dg.Definitions(
        assets=STAGES, asset_checks=CHECKS, jobs=JOBS, resources=home.resources, executor=executor()
    )
    folder.mkdir()
    (folder / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        watch = Stopwatch()
        defs.resolve_job_def("process_hours").execute_in_process(
            partition_key=home.hour, instance=instance, run_config=_QUIET
        )
        return watch.spent()


def by_hand(home: Home) -> Spent:
    """The same work without Dagster."""
    from scalediff_assets.aligned_sessions import assets as aligned_sessions
    from scalediff_assets.hours import SessionsConfig
    from scalediff_assets.pair_schemas import RepaintedSessions
    from scalediff_assets.paired_clips import assets as paired_clips
    from scalediff_assets.quality_scores import assets as quality_scores
    from scalediff_assets.quality_scores.policy import load_policy
    from scalediff_assets.raw_sessions import assets as raw_sessions
    from scalediff_assets.segments import assets as segments

    connections, lake = home.connections, home.connections.lake()
    watch = Stopwatch()
    raw = raw_sessions._judge_hour(home.hour, SessionsConfig(), connections)
    raw_sessions._report(home.hour, raw, connections)
    write_tables(lake, "raw_sessions", home.hour, raw)
    aligned = aligned_sessions._align_hour(home.hour, raw, aligned_sessions.AlignConfig(), connections)
    aligned_sessions._report(aligned)
    write_tables(lake, "aligned_sessions", home.hour, aligned)
    cut = segments._cut_hour(home.hour, raw, aligned, segments.SegmentsConfig(), connections)
    segments._report(cut, lake)
    write_tables(lake, "segments", home.hour, cut)
    having = paired_clips._cut_sessions(raw, cut)
    pairing, none = paired_clips.PairConfig(), RepaintedSessions()
    paired = paired_clips._pair_hour(home.hour, having, none, pairing, connections)
    paired_clips._report(paired, lake)
    write_tables(lake, "paired_clips", home.hour, paired)
    policy, config = load_policy(None), quality_scores.QualityConfig()
    judged = quality_scores._judge_hour(home.hour, raw, aligned, cut, paired, policy, config, connections)
    quality_scores._report(judged, cut, policy)
    write_tables(lake, "quality_scores", home.hour, judged)
    return watch.spent()


def per_session(sessions: int, bundles: list[RecordedBundle], rounds: int) -> dict[str, float]:
    """Milliseconds per session that Dagster adds, and what a session costs without it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        home = make_home(folder / "home", bundles, sessions)
        by_hand(home)  # the first run writes what later ones find written
        pairs = [(by_dagster(home, folder / f"instance{turn}"), by_hand(home)) for turn in range(rounds)]

    def median_ms(seconds: list[float]) -> float:
        return statistics.median(seconds) / sessions * 1000

    return {
        f"dagster_ms_per_session_{sessions}": median_ms([a.wall_s - b.wall_s for a, b in pairs]),
        f"dagster_cpu_ms_per_session_{sessions}": median_ms([a.cpu_s - b.cpu_s for a, b in pairs]),
        f"work_ms_per_session_{sessions}": median_ms([b.wall_s for _, b in pairs]),
        f"work_cpu_ms_per_session_{sessions}": median_ms([b.cpu_s for _, b in pairs]),
    }


def sensor_seconds(objects: int) -> tuple[float, int]:
    """Seconds that the uploads sensor needs for new objects, and its ticks."""
    from scalediff_assets.raw_sessions.sensors import uploads

    with tempfile.TemporaryDirectory() as name:
        resources = resources_for(read_settings({"SCALEDIFF_HOME": name}))
        connections: Connections = resources["connections"]
        connections.catalog()
        now_ms = time.time_ns() // 1_000_000
        folder = Path(name) / "store" / "raw" / raw_key("wallet/x", now_ms).rpartition("/")[0]
        folder.mkdir(parents=True)
        for number in range(objects // 5):
            for file in list(BundleFile)[:5]:
                (folder / f"session_{1_700_000_000_000 + number}_{number:06d}{file.value}").write_bytes(b"{}")
        spent, ticks = 0.0, 0
        with dg.DagsterInstance.ephemeral() as instance:
            while ticks == 0 or sum(connections.catalog().object_states().values()) < objects:
                context = dg.build_sensor_context(instance=instance, resources={"connections": connections})
                started = time.perf_counter()
                uploads(context)
                spent, ticks = spent + time.perf_counter() - started, ticks + 1
    return spent, ticks


def loading() -> tuple[float, float, list[str]]:
    """Seconds and MB of loading the code location in a fresh process, and heavy modules in it."""
    runs = []
    for _ in range(5):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", _LOAD], capture_output=True, check=True, text=True
        )
        runs.append(json.loads(done.stdout))
    seconds, megabytes, heavy = sorted(runs)[2]
    return seconds, megabytes, heavy


def measure(*, quick: bool, rounds: int) -> dict[str, Any]:
    """All figures."""
    specs = [RecordingSpec(seed=s, layout="legacy", video=False, duration_s=6.0) for s in range(_DISTINCT)]
    bundles = [record_session(spec) for spec in specs]
    per_session(2, bundles, 1)  # start the workers, load the libraries
    figures: dict[str, Any] = {"rounds": rounds}
    for sessions in (1, 20) if quick else (1, 100, 1000):
        figures |= per_session(sessions, bundles, rounds)
    objects = 500 if quick else 10_000
    figures[f"sensor_s_{objects}_objects"], figures["sensor_ticks"] = sensor_seconds(objects)
    figures["load_s"], figures["load_mb"], figures["heavy_modules"] = loading()
    return figures


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="What Dagster adds to an hour of sessions.")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--quick", action="store_true", help="small hours")
    parser.add_argument("--rounds", type=int, help="turns of each hour (default 5; 1 with --quick)")
    arguments = parser.parse_args()
    os.environ.pop("DAGSTER_HOME", None)
    rounds = arguments.rounds or (1 if arguments.quick else 5)
    report("orchestration", measure(quick=arguments.quick, rounds=rounds), as_json=arguments.json)


if __name__ == "__main__":
    main()
