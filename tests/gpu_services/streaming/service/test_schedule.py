"""Deadlines, batches, pacing and admission on a clock that the test turns."""

import heapq
import itertools
import random
from dataclasses import dataclass, field

import pytest

from gpu_services.streaming.service.costs import AdmissionPolicy, CostModel
from gpu_services.streaming.service.ladder import CALM_S, WINDOW, Ladder
from gpu_services.streaming.service.schedule import FullError, Played, Scheduler

ROOMY = AdmissionPolicy(max_sessions=10_000, max_load=0.85, expected_fps=24)


def scheduler_with(*keys: str, chunk_frames: int = 1, max_batch: int = 4) -> Scheduler[int]:
    made: Scheduler[int] = Scheduler(max_batch=max_batch, policy=ROOMY)
    for key in keys:
        made.open(key, chunk_frames=chunk_frames, now_s=0.0)
    return made


def paint_all(scheduler: Scheduler[int], now_s: float, cost_s: float = 0.0) -> dict[str, Played | None]:
    done = {}
    for chunk in scheduler.next_batch(now_s):
        done[chunk.key] = scheduler.painted(chunk, now_s + cost_s, next_chunk_frames=len(chunk.frames))
    return done


def test_the_latest_frame_wins_and_the_queue_never_grows() -> None:
    scheduler = scheduler_with("a")
    dropped = [scheduler.push("a", frame, frame / 60) for frame in range(100)]
    (chunk,) = scheduler.next_batch(2.0)
    assert chunk.frames == (99,)
    assert sum(dropped) == 99


def test_a_chunk_takes_the_newest_frames_in_order() -> None:
    scheduler = scheduler_with("a", chunk_frames=4)
    for frame in range(7):
        scheduler.push("a", frame, frame / 24)
    (chunk,) = scheduler.next_batch(1.0)
    assert chunk.frames == (3, 4, 5, 6)


def test_a_lane_is_painted_once_at_a_time() -> None:
    scheduler = scheduler_with("a")
    scheduler.push("a", 0, 0.0)
    assert scheduler.next_batch(0.0)
    scheduler.push("a", 1, 0.1)
    assert scheduler.next_batch(0.1) == []


def test_the_earliest_deadline_is_painted_first() -> None:
    scheduler = scheduler_with("a", "b", "c", max_batch=1)
    for k, key in enumerate("abc"):
        scheduler.push(key, 0, 0.0)
        paint_all(scheduler, [0.3, 0.1, 0.2][k])
    for key in "abc":
        scheduler.push(key, 1, 0.31)
    order = [scheduler.next_batch(0.31)[0].key for _ in range(3)]
    assert order == ["b", "c", "a"]


def test_ready_lanes_are_painted_together_but_only_as_many_as_the_first_can_wait_for() -> None:
    scheduler = scheduler_with(*"abcd")
    for size in (1, 2, 3, 4):
        scheduler.costs.observe(1, size, 0.010 * size)
    for key in "abcd":
        scheduler.push(key, 0, 0.0)
    assert len(scheduler.next_batch(0.0)) == 4  # nothing shown yet: all are due
    scheduler = scheduler_with(*"abcd")
    for size in (1, 2, 3, 4):
        scheduler.costs.observe(1, size, 0.015 * size)
    for key in "abcd":
        scheduler.push(key, 0, 0.0)
    paint_all(scheduler, 0.0)
    for key in "abcd":
        scheduler.push(key, 1, 0.005)
    assert len(scheduler.next_batch(0.005)) == 2  # 36 ms are left, three would take 45


def test_chunks_of_different_lengths_are_not_mixed() -> None:
    scheduler = scheduler_with("old", chunk_frames=4)
    scheduler.open("new", chunk_frames=1, now_s=0.0)
    for frame in range(4):
        scheduler.push("old", frame, 0.0)
    scheduler.push("new", 0, 0.0)
    assert {len(chunk.frames) for chunk in scheduler.next_batch(0.0)} in ({1}, {4})
    assert len(scheduler.next_batch(0.0)) == 1


def test_a_chunk_is_shown_at_the_rate_of_its_sources() -> None:
    scheduler = scheduler_with("a", chunk_frames=4)
    for frame in range(200):
        scheduler.push("a", frame, frame / 20)
        played = paint_all(scheduler, frame / 20)
    play_s = played["a"].play_s  # type: ignore[union-attr]
    gaps = [later - earlier for earlier, later in itertools.pairwise(play_s)]
    assert gaps == pytest.approx([1 / 20] * 3, rel=0.02)


def test_pictures_of_one_frame_chunks_are_not_held_back() -> None:
    scheduler = scheduler_with("a")
    for frame in range(50):
        now_s = frame / 30 + random.Random(frame).uniform(0, 0.01)
        scheduler.push("a", frame, now_s)
        played = paint_all(scheduler, now_s)["a"]
        assert played is not None
        assert played.play_s[0] - now_s < 0.01


def test_a_late_chunk_is_a_miss_and_the_next_ones_are_not() -> None:
    scheduler = scheduler_with("a")
    missed = []
    for frame in range(10):
        scheduler.push("a", frame, frame / 24)
        played = paint_all(scheduler, frame / 24, cost_s=0.2 if frame == 5 else 0.005)["a"]
        assert played is not None
        missed.append(played.is_missed)
    assert missed == [frame == 5 for frame in range(10)]


def test_what_comes_late_over_the_network_is_no_miss() -> None:
    scheduler = scheduler_with("a")
    for frame, at_s in enumerate((0.0, 0.04, 0.9, 0.94)):
        scheduler.push("a", frame, at_s)
        played = paint_all(scheduler, at_s, cost_s=0.005)["a"]
        assert played is not None and not played.is_missed


def test_a_flush_forgets_what_waits_and_what_was_shown() -> None:
    scheduler = scheduler_with("a", chunk_frames=4)
    for frame in range(3):
        scheduler.push("a", frame, 0.0)
    assert scheduler.flush("a") == 3
    assert scheduler.next_batch(0.0) == []


def test_a_player_who_leaves_in_mid_chunk_is_forgotten() -> None:
    scheduler = scheduler_with("a", "b")
    scheduler.push("a", 0, 0.0)
    (chunk,) = scheduler.next_batch(0.0)
    scheduler.close("a")
    assert scheduler.painted(chunk, 0.1, next_chunk_frames=1) is None
    assert len(scheduler) == 1


def test_admission_follows_the_measured_cost_and_says_when_to_come_back() -> None:
    scheduler: Scheduler[int] = Scheduler(
        max_batch=1, policy=AdmissionPolicy(max_sessions=100, max_load=0.85, expected_fps=25, session_s=60)
    )
    scheduler.costs.observe(1, 1, 0.010)  # a quarter of the painter for each
    for k in range(3):
        scheduler.admit(1, float(k))
        scheduler.open(str(k), chunk_frames=1, now_s=float(k))
    with pytest.raises(FullError, match="100% of the painter's time, the limit is 85%") as full:
        scheduler.admit(1, 20.0)
    assert full.value.retry_after_s == pytest.approx(40.0)


def test_places_end_before_time_does() -> None:
    scheduler: Scheduler[int] = Scheduler(max_batch=1, policy=AdmissionPolicy(max_sessions=1))
    scheduler.open("a", chunk_frames=1, now_s=0.0)
    with pytest.raises(FullError, match="all 1 places"):
        scheduler.admit(1, 0.0)


def test_the_cost_of_an_unmeasured_batch_is_guessed_upwards() -> None:
    costs = CostModel()
    assert costs.predict(4, 2) == 0.0
    costs.observe(4, 1, 0.050)
    assert costs.predict(4, 3) == pytest.approx(0.150)
    costs.observe(4, 4, 0.080)
    assert costs.share(4) == pytest.approx(0.020)


def test_the_ladder_goes_down_when_deadlines_are_missed_and_up_when_it_is_calm() -> None:
    ladder = Ladder(3)
    for k in range(WINDOW):
        ladder.observe(is_late=k % 4 == 0, load=0.9, now_s=k / 24)
    assert ladder.level == 1
    for k in range(WINDOW):
        ladder.observe(is_late=False, load=0.9, now_s=2 + k / 24)
    assert ladder.level == 1
    changed = [ladder.observe(is_late=False, load=0.3, now_s=4 + k) for k in range(int(CALM_S) + 2)]
    assert ladder.level == 0
    assert changed.count(True) == 1


@dataclass
class FakePainter:
    """A painter on a turned clock: batches cost a start-up and something per session."""

    start_s: float = 0.004
    each_s: float = 0.006
    free_at_s: float = 0.0
    missed_at_s: list[float] = field(default_factory=list)
    shown: dict[str, int] = field(default_factory=dict)
    chunks: int = 0

    def cost_s(self, size: int) -> float:
        return self.start_s + self.each_s * size


def simulate(
    scheduler: Scheduler[int], painter: FakePainter, players: dict[str, float], until_s: float
) -> None:
    """Players send at 24 frames a second, each from its own start; the painter paints without a pause."""
    events = [(start_s, key, 0) for key, start_s in players.items()]
    heapq.heapify(events)
    while events and events[0][0] < until_s:
        at_s, key, frame = heapq.heappop(events)
        work(scheduler, painter, until_s=at_s)
        scheduler.push(key, frame, at_s)
        work(scheduler, painter, until_s=at_s)
        heapq.heappush(events, (players[key] + (frame + 1) / 24, key, frame + 1))


def work(scheduler: Scheduler[int], painter: FakePainter, *, until_s: float) -> None:
    while painter.free_at_s <= until_s:
        now_s = max(painter.free_at_s, until_s if painter.free_at_s < until_s else painter.free_at_s)
        batch = scheduler.next_batch(now_s)
        if not batch:
            return
        painter.free_at_s = now_s + painter.cost_s(len(batch))
        scheduler.costs.observe(len(batch[0].frames), len(batch), painter.cost_s(len(batch)))
        for chunk in batch:
            played = scheduler.painted(chunk, painter.free_at_s, next_chunk_frames=4)
            assert played is not None
            painter.chunks += 1
            painter.missed_at_s += [painter.free_at_s] * played.is_missed
            painter.shown[chunk.key] = painter.shown.get(chunk.key, 0) + len(chunk.frames)


def test_of_a_thousand_players_those_let_in_keep_every_deadline_once_playout_has_settled() -> None:
    scheduler: Scheduler[int] = Scheduler(max_batch=4, policy=ROOMY)
    painter = FakePainter()
    scheduler.costs.observe(4, 1, painter.cost_s(1))
    scheduler.costs.observe(4, 4, painter.cost_s(4))
    dice = random.Random(1)
    players, refused = {}, 0
    for k in range(1_000):
        try:
            scheduler.admit(4, 0.0)
        except FullError:
            refused += 1
            continue
        scheduler.open(str(k), chunk_frames=4, now_s=0.0)
        players[str(k)] = dice.uniform(0, 4 / 24)
    assert 15 <= len(players) <= 25 and refused == 1_000 - len(players)
    simulate(scheduler, painter, players, until_s=20.0)
    assert painter.chunks > 20 * 6 * len(players) * 0.95
    assert [at_s for at_s in painter.missed_at_s if at_s > 1.0] == []
    assert len(painter.missed_at_s) <= 2


def test_a_thousand_players_on_a_fast_painter_all_play() -> None:
    scheduler: Scheduler[int] = Scheduler(max_batch=32, policy=ROOMY)
    painter = FakePainter(start_s=0.0005, each_s=0.0001)
    scheduler.costs.observe(4, 32, painter.cost_s(32))
    players = {}
    for k in range(1_000):
        scheduler.admit(4, 0.0)
        scheduler.open(str(k), chunk_frames=4, now_s=0.0)
        players[str(k)] = random.Random(k).uniform(0, 4 / 24)
    simulate(scheduler, painter, players, until_s=0.4)
    assert len(painter.shown) == 1_000
    assert painter.missed_at_s == []


def test_overload_slows_all_alike_and_starves_nobody() -> None:
    scheduler: Scheduler[int] = Scheduler(max_batch=4, policy=ROOMY)
    painter = FakePainter()
    players = {str(k): random.Random(k).uniform(0, 4 / 24) for k in range(60)}  # three times too many
    for key in players:
        scheduler.open(key, chunk_frames=4, now_s=0.0)
    simulate(scheduler, painter, players, until_s=20.0)
    assert painter.missed_at_s
    assert min(painter.shown.values()) > 0.7 * max(painter.shown.values())
