"""The queue's promises, the same for SQLite and for a real Redis server."""

import threading
from collections.abc import Sequence

import pytest

from gpu_services.generation.service.queue import (
    Claim,
    Entry,
    JobQueue,
    QueueUnavailableError,
    open_queue,
    score_of,
)
from scalediff_contract.generation import Priority
from tests.gpu_services.generation_service.conftest import Clock

LEASE_MS = 10_000
DAY_S = 86_400


def entry(number: int, clock: Clock, priority: Priority = "normal", batch_key: str = "50/4") -> Entry:
    return Entry(
        job_id=f"gen-2026-1121-{number:06d}",
        score=score_of(clock(), priority),
        batch_key=batch_key,
        priority=priority,
    )


def numbers(claims: Sequence[Claim]) -> list[int]:
    return [int(claim.job_id[-6:]) for claim in claims]


def test_jobs_come_by_priority_and_then_by_age(queue: JobQueue, clock: Clock) -> None:
    order: list[Priority] = ["batch", "normal", "high", "safety_critical", "normal"]
    for number, priority in enumerate(order):
        queue.push([entry(number, clock, priority)])
        clock.turn_s(1)
    assert numbers(queue.claim(5, LEASE_MS)) == [3, 2, 1, 4, 0]
    assert queue.claim(5, LEASE_MS) == []


def test_a_waiting_job_ages_past_newer_ones_of_higher_priority(queue: JobQueue, clock: Clock) -> None:
    queue.push([entry(1, clock, "normal")])
    clock.turn_s(DAY_S + 1)
    queue.push([entry(2, clock, "high")])
    assert numbers(queue.claim(2, LEASE_MS)) == [1, 2]


def test_a_safety_critical_job_starts_next(queue: JobQueue, clock: Clock) -> None:
    queue.push([entry(number, clock) for number in range(20)])
    queue.push([entry(99, clock, "safety_critical")])
    assert queue.rank("gen-2026-1121-000099") == 0
    assert numbers(queue.claim(1, LEASE_MS)) == [99]


def test_pushing_a_known_job_changes_nothing(queue: JobQueue, clock: Clock) -> None:
    assert queue.push([entry(1, clock), entry(2, clock)]) == 2
    assert queue.push([entry(1, clock, "safety_critical"), entry(3, clock)]) == 1
    claims = queue.claim(1, LEASE_MS)
    assert queue.push([entry(1, clock)]) == 0
    assert numbers(claims) == [1]
    assert numbers(queue.claim(5, LEASE_MS)) == [2, 3]


def test_a_claim_takes_only_what_can_be_computed_together(queue: JobQueue, clock: Clock) -> None:
    keys = ["50/4", "20/4", "50/4", "50/1", "50/4"]
    queue.push([entry(number, clock, batch_key=key) for number, key in enumerate(keys)])
    assert numbers(queue.claim(2, LEASE_MS)) == [0, 2]
    assert numbers(queue.claim(8, LEASE_MS)) == [1]
    assert numbers(queue.claim(8, LEASE_MS)) == [3]
    assert numbers(queue.claim(8, LEASE_MS)) == [4]


def test_an_expired_lease_gives_the_job_back_in_its_old_place_under_a_larger_fence(
    queue: JobQueue, clock: Clock
) -> None:
    queue.push([entry(1, clock), entry(2, clock)])
    (first,) = queue.claim(1, LEASE_MS)
    clock.turn_s(9.999)
    assert numbers(queue.claim(5, LEASE_MS)) == [2]
    clock.turn_s(0.001)
    (again,) = queue.claim(5, LEASE_MS)
    assert again.job_id == first.job_id
    assert again.fence > first.fence
    # Whoever comes late changes nothing.
    assert queue.ack([first]) == 0
    assert queue.requeue([first], 0) == 0
    assert queue.renew([first], LEASE_MS) == []
    assert queue.ack([again]) == 1


def test_a_renewed_lease_does_not_expire(queue: JobQueue, clock: Clock) -> None:
    queue.push([entry(1, clock)])
    claims = queue.claim(1, LEASE_MS)
    for _ in range(3):
        clock.turn_s(8)
        assert queue.renew(claims, LEASE_MS) == claims
        assert queue.claim(1, LEASE_MS) == []


def test_a_job_given_back_waits_out_its_delay(queue: JobQueue, clock: Clock) -> None:
    queue.push([entry(1, clock)])
    assert queue.requeue(queue.claim(1, LEASE_MS), 5_000) == 1
    assert queue.claim(1, LEASE_MS) == []
    assert queue.depth().delayed == 1
    assert queue.rank("gen-2026-1121-000001") == 0
    clock.turn_s(5)
    assert numbers(queue.claim(1, LEASE_MS)) == [1]


def test_what_is_done_is_forgotten(queue: JobQueue, clock: Clock) -> None:
    queue.push([entry(1, clock), entry(2, clock)])
    claims = queue.claim(2, LEASE_MS)
    assert queue.ack(claims) == 2
    clock.turn_s(DAY_S)
    assert queue.claim(2, LEASE_MS) == []
    ids = [claim.job_id for claim in claims]
    assert queue.missing([*ids, "gen-2026-1121-000077"]) == [*ids, "gen-2026-1121-000077"]


def test_a_waiting_job_can_be_removed_a_leased_one_cannot(queue: JobQueue, clock: Clock) -> None:
    queue.push([entry(1, clock), entry(2, clock), entry(3, clock)])
    (held,) = queue.claim(1, LEASE_MS)
    queue.requeue(queue.claim(1, LEASE_MS), 5_000)
    assert [queue.remove(f"gen-2026-1121-00000{n}") for n in (1, 2, 3, 4)] == [False, True, True, False]
    assert queue.depth().total_waiting == 0
    assert queue.missing([held.job_id]) == []


def test_the_depth_counts_by_priority(queue: JobQueue, clock: Clock) -> None:
    queue.push([entry(1, clock, "high"), entry(2, clock), entry(3, clock), entry(4, clock, "batch")])
    queue.claim(1, LEASE_MS)
    depth = queue.depth()
    assert dict(depth.waiting) == {"safety_critical": 0, "high": 0, "normal": 2, "batch": 1}
    assert (depth.leased, depth.delayed, depth.total_waiting) == (1, 0, 3)
    clock.turn_s(11)
    queue.claim(1, LEASE_MS)
    assert queue.depth().leased == 1


def test_a_halted_queue_gives_nothing_and_loses_nothing(queue: JobQueue, clock: Clock) -> None:
    queue.push([entry(1, clock)])
    queue.halt("rejections at 25 %")
    assert queue.halted() == "rejections at 25 %"
    assert queue.claim(1, LEASE_MS) == []
    queue.push([entry(2, clock)])
    queue.resume()
    assert queue.halted() is None
    assert numbers(queue.claim(5, LEASE_MS)) == [1, 2]


def test_a_queue_that_lost_its_data_still_gives_larger_fences(queue: JobQueue, clock: Clock) -> None:
    queue.push([entry(1, clock)])
    (before,) = queue.claim(1, LEASE_MS)
    queue.ack([before])
    if hasattr(queue, "_redis"):
        queue._redis.delete(*queue._keys.values())  # type: ignore[attr-defined]
    else:
        with queue._writing() as database:  # type: ignore[attr-defined]
            database.executescript("DELETE FROM entries; DELETE FROM state; BEGIN")
    clock.turn_s(0.001)
    queue.push([entry(1, clock)])
    (after,) = queue.claim(1, LEASE_MS)
    assert after.fence > before.fence


def test_many_claimers_get_every_job_once(queue_url: str, clock: Clock) -> None:
    pushing = open_queue(queue_url)
    pushing.push([entry(number, clock) for number in range(200)])
    found: list[int] = []
    lock = threading.Lock()

    def claim_all() -> None:
        mine = open_queue(queue_url)
        while claims := mine.claim(3, 60_000):
            with lock:
                found.extend(numbers(claims))
        mine.close()

    threads = [threading.Thread(target=claim_all) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    pushing.close()
    assert sorted(found) == list(range(200))


def test_a_queue_that_is_not_there_says_so_without_credentials() -> None:
    absent = open_queue("redis://user:secret@127.0.0.1:1/0")
    with pytest.raises(QueueUnavailableError, match=r"redis://127\.0\.0\.1/0") as caught:
        absent.claim(1, LEASE_MS)
    assert "secret" not in str(caught.value)


def test_an_unknown_kind_of_queue_is_refused() -> None:
    with pytest.raises(ValueError, match="use sqlite:"):
        open_queue("amqp://somewhere")
