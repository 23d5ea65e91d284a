"""The client of the generation service, against the real app on a real port."""

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import uvicorn

from gpu_services.generation.service.access import make_token
from gpu_services.generation.service.app import create_app
from gpu_services.generation.service.starting import make_worker
from resources.generation import GenerationService, GenerationServiceError
from scalediff_contract.generation import Cohort, GenerateRequest, PlannedJob, ReloadRequest, Verdict
from tests.gpu_services.generation_service.conftest import PROMPT, SECRET, FakeGenerator, config_in


@pytest.fixture
def service(tmp_path: Path) -> Iterator[GenerationService]:
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


def plan(count: int, prompt: str = PROMPT) -> list[PlannedJob]:
    return [
        PlannedJob(
            idempotency_key=f"w47-{number}",
            request=GenerateRequest(prompt=prompt, seed=number, tags={"plan": "w47"}, priority="batch"),
        )
        for number in range(count)
    ]


def work(folder: Path) -> None:
    config = config_in(folder)
    config = replace(config, worker=replace(config.worker, batch=64))
    worker = make_worker(
        config, worker_id="w", load=lambda _url: FakeGenerator(), model_url=f"{config.models_url}/one"
    )
    worker.run(until_empty=True)


def test_a_plan_is_ordered_made_read_judged_and_shown_in_its_cohort(
    service: GenerationService, tmp_path: Path
) -> None:
    ordered = service.order(plan(12))
    assert [job.job_id for job in service.order(plan(12))] == [job.job_id for job in ordered]
    assert list(service.ended()) == []
    work(tmp_path)
    ended = list(service.ended(plan="w47", status="completed"))
    assert {job.job_id for job in ended} == {job.job_id for job in ordered}
    numbers = [job.settled_no or 0 for job in ended]
    assert numbers == sorted(numbers)
    assert [job.job_id for job in service.ended(numbers[9])] == [job.job_id for job in ended[10:]]
    verdict = Verdict(passed=False, reasons=["static"], policy_hash="ab" * 32)
    assert service.judge(ended[0].job_id, verdict).verdict == verdict
    cohort = Cohort(cohort_id="c1", model_version="v1.0.0", extractor="random3d-v1", n=12, fvd=3.5)
    service.publish(cohort)
    assert service.state().waiting["batch"] == 0
    assert service.health().status == "ok"


def test_a_plan_larger_than_a_request_is_ordered_in_parts(
    service: GenerationService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scalediff_contract.generation.MAX_BATCH", 5)
    assert len({job.job_id for job in service.order(plan(12))}) == 12


def test_a_refusal_carries_the_services_own_words(service: GenerationService) -> None:
    with pytest.raises(GenerationServiceError, match="does not begin with") as caught:
        service.order(plan(1, prompt="a cat"))
    assert (caught.value.status, caught.value.slug) == (422, "prompt-outside-template")
    with pytest.raises(GenerationServiceError) as caught:
        service.job("gen-2026-0101-000001")
    assert caught.value.slug == "no-such-job"
    with pytest.raises(GenerationServiceError) as caught:
        service.reload(ReloadRequest(model_url="/etc"))
    assert caught.value.slug == "forbidden-model"


def test_a_halt_is_not_waited_out(service: GenerationService) -> None:
    assert service.halt("rejections at 25 %").halted == "rejections at 25 %"
    with pytest.raises(GenerationServiceError) as caught:
        service.order(plan(1))
    assert caught.value.slug == "intake-halted"
    assert service.resume().halted is None


def test_a_service_that_is_not_there_is_named() -> None:
    absent = GenerationService(url="http://127.0.0.1:1", token="t", patience_s=0.0)
    with pytest.raises(GenerationServiceError, match=r"no answer from http://127\.0\.0\.1:1"):
        absent.state()
    assert absent.health().status == "degraded"
