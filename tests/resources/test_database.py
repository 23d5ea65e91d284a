"""Engines and migrations, on SQLite and on a real Postgres."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from resources.catalog import Catalog
from resources.database import migrate, open_database, writing
from resources.database.migrate import MIGRATIONS, current_revision, head_revision
from resources.database.tables import metadata, objects

ROOT = Path(__file__).parents[2]


def alembic_config(connection: sa.Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def modules_after(script: str, *arguments: str) -> set[str]:
    tail = "\nimport sys, json\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script + tail, *arguments],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_migrations_make_exactly_the_declared_tables(database_url: str) -> None:
    with open_database(database_url).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_newest_file_name_is_alembics_head() -> None:
    assert ScriptDirectory.from_config(alembic_config()).get_current_head() == head_revision()


def test_migrating_again_changes_nothing(database_url: str) -> None:
    Catalog(database_url).save("feed", "7")
    migrate.cache_clear()
    migrate(database_url)
    assert Catalog(database_url).load("feed") == "7"
    assert current_revision(open_database(database_url)) == head_revision()


def test_upgrading_from_the_first_revision_keeps_the_rows(empty_database_url: str) -> None:
    row = {
        "key": "k", "etag": "e", "logical_key": "k", "size_bytes": 1, "event_ms": 2,
        "hour": "2026-02-01-06:00", "recorded_ms": 3, "state": "pending",
    }  # fmt: skip
    engine = open_database(empty_database_url)
    with engine.connect() as connection:
        command.upgrade(alembic_config(connection), "0001")
        connection.execute(sa.insert(objects), [row])
        connection.commit()
    migrate(empty_database_url)
    assert current_revision(engine) == head_revision()
    assert Catalog(empty_database_url).objects_in_state("pending")["key"].to_list() == ["k"]


def test_every_migration_can_be_undone(database_url: str) -> None:
    with open_database(database_url).connect() as connection:
        command.downgrade(alembic_config(connection), "base")
        assert sa.inspect(connection).get_table_names() == ["alembic_version"]


@pytest.mark.slow
def test_processes_that_migrate_at_once_all_succeed(empty_database_url: str) -> None:
    script = "import sys; from resources.database import migrate; migrate(sys.argv[1])"
    running = [
        subprocess.Popen(
            [sys.executable, "-c", script, empty_database_url], cwd=ROOT, stderr=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    assert [(process.communicate()[1], process.returncode) for process in running] == [("", 0)] * 4
    assert current_revision(open_database(empty_database_url)) == head_revision()


def test_a_database_at_head_is_opened_without_alembic(sqlite_template: Path) -> None:
    loaded = modules_after(
        "import sys; from resources.database import migrate; migrate(sys.argv[1])",
        f"sqlite:///{sqlite_template}",
    )
    assert "sqlalchemy" in loaded
    assert "alembic" not in loaded


def test_opening_a_database_opens_no_connection(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'deep' / 'folder' / 'catalog.db'}")
    assert (tmp_path / "deep" / "folder").is_dir()
    assert list((tmp_path / "deep" / "folder").iterdir()) == []
    assert open_database(engine.url.render_as_string()) is engine


def test_a_plain_postgres_url_means_psycopg2() -> None:
    engine = open_database("postgresql://user@nowhere.invalid/catalog")
    assert engine.url.drivername == "postgresql+psycopg2"


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="name a file"):
        open_database(url)


def test_sqlite_waits_for_other_writers_and_survives_power_loss(sqlite_template: Path) -> None:
    with open_database(f"sqlite:///{sqlite_template}").connect() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "busy_timeout", "synchronous", "foreign_keys")
        }
    assert settings == {"journal_mode": "wal", "busy_timeout": 30_000, "synchronous": 2, "foreign_keys": 1}


def test_sqlite_writers_that_read_first_lose_no_update(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'catalog.db'}"
    migrate(url)
    Catalog(url).save("count", "0")

    def count() -> None:
        for _ in range(25):
            with writing(url) as connection:
                found = connection.execute(sa.text("SELECT value FROM positions")).scalar_one()
                connection.execute(sa.text("UPDATE positions SET value = :v"), {"v": str(int(found) + 1)})

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Catalog(url).load("count") == "100"


def test_readers_do_not_wait_for_a_writer(database_url: str) -> None:
    catalog = Catalog(database_url)
    catalog.save("feed", "old")
    with writing(database_url) as connection:
        connection.execute(sa.text("UPDATE positions SET value = 'new'"))
        assert catalog.load("feed") == "old"
    assert catalog.load("feed") == "new"


def test_a_failed_write_leaves_nothing_behind(database_url: str) -> None:
    def fail() -> None:
        with writing(database_url) as connection:
            connection.execute(sa.text("INSERT INTO positions VALUES ('feed', '1')"))
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert Catalog(database_url).load("feed") is None


def test_a_forked_child_has_an_engine_of_its_own(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'catalog.db'}"
    migrate(url)
    parents = open_database(url)
    child = os.fork()
    if child == 0:
        os._exit(0 if open_database(url) is not parents else 1)
    assert os.waitpid(child, 0)[1] == 0
