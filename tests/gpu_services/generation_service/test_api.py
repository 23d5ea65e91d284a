"""Ordering, looking, cancelling: what the API takes, what it refuses, and in what words."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from gpu_services.generation.service.worker import Worker
from scalediff_contract.generation import Job
from tests.gpu_services.generation_service.conftest import (
    DUST,
    PROMPT,
    Api,
    FakeGenerator,
    assert_problem,
)

MakeApi = Callable[..., Api]


def test_an_order_is_answered_with_its_job(api: Api) -> None:
    answer = api.post(
        "generate", {"prompt": DUST, "priority": "safety_critical", "tags": {"plan": "2026-W47"}}
    )
    assert answer.status_code == 202
    job = Job.model_validate_json(answer.content)
    assert (job.status, job.category, job.priority) == ("queued", "dust_storm", "safety_critical")
    assert (job.queue_position, job.estimated_completion, job.quality_scores) == (0, None, None)
    assert answer.headers["location"] == f"/api/v1/jobs/{job.job_id}"
    assert api.job(job.job_id) == answer.json()


def test_the_documents_other_path_is_the_same_service(api: Api) -> None:
    answer = api.http.post("/v1/generate", json={"prompt": PROMPT}, headers=api.headers())
    assert answer.status_code == 202
    job_id = answer.json()["job_id"]
    assert api.http.get(f"/v1/jobs/{job_id}", headers=api.headers()).json() == api.job(job_id)


def test_a_made_clip_shows_its_scores_and_where_it_lies(
    api: Api, make_test_worker: Callable[..., Worker]
) -> None:
    job_id = api.order(seed=5)["job_id"]
    make_test_worker().run(until_empty=True)
    job = api.job(job_id)
    assert (job["status"], job["model_version"], job["training_release"]) == (
        "completed",
        "v1.0.0",
        "clips-1",
    )
    scores = job["quality_scores"]
    assert 0 < scores["temporal_coherence"] <= 1
    # A distance of distributions is no score of one clip.
    assert [scores[name] for name in ("fvd", "cohort_fvd", "cohort_id", "n", "extractor")] == [None] * 5
    film = api.http.get(job["media_url"])
    assert (film.status_code, film.headers["content-type"]) == (200, "video/mp4")
    assert film.content[4:8] == b"ftyp"
    assert job["video_url"].endswith("/clip.mp4")


def test_a_published_cohort_shows_at_its_jobs_with_extractor_and_n(
    api: Api, make_test_worker: Callable[..., Worker]
) -> None:
    job_id = api.order(seed=5)["job_id"]
    make_test_worker().run(until_empty=True)
    cohort = {
        "cohort_id": "v1.0.0/tire_debris/2026-W47", "model_version": "v1.0.0", "category": "tire_debris",
        "extractor": "random3d-v1", "n": 256, "fvd": 198.3,
    }  # fmt: skip
    assert api.admin("PUT", "admin/cohorts", cohort).status_code == 200
    scores = api.job(job_id)["quality_scores"]
    assert {name: scores[name] for name in ("fvd", "cohort_fvd", "n", "extractor")} == {
        "fvd": 198.3, "cohort_fvd": 198.3, "n": 256, "extractor": "random3d-v1",
    }  # fmt: skip


def test_the_same_key_and_body_give_the_same_job(api: Api) -> None:
    body, key = {"prompt": PROMPT, "priority": "high"}, {"Idempotency-Key": "plan-1/tire/7".replace("/", ":")}
    first, second = api.post("generate", body, **key), api.post("generate", body, **key)
    assert first.status_code == second.status_code == 202
    assert first.json()["job_id"] == second.json()["job_id"]
    other = api.post("generate", {**body, "priority": "batch"}, **key)
    problem = assert_problem(other, 409, "idempotency-conflict")
    assert problem["jobId"] == first.json()["job_id"]
    mine = api.http.post("/api/v1/generate", json=body, headers={**api.headers(name="others"), **key})
    assert mine.json()["job_id"] != first.json()["job_id"]


def test_a_plan_is_taken_whole_and_only_once(api: Api) -> None:
    jobs = [
        {"idempotency_key": f"w47-{n}", "request": {"prompt": PROMPT, "seed": n, "priority": "batch"}}
        for n in range(50)
    ]
    first, second = (api.post("generate/plan", {"jobs": jobs}).json()["jobs"] for _ in range(2))
    assert [job["job_id"] for job in first] == [job["job_id"] for job in second]
    assert len({job["job_id"] for job in first}) == 50
    assert api.get("state").json()["waiting"]["batch"] == 50


def test_a_plan_with_a_bad_order_is_refused_whole(api: Api) -> None:
    jobs = [{"idempotency_key": f"k{n}", "request": {"prompt": p}} for n, p in enumerate((PROMPT, "a cat"))]
    problem = assert_problem(api.post("generate/plan", {"jobs": jobs}), 422, "prompt-outside-template")
    assert problem["job"] == 1
    assert api.get("jobs").json()["jobs"] == []


@pytest.mark.parametrize(
    ("members", "slug"),
    [
        ({"prompt": "a cat on a sofa"}, "prompt-outside-template"),
        ({"prompt": ""}, "prompt-outside-template"),
        ({"prompt": "dashcam view of " + "x" * 1_000}, "prompt-outside-template"),
        ({"prompt": "dashcam view of a unicorn parade on interstate"}, "unknown-category"),
        ({"prompt": PROMPT, "category": "moon_landing"}, "unknown-category"),
        ({"prompt": PROMPT, "category": "dust_storm"}, "category-mismatch"),
        ({"num_inference_steps": -1}, "invalid-request"),
        ({"num_inference_steps": 10**6}, "invalid-request"),
        ({"num_inference_steps": 2.5}, "invalid-request"),
        ({"guidance_scale": -4}, "invalid-request"),
        ({"guidance_scale": 1e300}, "invalid-request"),
        ({"seed": -1}, "invalid-request"),
        ({"seed": 2**63}, "invalid-request"),
        ({"priority": "now"}, "invalid-request"),
        ({"num_clips": 5}, "invalid-request"),
        ({"tags": {"plan": "x" * 500}}, "invalid-request"),
        ({"callback_url": "http://hooks.example.org/x"}, "forbidden-callback"),
        ({"callback_url": "https://elsewhere.org/x"}, "forbidden-callback"),
        ({"callback_url": "https://user:pw@hooks.example.org/x"}, "forbidden-callback"),
        ({"callback_url": "https://169.254.169.254/latest/meta-data"}, "forbidden-callback"),
        ({"callback_url": "https://hooks.example.org:22/x"}, "forbidden-callback"),
        ({"callback_url": "https://[::1"}, "forbidden-callback"),
        ({"conditioning_image_url": "http://169.254.169.254/"}, "forbidden-image-address"),
        ({"conditioning_image_url": "file:///etc/passwd"}, "forbidden-image-address"),
        ({"conditioning_image_url": "s3://secrets/a.png"}, "forbidden-image-address"),
        ({"conditioning_image_url": "store:synthetic/raw/x/clip.json"}, "forbidden-image-address"),
        ({"conditioning_image_url": "store:synthetic/conditioning/../raw/x"}, "forbidden-image-address"),
        ({"conditioning_image_url": "store:synthetic/conditioning/absent.png"}, "image-missing"),
    ],
)
def test_a_bad_order_is_refused_with_its_own_problem(
    members: dict[str, Any], slug: str, lasting_api: Api
) -> None:
    assert_problem(lasting_api.post("generate", {"prompt": PROMPT, **members}), 422, slug)
    assert lasting_api.get("jobs").json()["jobs"] == []


def test_a_prompt_of_a_megabyte_is_refused_before_it_is_read(lasting_api: Api) -> None:
    answer = lasting_api.post("generate", {"prompt": "dashcam view of " + "x" * 1_000_000})
    assert_problem(answer, 413, "body-too-large")


def test_what_is_no_json_is_refused(lasting_api: Api) -> None:
    for content in (b"", b"{", b"[1]", b'{"prompt": NaN}', b"\xff\xfe"):
        answer = lasting_api.http.post("/api/v1/generate", content=content, headers=lasting_api.headers())
        assert_problem(answer, 422, "invalid-request")


def test_who_may_not_ask_is_told_why(api: Api) -> None:
    ask = api.http.get
    assert_problem(ask("/api/v1/jobs"), 401, "not-signed-in")
    assert_problem(ask("/api/v1/jobs", headers={"Authorization": "Bearer x"}), 401, "invalid-token")
    assert_problem(ask("/api/v1/jobs", headers=api.headers(days=-1)), 401, "expired-token")
    halted = api.http.post("/api/v1/admin/halt", json={"reason": "x"}, headers=api.headers())
    assert_problem(halted, 403, "not-allowed")


def test_an_actor_who_asks_too_often_waits(make_api: MakeApi) -> None:
    from gpu_services.generation.service.config import ApiLimits

    api = make_api(api=ApiLimits(actor_per_minute=3), monotonic_s=lambda: 0.0)
    answers = [api.get("jobs") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[3].headers["retry-after"] == "20"


def test_a_waiting_job_is_cancelled_and_stays_so(api: Api) -> None:
    job_id = api.order()["job_id"]
    first, second = (api.post(f"jobs/{job_id}/cancel", None) for _ in range(2))
    assert [first.json()["status"], second.json()["status"]] == ["cancelled"] * 2
    assert api.get("state").json()["waiting"]["normal"] == 0
    assert_problem(api.post("jobs/gen-2026-0101-000009/cancel", None), 404, "no-such-job")


def test_an_ended_job_cannot_be_cancelled_but_judged(
    api: Api, make_test_worker: Callable[..., Worker]
) -> None:
    job_id = api.order()["job_id"]
    early = api.admin("PUT", f"jobs/{job_id}/verdict", {"passed": True, "policy_hash": "ab" * 8})
    assert_problem(early, 409, "job-not-completed")
    make_test_worker().run(until_empty=True)
    assert_problem(api.post(f"jobs/{job_id}/cancel", None), 409, "job-ended")
    verdict = {"passed": False, "reasons": ["flicker"], "policy_hash": "ab" * 8}
    assert api.admin("PUT", f"jobs/{job_id}/verdict", verdict).json()["verdict"] == verdict


def test_jobs_are_listed_newest_first_and_by_their_ends(
    api: Api, make_test_worker: Callable[..., Worker]
) -> None:
    ids = [api.order(seed=n, tags={"plan": "a" if n < 3 else "b"})["job_id"] for n in range(5)]
    page = api.get("jobs?limit=2").json()
    assert [job["job_id"] for job in page["jobs"]] == ids[:2:-1]
    rest = api.get(f"jobs?before={page['next']}").json()["jobs"]
    assert [job["job_id"] for job in rest] == ids[2::-1]
    assert [job["job_id"] for job in api.get("jobs?plan=a").json()["jobs"]] == ids[2::-1]
    make_test_worker().run(until_empty=True)
    seen, after = [], "0"
    while after is not None:
        page = api.get(f"jobs?status=completed&settled_after={after}&limit=2").json()
        seen += [job["job_id"] for job in page["jobs"]]
        after = page["next"]
    assert sorted(seen) == ids


def test_a_halt_refuses_orders_and_a_resume_takes_them(api: Api) -> None:
    api.order()
    assert api.admin("POST", "admin/halt", {"reason": "rejections at 25 %"}).json()["halted"]
    problem = assert_problem(api.post("generate", {"prompt": PROMPT}), 503, "intake-halted")
    assert "rejections at 25 %" in problem["detail"]
    assert api.admin("POST", "admin/resume").json()["halted"] is None
    assert api.post("generate", {"prompt": PROMPT}).status_code == 202


def test_an_estimate_comes_from_rank_and_measured_seconds(
    api: Api, make_test_worker: Callable[..., Worker]
) -> None:
    import datetime as dt

    worker = make_test_worker()
    worker._clip_s = 30.0
    worker._show()
    jobs = [api.order(seed=n) for n in range(3)]
    times = [dt.datetime.fromisoformat(job["estimated_completion"]).timestamp() for job in jobs]
    waits = [
        time - dt.datetime.fromisoformat(job["created_at"]).timestamp()
        for time, job in zip(times, jobs, strict=True)
    ]
    assert [round(wait / 30) for wait in waits] == [1, 2, 3]


def test_a_reload_waits_for_the_workers_and_says_what_they_did(
    api: Api, make_test_worker: Callable[..., Worker]
) -> None:
    import threading

    models = {"one": FakeGenerator(), "two": FakeGenerator(version="v1.1.0")}
    worker = make_test_worker(models)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        root = api.config.models_url
        done = api.admin("POST", "admin/reload", {"model_url": f"{root}/two", "wait_s": 10.0}).json()
        assert done["done"]
        assert [each["model_version"] for each in done["workers"]] == ["v1.1.0"]
        broken = api.admin("POST", "admin/reload", {"model_url": f"{root}/three", "wait_s": 10.0})
        problem = assert_problem(broken, 409, "model-unusable")
        assert "checkpoint.json is corrupt" in problem["detail"]
        job_id = api.order(seed=1)["job_id"]
        while api.job(job_id)["status"] != "completed":
            pass
        assert api.job(job_id)["model_version"] == "v1.1.0"
    finally:
        worker.drain()
        thread.join()


@pytest.mark.parametrize("url", ["/etc", "models/../../etc/x", "s3://elsewhere/model", "{root}/../x"])
def test_models_come_only_from_the_services_own_place(url: str, lasting_api: Api) -> None:
    body = {"model_url": url.replace("{root}", lasting_api.config.models_url)}
    assert_problem(lasting_api.admin("POST", "admin/reload", body), 422, "forbidden-model")


def test_a_media_url_is_for_this_clip_and_for_some_minutes(
    api: Api, make_test_worker: Callable[..., Worker]
) -> None:
    job_id = api.order()["job_id"]
    make_test_worker().run(until_empty=True)
    url = api.job(job_id)["media_url"]
    assert_problem(api.http.get(url.replace("expires=1", "expires=2")), 403, "wrong-signature")
    assert_problem(api.http.get("/media/" + "0" * 32 + url[url.index(".mp4") :]), 403, "wrong-signature")


def test_the_service_tells_how_it_is(api: Api, make_test_worker: Callable[..., Worker]) -> None:
    api.order(priority="high")
    assert api.http.get("/healthz").json() == {"status": "ok"}
    assert api.http.get("/readyz").json() == {"status": "ok", "problems": []}
    text = api.http.get("/metrics").text
    assert 'scalediff_generation_queue_depth{priority="high",state="waiting"} 1.0' in text
    assert 'scalediff_generation_requests_total{outcome="taken"} 1.0' in text
    job_id = api.order(seed=1)["job_id"]
    make_test_worker().run(until_empty=True)
    assert 'accepted_7d{category="tire_debris"} 0.0' in api.http.get("/metrics").text
    api.admin("PUT", f"jobs/{job_id}/verdict", {"passed": True, "policy_hash": "ab" * 8})
    text = api.http.get("/metrics").text
    assert 'accepted_7d{category="tire_debris"} 1.0' in text
    assert 'accepted_7d{category="dust_storm"} 0.0' in text
    api.post("generate", {"prompt": "a cat"})
    assert 'outcome="prompt-outside-template"} 1.0' in api.http.get("/metrics").text


def test_without_its_queue_the_service_takes_orders_and_is_not_ready(
    make_api: MakeApi, redis_server: str
) -> None:
    api = make_api(queue_url="redis://127.0.0.1:1/0")
    job = api.order()
    assert (job["status"], job["queue_position"]) == ("queued", None)
    ready = api.http.get("/readyz")
    assert ready.status_code == 503
    assert "127.0.0.1" in ready.json()["problems"][0]
    assert_problem(api.get("state"), 503, "queue-unavailable")


@pytest.mark.parametrize("page", ["/", "/queue", "/gallery"])
def test_the_pages_run_only_our_own_scripts(page: str, lasting_api: Api) -> None:
    answer = lasting_api.http.get(page)
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "<script>" not in answer.text
    for name in ("style.css", "api.js", "queue.js", "gallery.js"):
        assert lasting_api.http.get(f"/pages/{name}").status_code == 200
    assert json.loads(lasting_api.http.get("/openapi.json").text)["info"]["title"]
