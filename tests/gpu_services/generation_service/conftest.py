"""The service on files of a temporary folder, a fake model, and a real Redis server."""

import shutil
import socket
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from gpu_services.errors import JobError
from gpu_services.generation.generator import ClipRequest
from gpu_services.generation.service.access import make_token
from gpu_services.generation.service.app import create_app
from gpu_services.generation.service.config import ServiceConfig, WorkerLimits
from gpu_services.generation.service.queue import JobQueue, open_queue
from gpu_services.generation.service.starting import make_worker
from gpu_services.generation.service.worker import Worker
from scalediff_contract.video_models import ClipSpec

with warnings.catch_warnings(action="ignore"):  # it would rather have httpx2, which is not needed otherwise
    from starlette.testclient import TestClient

SECRET = b"a secret of the tests, 32 bytes!"
PROMPT = "dashcam view of tire debris in the lane during light rain on interstate"
DUST = "dashcam view of driving through a dense dust storm at dusk on interstate"
SPEC = ClipSpec(frames=3, height_px=16, width_px=24, fps=10.0)


@dataclass(frozen=True)
class FakeCard:
    """What a real model's card says of its training."""

    manifest_hash: str = "clips-1"


@dataclass
class FakeGenerator:
    """A model that paints noise by the request alone, as a real one does, in no time.

    Attributes:
        version: Enters the pixels, so that clips of two versions differ.
        broken_seeds: Requests with these seeds make the whole call fail.
        refused_seeds: These the model says that it cannot do.
        calls: Seeds of every call.
    """

    version: str = "v1.0.0"
    spec: ClipSpec = SPEC
    card: FakeCard = FakeCard()
    broken_seeds: frozenset[int] = frozenset()
    refused_seeds: frozenset[int] = frozenset()
    calls: list[list[int]] = field(default_factory=list)
    stage_s: Mapping[str, float] = field(default_factory=dict)

    def generate(
        self, requests: Sequence[ClipRequest], report: Callable[[int, int], None] | None = None
    ) -> list[Any]:
        self.calls.append([request.seed for request in requests])
        if self.refused_seeds & {request.seed for request in requests}:
            raise JobError("request", "the model cannot do it", "order another")
        if self.broken_seeds & {request.seed for request in requests}:
            raise RuntimeError("kernel panic")
        for step in (1, 2):
            if report is not None:
                report(step, 2)
        self.stage_s = {"encode": 0.001, "denoise": 0.002, "decode": 0.001}
        return [self._paint(request) for request in requests]

    def _paint(self, request: ClipRequest) -> Any:
        of = f"{request.prompt} {request.seed} {request.steps} {request.guidance} {self.version}"
        shape = (self.spec.frames, self.spec.height_px, self.spec.width_px, 3)
        frames = np.random.default_rng(list(of.encode())).integers(0, 256, shape, np.uint8)
        if request.first_frame is not None:
            frames[0] = request.first_frame
        return frames


@dataclass
class Clock:
    """A wall clock to turn; in between it stands."""

    ms: int = 1_795_276_800_000  # 2026-11-21 12:00 UTC

    def turn_s(self, seconds: float) -> None:
        self.ms += int(seconds * 1000)

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def redis_server() -> Iterator[str]:
    """URL of a redis-server that lives as long as the test run; without the program tests skip."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("no redis-server on this machine (Debian: apt-get install redis-server)")
    # A socket's path may have 107 characters, so pytest's long folder names will not do.
    with tempfile.TemporaryDirectory(prefix="redis") as folder:
        path = Path(folder) / "redis.sock"
        command = [program, "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", folder]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
            try:
                await_socket(path)
                yield f"unix://{path}"
            finally:
                server.terminate()


def await_socket(path: Path) -> None:
    for _ in range(500):
        with socket.socket(socket.AF_UNIX) as probe:
            if path.exists() and probe.connect_ex(str(path)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f"nobody listens at {path}")


@pytest.fixture(params=["sqlite", "redis"])
def queue_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new, empty queue, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'queue.db'}"
    server: str = request.getfixturevalue("redis_server")
    return f"{server}#{tmp_path.name}"


@pytest.fixture
def queue(queue_url: str, clock: Clock) -> Iterator[JobQueue]:
    """An empty queue by the test's clock."""
    found = open_queue(queue_url)
    found._clock_ms = clock  # type: ignore[attr-defined]
    yield found
    found.close()


@pytest.fixture
def config(tmp_path: Path) -> ServiceConfig:
    """The embedded service."""
    return config_in(tmp_path)


def config_in(tmp_path: Path) -> ServiceConfig:
    """The embedded service in a folder."""
    return ServiceConfig(
        database_url=f"sqlite:///{tmp_path / 'jobs.db'}",
        queue_url=f"sqlite:///{tmp_path / 'queue.db'}",
        store_url=str(tmp_path / "lake"),
        models_url=str(tmp_path / "models"),
        secret=SECRET,
        callback_hosts=("hooks.example.org",),
        image_buckets=("frames",),
        worker=WorkerLimits(beat_s=0.05, poll_s=0.02, back_off_s=0.0, patience_s=0.3, batch=4),
    )


@dataclass
class Api:
    """The app with a client for each kind of actor."""

    http: TestClient
    config: ServiceConfig

    def headers(
        self, scope: Any = "generate", name: str = "simulation-team", days: float = 1.0
    ) -> dict[str, str]:
        token = make_token(SECRET, name, (scope,), now_ms=self.config.now_ms(), days=days)
        return {"Authorization": f"Bearer {token}"}

    def post(self, path: str, body: Any, **headers: str) -> Any:
        return self.http.post(f"/api/v1/{path}", json=body, headers={**self.headers(), **headers})

    def get(self, path: str) -> Any:
        return self.http.get(f"/api/v1/{path}", headers=self.headers())

    def admin(self, method: str, path: str, body: Any = None) -> Any:
        return self.http.request(method, f"/api/v1/{path}", json=body, headers=self.headers("admin", "ops"))

    def order(self, prompt: str = PROMPT, **members: Any) -> dict[str, Any]:
        answer = self.post("generate", {"prompt": prompt, **members})
        assert answer.status_code == 202, answer.text
        return dict(answer.json())

    def job(self, job_id: str) -> dict[str, Any]:
        answer = self.get(f"jobs/{job_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


def assert_problem(answer: Any, status: int, slug: str) -> dict[str, Any]:
    """Check that an answer is this problem document; returns it."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    document: dict[str, Any] = answer.json()
    assert (answer.status_code, document["type"]) == (status, f"urn:scalediff:problem:{slug}"), document
    assert document["detail"]
    return document


@pytest.fixture
def make_api(config: ServiceConfig) -> Iterator[Callable[..., Api]]:
    """Makes the app; keywords go into its configuration."""
    opened = []

    def make(**changes: Any) -> Api:
        changed = replace(config, **changes)
        http = TestClient(create_app(changed, deliver=False), raise_server_exceptions=False)
        http.__enter__()
        opened.append(http)
        return Api(http=http, config=changed)

    yield make
    for http in opened:
        cast(Any, http.app).state.service.database.dispose()
        http.__exit__(None, None, None)


@pytest.fixture(scope="module")
def lasting_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """One app for all tests of a module that leave nothing behind."""
    config = config_in(tmp_path_factory.mktemp("lasting"))
    with TestClient(create_app(config, deliver=False), raise_server_exceptions=False) as http:
        yield Api(http=http, config=config)


@pytest.fixture
def api(make_api: Callable[..., Api]) -> Api:
    return make_api()


@pytest.fixture
def make_test_worker(config: ServiceConfig) -> Callable[..., Worker]:
    """Makes a worker with fake models by URL; the model `{models}/one` is in force unless another is."""

    def make(models: Mapping[str, FakeGenerator] | None = None, **options: Any) -> Worker:
        known = models or {"one": FakeGenerator()}

        def load(url: str) -> FakeGenerator:
            name = url.rpartition("/")[2]
            if name not in known:
                raise JobError(url, "checkpoint.json is corrupt", "copy the checkpoint again")
            return known[name]

        given = options.pop("config", config)
        url = f"{given.models_url}/{next(iter(known))}"
        return make_worker(
            given, worker_id=options.pop("worker_id", "w1"), load=load, model_url=url, **options
        )

    return make
