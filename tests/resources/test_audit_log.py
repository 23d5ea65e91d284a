"""The audit log, on SQLite and on a real Postgres: it grows, and whoever changes it is found out."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import ValidationError

from resources.audit_log import AuditLog
from resources.database import writing
from scalediff_contract.audit import GENESIS, AuditEvent, ChainBrokenError


def event(number: int, **detail: Any) -> AuditEvent:
    return AuditEvent(
        event_id=f"gen-{number}/request", at_ms=number, actor="tester", action="request",
        subject=f"gen-{number}", detail=detail,
    )  # fmt: skip


@pytest.fixture
def log(database_url: str) -> AuditLog:
    log = AuditLog(database_url)
    log.append([event(1, prompt="dust storm"), event(2, seed=7, scores={"tcs": 0.98, "none": None})])
    log.append([event(3)])
    return log


def tamper(log: AuditLog, statement: str) -> None:
    """Change rows as somebody with the database's password would: the triggers go first."""
    with writing(log.url) as connection:
        postgres = connection.dialect.name == "postgresql"
        for change in ("update", "delete"):
            table = " ON audit_log" if postgres else ""
            connection.execute(sa.text(f"DROP TRIGGER IF EXISTS audit_log_no_{change}{table}"))
        connection.execute(sa.text(statement))


def test_entries_come_back_in_order_and_the_chain_is_whole(log: AuditLog) -> None:
    entries = list(log.entries())
    assert [entry.seq for entry in entries] == [1, 2, 3]
    assert entries[1].event == event(2, seed=7, scores={"tcs": 0.98, "none": None})
    assert entries[0].previous == GENESIS
    assert log.verify() == 3
    assert log.head() == (3, entries[2].digest)
    assert [entry.seq for entry in log.entries(subject="gen-2")] == [2]


def test_an_event_is_told_once_however_often_it_is_sent(log: AuditLog) -> None:
    written = log.append([event(3), event(4), event(4)])
    assert [entry.event.event_id for entry in written] == ["gen-4/request"]
    assert log.append([event(1)]) == []
    assert log.append([]) == []
    assert log.verify() == 4


@pytest.mark.parametrize("change", ["UPDATE audit_log SET actor = 'x'", "DELETE FROM audit_log"])
def test_the_database_refuses_changes(log: AuditLog, change: str) -> None:
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), writing(log.url) as connection:
        connection.execute(sa.text(change))
    assert log.verify() == 3


@pytest.mark.parametrize(
    ("statement", "seq", "says"),
    [
        ("UPDATE audit_log SET detail = '{}' WHERE seq = 2", 2, "edited"),
        ("UPDATE audit_log SET detail = 'gone' WHERE seq = 1", 1, "edited"),
        ("UPDATE audit_log SET at_ms = 9 WHERE seq = 3", 3, "edited"),
        ("DELETE FROM audit_log WHERE seq = 2", 2, "missing"),
        ("DELETE FROM audit_log WHERE seq = 1", 1, "missing"),
        ("UPDATE audit_log SET digest = previous WHERE seq = 1", 1, "edited"),
        ("UPDATE audit_log SET previous = digest WHERE seq = 2", 2, "follows"),
    ],
)
def test_the_chain_tells_which_entry_was_changed(log: AuditLog, statement: str, seq: int, says: str) -> None:
    tamper(log, statement)
    with pytest.raises(ChainBrokenError, match=says) as broken:
        log.verify()
    assert broken.value.seq == seq


def test_a_log_cut_off_at_its_end_is_found_by_the_noted_hash(log: AuditLog) -> None:
    _, noted = log.head()
    log.append([event(4)])
    assert log.verify(head=noted) == 4
    tamper(log, "DELETE FROM audit_log WHERE seq >= 3")
    assert log.verify() == 2
    with pytest.raises(ChainBrokenError, match="its end is cut off"):
        log.verify(head=noted)


def test_an_empty_log_is_whole(database_url: str) -> None:
    assert AuditLog(database_url).verify() == 0
    assert AuditLog(database_url).verify(head=GENESIS) == 0


def test_writers_at_the_same_time_make_one_chain(database_url: str) -> None:
    log = AuditLog(database_url)

    def write(first: int) -> int:
        return sum(len(log.append([event(first + k), event(99)])) for k in range(8))

    with ThreadPoolExecutor(3) as writers:
        written = sum(writers.map(write, (10, 20, 30)))
    assert written == log.verify() == 25


def test_more_entries_than_a_page_are_read_and_known(database_url: str) -> None:
    log = AuditLog(database_url)
    log.append([event(number) for number in range(2_100)])
    assert log.verify() == 2_100
    assert log.append([event(number) for number in range(2_100)]) == []


def test_a_detail_that_is_no_json_or_too_long_is_refused_whole(log: AuditLog) -> None:
    with pytest.raises(ValueError, match="at most 16000"):
        log.append([event(5), event(6, text="x" * 20_000)])
    with pytest.raises(ValidationError, match="finite number"):
        event(7, score=float("nan"))
    with pytest.raises(ValidationError, match="valid JSON value"):
        event(8, clip=object())
    assert log.verify() == 3
