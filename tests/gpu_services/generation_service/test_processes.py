"""The service as it really runs: its own processes, a real (tiny) model, sockets and signals."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from gpu_services.generation.train import train_video
from tests.gpu_services.generation.conftest import quiet, spec_on, write_moving_squares
from tests.gpu_services.generation_service.conftest import PROMPT

pytestmark = pytest.mark.slow
CLI = (sys.executable, "-W", "ignore", "-m", "gpu_services.generation.service.cli")


class Home:
    """A home folder with two tiny models, and commands that run in it."""

    def __init__(self, folder: Path) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SCALEDIFF_")}
        self.folder = folder
        self.environment = {**kept, "SCALEDIFF_HOME": str(folder)}
        squares = write_moving_squares(folder / "clips", train=4, val=2)
        for version in ("v0.1.0", "v0.2.0"):
            spec = spec_on(squares, Path(self.model(version)), {"steps": 2, "seed": int(version[3])})
            train_video(spec.model_copy(update={"version": version}), quiet)

    def model(self, version: str) -> str:
        return str(self.folder / "store" / "models" / version)

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [*CLI, *arguments], env=self.environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    @contextmanager
    def process(self, *arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
        process = subprocess.Popen([*CLI, *arguments], env=self.environment, stderr=subprocess.DEVNULL)
        try:
            yield process
        finally:
            process.terminate()
            assert process.wait(60) in (0, -signal.SIGTERM)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home(tmp_path_factory.mktemp("home"))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


def until(found: Callable[[], Any]) -> Any:
    """The first answer that is something; a server that is not up yet is asked again."""
    for _ in range(1_200):
        try:
            if value := found():
                return value
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError("nothing came of it in a minute")


def test_orders_become_clips_through_real_processes_and_a_rollback_is_at_once(home: Home) -> None:
    port, status_port = free_port(), free_port()
    headers = {"Authorization": f"Bearer {home.run('token', 'ops', '--scope', 'admin')}"}
    worker_options = ("--model", home.model("v0.1.0"), "--device", "cpu", "--metrics-port", str(status_port))
    with (
        home.process("--role", "api", "--port", str(port)),
        home.process("--role", "worker", *worker_options),
        httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", headers=headers, timeout=60) as http,
    ):
        until(lambda: httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200)

        def order(seed: int) -> str:
            body = {"prompt": PROMPT, "seed": seed, "num_inference_steps": 2}
            return str(http.post("/generate", json=body).raise_for_status().json()["job_id"])

        def completed(job_id: str) -> Any:
            job = http.get(f"/jobs/{job_id}").raise_for_status().json()
            assert job["status"] != "failed", job["failure"]
            return job if job["status"] == "completed" else None

        first = order(1)
        assert until(partial(completed, first))["model_version"] == "v0.1.0"
        later = http.post("/admin/reload", json={"model_url": home.model("v0.2.0"), "wait_s": 60.0}).json()
        assert later["done"], later
        assert until(partial(completed, order(2)))["model_version"] == "v0.2.0"
        waiting = [order(seed) for seed in range(3, 6)]
        back = {"model_url": home.model("v0.1.0"), "interrupt": True, "wait_s": 60.0}
        assert http.post("/admin/reload", json=back).json()["done"]
        assert until(partial(completed, order(9)))["model_version"] == "v0.1.0"
        assert all(until(partial(completed, job_id)) for job_id in waiting)
        text = httpx.get(f"http://127.0.0.1:{status_port}/metrics").text
        assert 'scalediff_generation_clips_total{outcome="made"}' in text
        assert httpx.get(f"http://127.0.0.1:{status_port}/readyz").status_code == 200
    assert home.run("regenerate", first, "--model", home.model("v0.1.0")).endswith("identical frames")


def test_a_wrong_setting_is_one_sentence(home: Home) -> None:
    environment = {**home.environment, "SCALEDIFF_GENERATION_SECRET": "short"}
    done = subprocess.run(
        [*CLI, "callback-key"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == "error: SCALEDIFF_GENERATION_SECRET: 5 characters; use at least 32\n"
