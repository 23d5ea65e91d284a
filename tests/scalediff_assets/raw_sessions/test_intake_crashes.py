"""A process that dies while it records and settles, and one that runs again afterwards."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa

from resources.catalog import BundleRecord, Catalog
from resources.database import open_database
from resources.upload_queue import ObjectEvent, partition_key
from scalediff_assets.raw_sessions.intake import settle
from scalediff_contract.sessions import REQUIRED_FILES

ROOT = Path(__file__).parents[3]
T0_MS = 1_769_925_785_747
SESSIONS = 240
COMPLETE = sum(n % 6 >= 4 for n in range(SESSIONS))
# One commit records, then each 100 session ids are a commit.
COMMITS = 1 + 3

WHOLE_RUN = """
import sys
import sqlalchemy as sa
from pathlib import Path
sys.path.insert(0, str(Path(sys.argv[1]).parent))
import test_intake_crashes as tests
from resources.catalog import Catalog
from resources.database import open_database

@sa.event.listens_for(open_database(sys.argv[2]), "commit")
def tell(connection):
    print("commit", flush=True)

tests.run(Catalog(sys.argv[2]))
"""


def uploads() -> list[ObjectEvent]:
    """Sessions with one to five files; every sixth and its neighbour are complete."""
    return [
        ObjectEvent(
            key=key, logical_key=key, size_bytes=1, etag="e", event_ms=T0_MS + n,
            hour=partition_key(T0_MS + n), receipt="",
        )
        for n in range(SESSIONS)
        for file in REQUIRED_FILES[: 1 + min(n % 6, 4)]
        for key in [f"w{n % 7}/{T0_MS + n}_session_{T0_MS}_x{n:04d}{file.value}"]
    ]  # fmt: skip


def run(catalog: Catalog) -> None:
    catalog.record_objects(uploads(), T0_MS)
    settle(
        catalog, now_ms=T0_MS, incomplete_after_ms=1, final=True, content_hash=lambda key: key,
        listed_files=lambda _key: (),
    )  # fmt: skip


def rows(catalog: Catalog) -> tuple[pl.DataFrame, pl.DataFrame, list[BundleRecord]]:
    """Everything that a run leaves, in an order that no database's collation decides."""
    sessions = catalog.sessions().sort("session_id", "wallet")
    bundles = sorted(catalog.bundles(partition_key(T0_MS)), key=lambda b: (b.session_id, b.wallet))
    return sessions, catalog.objects_in_state().sort("key", "etag"), bundles


@pytest.fixture(scope="session")
def undisturbed(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[pl.DataFrame, pl.DataFrame, list[BundleRecord]]:
    """The rows of a run that nobody killed, on SQLite."""
    path = tmp_path_factory.mktemp("undisturbed") / "catalog.db"
    shutil.copy(sqlite_template, path)
    catalog = Catalog(f"sqlite:///{path}")
    run(catalog)
    return rows(catalog)


def assert_same_rows(
    catalog: Catalog, undisturbed: tuple[pl.DataFrame, pl.DataFrame, list[BundleRecord]]
) -> None:
    sessions, objects, bundles = rows(catalog)
    assert sessions.equals(undisturbed[0])
    assert objects.equals(undisturbed[1])
    assert bundles == undisturbed[2]
    assert [item.version for item in catalog.hour_versions()] == [COMPLETE]


class CrashError(Exception):
    """The process dies here."""


@pytest.mark.slow
@pytest.mark.parametrize("commit", range(1, COMMITS + 1))
def test_dying_before_any_commit_and_running_again_gives_the_same_rows(
    database_url: str,
    commit: int,
    undisturbed: tuple[pl.DataFrame, pl.DataFrame, list[BundleRecord]],
) -> None:
    left = commit

    def crash(_connection: sa.Connection) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise CrashError

    catalog, engine = Catalog(database_url), open_database(database_url)
    sa.event.listen(engine, "commit", crash)
    with pytest.raises(CrashError):
        run(catalog)
    sa.event.remove(engine, "commit", crash)
    assert sum(catalog.object_states().values()) == (0 if commit == 1 else len(uploads()))
    assert len(catalog.bundles(partition_key(T0_MS))) < COMPLETE
    run(catalog)
    assert_same_rows(catalog, undisturbed)


def test_running_again_after_all_is_done_changes_nothing(
    database_url: str, undisturbed: tuple[pl.DataFrame, pl.DataFrame, list[BundleRecord]]
) -> None:
    catalog = Catalog(database_url)
    run(catalog)
    run(catalog)
    assert_same_rows(catalog, undisturbed)


@pytest.mark.slow
def test_a_process_that_is_killed_again_and_again_gives_the_same_rows(
    database_url: str, undisturbed: tuple[pl.DataFrame, pl.DataFrame, list[BundleRecord]]
) -> None:
    command = [sys.executable, "-c", WHOLE_RUN, __file__, database_url]
    for commit in range(1, COMMITS):
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for _ in range(commit):
                assert process.stdout.readline() == "commit\n"
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    assert_same_rows(Catalog(database_url), undisturbed)
