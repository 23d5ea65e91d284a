"""A whole platform in a temporary home: the real graph, stores, catalog and worker processes."""

import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from resources.connections import Connections
from resources.profiles import executor, resources_for
from resources.settings import read_settings
from resources.upload_queue import partition_key, raw_key
from scalediff_assets.automation import JOBS
from scalediff_assets.checks import CHECKS
from scalediff_assets.definitions import STAGES, WORKER_MODULES
from scalediff_assets.partitions import day_of
from scalediff_assets.raw_sessions.arrivals import take_in
from world.recorder import RecordedBundle, RecordingSpec, record_session

HOUR_MS = 3_600_000
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True, kw_only=True)
class Platform:
    """The platform of one home; `hour` is the last closed hour."""

    home: Path
    connections: Connections
    defs: dg.Definitions
    instance: dg.DagsterInstance
    hour: str
    hour_ms: int

    def upload(self, *bundles: RecordedBundle, form: str = "recorded", hours_ago: int = 0) -> None:
        for bundle in bundles:
            self.put(bundle.objects(form), hours_ago=hours_ago)  # type: ignore[arg-type]

    def put(self, objects: Mapping[str, bytes], *, hours_ago: int = 0) -> None:
        at_ms = self.hour_ms - hours_ago * HOUR_MS
        for key, content in objects.items():
            self.connections.raw().put(raw_key(key, at_ms), content)
            # Uploaded at a known time, so that two homes with the same uploads hold the same rows.
            os.utime(self.home / "store" / "raw" / raw_key(key, at_ms), (at_ms / 1000, at_ms / 1000))

    def take_in(self, *, final: bool = True) -> None:
        take_in(self.connections, now_ms=self.hour_ms + HOUR_MS, final=final)

    def run(
        self,
        *,
        hour: str | None = None,
        config: Mapping[str, Any] | None = None,
        tags: dict[str, str] | None = None,
    ) -> dg.ExecuteInProcessResult:
        run_config = {**QUIET, **({"ops": config} if config else {})}
        return self.defs.resolve_job_def("process_hours").execute_in_process(
            partition_key=None if tags else hour or self.hour,
            tags=tags,
            instance=self.instance,
            run_config=run_config,
            raise_on_error=False,
        )

    def pack(self) -> dg.ExecuteInProcessResult:
        return self.defs.resolve_job_def("pack_days").execute_in_process(
            partition_key=day_of(self.hour), instance=self.instance, run_config=QUIET, raise_on_error=False
        )

    def sessions(self) -> dict[str, dict[str, Any]]:
        frame: pl.DataFrame = self.connections.catalog().sessions()
        return {row["session_id"]: row for row in frame.iter_rows(named=True)}

    def files(self, store: str) -> dict[str, bytes]:
        """Every object of the lake or clean store."""
        root = self.home / "store" / store
        return {
            path.relative_to(root).as_posix(): path.read_bytes()
            for path in sorted(root.rglob("*"))
            if path.is_file() and ".tmp" not in path.parts
        }


def make_platform(home: Path, instance: dg.DagsterInstance) -> Platform:
    resources = resources_for(
        read_settings({"SCALEDIFF_HOME": str(home), "SCALEDIFF_WORKERS": "2"}), worker_modules=WORKER_MODULES
    )
    hour_ms = (time.time_ns() // 1_000_000 // HOUR_MS - 1) * HOUR_MS
    return Platform(
        home=home,
        connections=resources["connections"],
        defs=dg.Definitions(
            assets=STAGES, asset_checks=CHECKS, jobs=JOBS, resources=resources, executor=executor()
        ),
        instance=instance,
        hour=partition_key(hour_ms),
        hour_ms=hour_ms,
    )


@pytest.fixture
def platforms(tmp_path: Path) -> Iterator[Callable[[str], Platform]]:
    """Makes a platform for each name, all with one ephemeral instance."""
    with dg.DagsterInstance.ephemeral() as instance:
        yield lambda name: make_platform(tmp_path / name, instance)


@pytest.fixture
def platform(platforms: Callable[[str], Platform]) -> Platform:
    return platforms("home")


@pytest.fixture(scope="session")
def recorded() -> Callable[..., RecordedBundle]:
    """Short recordings, each made once."""
    made: dict[RecordingSpec, RecordedBundle] = {}

    def record(seed: int = 1, **changes: Any) -> RecordedBundle:
        small = {"duration_s": 7.0, "width_px": 320, "height_px": 192, "fps": 15.0}
        spec = RecordingSpec(seed=seed, **{**small, **changes})
        if spec not in made:
            made[spec] = record_session(spec)
        return made[spec]

    return record
