"""Hours, the directory's feed and the reconciliation of a directory."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.object_store import DirectoryStore
from resources.upload_queue import (
    DirectoryFeed,
    ObjectEvent,
    hour_folder,
    hour_of,
    listing_events,
    logical_key_of,
    partition_key,
    raw_key,
)

HOUR_MS = 3_600_000
NINE = int(datetime(2026, 2, 1, 9, tzinfo=UTC).timestamp() * 1000)


def minutes(count: float) -> int:
    return round(count * 60_000)


# Hours


def test_the_hour_formats() -> None:
    assert partition_key(NINE) == partition_key(NINE + HOUR_MS - 1) == "2026-02-01-09:00"
    assert partition_key(NINE - 1) == "2026-02-01-08:00"
    assert hour_folder(NINE) == "2026-02-01-09"
    assert raw_key("w/f.json", NINE) == "2026-02-01-09/w/f.json"


@given(arrival_ms=st.integers(0, 4_000_000_000_000), logical_key=st.text(min_size=1))
def test_a_raw_key_holds_its_hour_and_its_logical_key(arrival_ms: int, logical_key: str) -> None:
    key = raw_key(logical_key, arrival_ms)
    assert hour_of(key) == partition_key(arrival_ms)
    assert logical_key_of(key) == logical_key
    moment = datetime.strptime(f"{partition_key(arrival_ms)} +0000", "%Y-%m-%d-%H:%M %z")
    assert 0 <= arrival_ms - moment.timestamp() * 1000 < HOUR_MS


@pytest.mark.parametrize(
    "key",
    ["w/f.json", "2026-02-30-09/w/f", "2026-02-01-24/w/f", "2026-02-01-09", "2026-02-01-09/", "2026-02-01/9"],
)
def test_keys_without_an_hour_folder(key: str) -> None:
    assert hour_of(key) is None
    assert logical_key_of(key) == key


# The directory's feed


@dataclass
class MemoryCatalog:
    """Positions and known objects in memory."""

    positions: dict[str, str] = field(default_factory=dict)
    objects: dict[str, set[tuple[str, str]]] = field(default_factory=dict)

    def load(self, name: str) -> str | None:
        return self.positions.get(name)

    def save(self, name: str, value: str) -> None:
        self.positions[name] = value

    def known(self, hour: str) -> set[tuple[str, str]]:
        return self.objects.get(hour, set())

    def record(self, events: Sequence[ObjectEvent]) -> list[str]:
        for event in events:
            self.objects.setdefault(event.hour, set()).add((event.key, event.etag))
        return [event.key for event in events]


class Embedded:
    """A raw directory, its feed, a catalog that records what the feed yields, and a clock."""

    def __init__(self, root: Path) -> None:
        self.store = DirectoryStore(root)
        self.catalog = MemoryCatalog()
        self.now_ms = NINE + minutes(30)
        self.feed = DirectoryFeed(
            store=self.store,
            positions=self.catalog,
            known=self.catalog.known,
            now_ms=lambda: self.now_ms,
        )

    def upload(self, logical_key: str, arrival_ms: int | None = None, data: bytes = b"1") -> str:
        key = raw_key(logical_key, self.now_ms if arrival_ms is None else arrival_ms)
        self.store.put(key, data)
        return key

    def tick(self, max_events: int = 1000, deadline_s: float = 10) -> list[str]:
        events = self.feed.receive(max_events, deadline_s)
        keys = self.catalog.record(events)
        self.feed.acknowledge(events)
        return keys

    @property
    def position(self) -> str | None:
        return self.catalog.load("raw")


@pytest.fixture
def embedded(tmp_path: Path) -> Embedded:
    return Embedded(tmp_path / "raw")


def test_an_upload_becomes_an_event(embedded: Embedded) -> None:
    key = embedded.upload("w/f.json", data=b"123")
    [event] = embedded.feed.receive(10, 10)
    head = embedded.store.head(key)
    assert head is not None
    assert event == ObjectEvent(
        key="2026-02-01-09/w/f.json",
        logical_key="w/f.json",
        size_bytes=3,
        etag=head.etag,
        event_ms=head.modified_ms,
        hour="2026-02-01-09:00",
        receipt="",
    )


def test_what_was_not_recorded_comes_again(embedded: Embedded) -> None:
    embedded.upload("w/f.json")
    first = embedded.feed.receive(10, 10)
    embedded.feed.acknowledge(first)
    assert embedded.feed.receive(10, 10) == first
    embedded.catalog.record(first)
    assert embedded.feed.receive(10, 10) == []


def test_an_empty_store_has_no_events(embedded: Embedded) -> None:
    assert embedded.tick() == []


def test_later_uploads_of_the_open_hour_are_found(embedded: Embedded) -> None:
    first = embedded.upload("w/b.json")
    assert embedded.tick() == [first]
    second = embedded.upload("w/a.json")
    assert embedded.tick() == [second]
    assert embedded.tick() == []


def test_an_overwritten_object_is_new_again(embedded: Embedded) -> None:
    key = embedded.upload("w/f.json", data=b"1")
    embedded.tick()
    embedded.upload("w/f.json", data=b"2")
    assert embedded.tick() == [key]


def test_the_position_moves_past_closed_hours_only(embedded: Embedded) -> None:
    embedded.upload("w/f.json")
    embedded.tick()
    embedded.tick()
    assert embedded.position == "2026-02-01-09"
    embedded.now_ms = NINE + HOUR_MS + minutes(9)
    embedded.tick()
    assert embedded.position == "2026-02-01-09"
    embedded.now_ms = NINE + HOUR_MS + minutes(10)
    embedded.tick()
    assert embedded.position == "2026-02-01-10"


def test_a_late_write_within_the_grace_is_found(embedded: Embedded) -> None:
    embedded.upload("w/a.json")
    embedded.tick()
    embedded.now_ms = NINE + HOUR_MS + minutes(9)
    new = embedded.upload("w/c.json")
    assert embedded.tick() == [new]
    late = embedded.upload("w/b.json", arrival_ms=NINE + minutes(59))
    assert embedded.tick() == [late]


def test_an_hour_that_brought_something_is_looked_at_again(embedded: Embedded) -> None:
    embedded.upload("w/a.json")
    embedded.now_ms = NINE + 5 * HOUR_MS
    embedded.tick()
    assert embedded.position == "2026-02-01-09"
    embedded.tick()
    assert embedded.position == "2026-02-01-13"


def test_a_write_after_the_grace_is_left_to_the_reconciliation(embedded: Embedded) -> None:
    embedded.now_ms = NINE + 3 * HOUR_MS
    embedded.tick()
    missed = embedded.upload("w/late.json", arrival_ms=NINE)
    assert embedded.tick() == []
    assert [event.key for event in listing_events(embedded.store)] == [missed]


def test_the_position_never_moves_back(embedded: Embedded) -> None:
    embedded.now_ms = NINE + 5 * HOUR_MS
    embedded.tick()
    embedded.now_ms = NINE
    embedded.tick()
    assert embedded.position == "2026-02-01-13"


def test_a_backlog_comes_in_pieces_and_whole(embedded: Embedded) -> None:
    uploaded = [
        embedded.upload(f"w/{number}.json", arrival_ms=NINE + hour * HOUR_MS)
        for hour in range(3)
        for number in range(5)
    ]
    embedded.now_ms = NINE + 10 * HOUR_MS
    pieces = [embedded.tick(max_events=4) for _ in range(5)]
    assert [len(piece) for piece in pieces] == [4, 4, 4, 3, 0]
    assert sorted(key for piece in pieces for key in piece) == uploaded
    assert embedded.position == "2026-02-01-18"


def test_a_deadline_that_is_always_over_still_makes_progress(embedded: Embedded) -> None:
    uploaded = [
        embedded.upload(f"w/{number}.json", arrival_ms=NINE + hour * HOUR_MS)
        for hour in range(3)
        for number in range(2)
    ]
    embedded.now_ms = NINE + 10 * HOUR_MS
    found = [key for _ in range(20) for key in embedded.tick(deadline_s=0)]
    assert sorted(found) == uploaded
    assert embedded.position == "2026-02-01-18"


def test_objects_outside_hour_folders_are_left_to_the_reconciliation(embedded: Embedded) -> None:
    for key in ("w/f.json", "0/f.json", "2026-02-30-09/w/f.json", "2026-02-01-09z/w/f.json"):
        embedded.store.put(key, b"")
    inside = embedded.upload("w/f.json")
    assert embedded.tick() == [inside]
    assert len(list(listing_events(embedded.store))) == 5


@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("upload"), st.integers(0, 9)),
            st.tuples(st.just("wait"), st.integers(1, 90)),
            st.tuples(st.just("tick"), st.integers(1, 3)),
        ),
        max_size=30,
    )
)
def test_every_upload_is_delivered_whatever_the_order_of_things(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    embedded = Embedded(tmp_path_factory.mktemp("raw"))
    uploaded, found = set(), []
    for number, (step, value) in enumerate(steps):
        if step == "upload":  # up to 9 minutes late
            uploaded.add(embedded.upload(f"w/{number}.json", arrival_ms=embedded.now_ms - minutes(value)))
        elif step == "wait":
            embedded.now_ms += minutes(value)
        else:
            found += embedded.tick(max_events=value)
    while piece := embedded.tick():
        found += piece
    assert sorted(found) == sorted(uploaded)


def test_ten_thousand_new_objects_take_well_under_a_second(embedded: Embedded) -> None:
    for wallet in range(100):
        folder = embedded.store.root / "2026-02-01-09" / f"wallet-{wallet}"
        folder.mkdir(parents=True)
        for number in range(100):
            os.close(os.open(folder / f"{number}.json", os.O_CREAT | os.O_WRONLY))
    begin = time.process_time()
    events = embedded.feed.receive(20_000, 30)
    assert time.process_time() - begin < 1
    assert len(events) == 10_000


def test_the_reconciliation_can_start_at_an_hour(embedded: Embedded) -> None:
    keys = [embedded.upload("w/f", arrival_ms=NINE + hour * HOUR_MS) for hour in range(3)]
    events = listing_events(embedded.store, "2026-02-01-10:00")
    assert [event.key for event in events] == keys[1:]
