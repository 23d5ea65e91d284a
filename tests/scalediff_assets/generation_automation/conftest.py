"""The service's real app, an instance, and a sensor's tick."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import uvicorn

from gpu_services.generation.service.access import make_token
from gpu_services.generation.service.app import create_app
from gpu_services.generation.service.starting import make_worker
from resources.generation import GenerationService
from resources.profiles import resources_for
from resources.settings import read_settings
from tests.gpu_services.generation_service.conftest import SECRET, FakeGenerator, config_in

WEEK = "2026-11-16"


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def lasting(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """An instance with a folder: schedules ask for it by reference."""
    with dg.DagsterInstance.local_temp(str(tmp_path)) as made:
        yield made


@pytest.fixture
def resources(tmp_path: Path) -> dict[str, Any]:
    return resources_for(read_settings({"SCALEDIFF_HOME": str(tmp_path)}))


@pytest.fixture
def generation(tmp_path: Path) -> Iterator[GenerationService]:
    """The service's real API on a port; `work` makes what is ordered."""
    config = config_in(tmp_path)
    server = uvicorn.Server(uvicorn.Config(create_app(config), port=0, log_level="critical"))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            token = make_token(SECRET, "graph", ("admin",), now_ms=config.now_ms(), days=1)
            url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            yield GenerationService(url=url, token=token, patience_s=0.5)
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def away() -> GenerationService:
    """A service that does not run."""
    return GenerationService(url="http://127.0.0.1:9", patience_s=0.1)


@pytest.fixture
def work(tmp_path: Path) -> Callable[[], None]:
    def run() -> None:
        config = config_in(tmp_path)
        config = replace(config, worker=replace(config.worker, batch=64))
        url = f"{config.models_url}/one"
        worker = make_worker(config, worker_id="w", load=lambda _url: FakeGenerator(), model_url=url)
        worker.run(until_empty=True)

    return run


def sensor(
    function: Any, instance: dg.DagsterInstance, cursor: str | None = None, **resources: Any
) -> dg.SensorResult:
    context = dg.build_sensor_context(instance=instance, cursor=cursor, resources=resources)
    found = function(context)
    assert isinstance(found, dg.SensorResult)
    return found


def materialised(instance: dg.DagsterInstance, asset: str, partition: str, **metadata: Any) -> None:
    event = dg.AssetMaterialization(asset_key=asset, partition=partition, metadata=metadata)
    instance.report_runless_asset_event(event)
