"""The ledger on SQLite and Postgres: entries are only added, sums hold, two writers at once agree."""

import threading
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from resources.database import open_database, writing
from resources.database import tables as t
from resources.ledger import (
    Attempt,
    AttemptConflictError,
    Ledger,
    OtherChainError,
    PayerBusyError,
    PricePolicyRecord,
    Rate,
    Resolution,
)
from resources.ledger.records import LINES

POLICY = PricePolicyRecord(policy_hash="p1", version="v1", content="{}")
DAY = "2026-02-01"


@pytest.fixture
def ledger(database_url: str) -> Ledger:
    return Ledger(database_url)


def lines(*rows: tuple[str, str, int, int, int]) -> pl.DataFrame:
    """Rows of wallet, session, segments, frames, lamports."""
    return pl.DataFrame(list(rows), schema=LINES, orient="row")


def record(ledger: Ledger, table: pl.DataFrame, day: str = DAY) -> tuple[int, int, int]:
    change = ledger.record_day(day, table, policy=POLICY, quality_hash="q", now_ms=7)
    return change.entries, change.corrections, change.lamports


def batches(ledger: Ledger, minimum: int = 1, per_batch: int = 2, chain: str = "chain-a") -> int:
    return ledger.make_batches(
        chain=chain, mint=None, minimum_lamports=minimum, per_batch=per_batch, now_ms=8
    )


def attempt(batch_id: int, signature: str) -> Attempt:
    return Attempt(
        signature=signature, batch_id=batch_id, payer="P", last_valid_height=9, first_slot=1, wire=b"w"
    )


def rows_of(ledger: Ledger, table: sa.Table) -> list[tuple[object, ...]]:
    with open_database(ledger.url).connect() as connection:
        ordered = sa.select(table).order_by(*table.primary_key)
        return [tuple(row) for row in connection.execute(ordered)]


def test_a_day_becomes_an_entry_per_wallet_with_a_line_per_session(ledger: Ledger) -> None:
    day = lines(("a", "s1", 2, 300, 20), ("a", "s2", 3, 400, 30), ("b", "s3", 1, 150, 10))
    assert record(ledger, day) == (2, 0, 60)
    found = ledger.day_wallets(DAY)
    assert found.select("wallet", "segments", "frames", "lamports").rows() == [
        ("a", 5, 700, 50),
        ("b", 1, 150, 10),
    ]
    assert ledger.session_lamports("a", ["s1", "s2", "s3"]) == {"s1": 20, "s2": 30}


def test_the_same_day_again_adds_nothing(ledger: Ledger) -> None:
    day = lines(("a", "s1", 2, 300, 20), ("b", "s3", 1, 150, 10))
    record(ledger, day)
    before = rows_of(ledger, t.payout_entries), rows_of(ledger, t.payout_lines)
    assert record(ledger, day.sample(fraction=1, shuffle=True, seed=1)) == (0, 0, 0)
    assert (rows_of(ledger, t.payout_entries), rows_of(ledger, t.payout_lines)) == before


def test_a_correction_is_a_new_entry_and_the_old_ones_stay_byte_for_byte(ledger: Ledger) -> None:
    record(ledger, lines(("a", "s1", 2, 300, 20), ("a", "s2", 2, 300, 20), ("b", "s3", 1, 150, 10)))
    before = rows_of(ledger, t.payout_entries), rows_of(ledger, t.payout_lines)
    assert record(ledger, lines(("a", "s1", 1, 150, 10), ("c", "s4", 1, 150, 10))) == (3, 2, -30)
    after = rows_of(ledger, t.payout_entries), rows_of(ledger, t.payout_lines)
    assert (after[0][: len(before[0])], after[1][: len(before[1])]) == before
    newest, first = ledger.earnings_of("a", 10)
    assert (newest.lamports, newest.segments, newest.is_correction) == (-30, -3, True)
    assert (first.lamports, first.is_correction, first.state) == (40, False, "owed")
    assert ledger.session_lamports("a", ["s1", "s2"]) == {"s1": 10, "s2": 0}


def test_every_entry_names_its_policy_and_the_policy_is_kept(ledger: Ledger) -> None:
    record(ledger, lines(("a", "s1", 2, 300, 20)))
    (entry,) = rows_of(ledger, t.payout_entries)
    assert "p1" in entry
    assert rows_of(ledger, t.payout_policies) == [("p1", "v1", "{}", 7)]


def test_a_session_earns_on_one_day_only(ledger: Ledger) -> None:
    record(ledger, lines(("a", "s1", 2, 300, 20), ("a", "s2", 2, 300, 20)))
    assert ledger.earning_elsewhere("2026-02-02", ["s1", "s9"]).rows() == [("a", "s1", DAY)]
    assert ledger.earning_elsewhere(DAY, ["s1"]).rows() == []
    record(ledger, lines(("a", "s2", 2, 300, 20)))
    assert ledger.earning_elsewhere("2026-02-02", ["s1"]).rows() == []


def test_only_sessions_that_were_issued_to_their_wallet_are_proven(ledger: Ledger) -> None:
    row = {"session_id": "s1", "wallet": "a", "address": "x", "issued_ms": 1, "expires_ms": 2}
    with writing(ledger.url) as connection:
        connection.execute(sa.insert(t.upload_sessions), [row])
    assert ledger.proven_sessions(["s1", "s2"]).rows() == [("a", "s1")]
    assert ledger.proven_sessions([]).rows() == []


def test_the_rates_of_a_day_are_those_of_its_first_computation(ledger: Ledger) -> None:
    first = [Rate(trait="left", share_percent=3.5, bonus_percent=20)]
    later = [Rate(trait="left", share_percent=9.0, bonus_percent=1)]
    assert ledger.rates(DAY, "p1") == []
    assert ledger.fix_rates(DAY, "p1", first) == first
    assert ledger.fix_rates(DAY, "p1", later) == first
    assert ledger.fix_rates(DAY, "p2", later) == later


def test_batches_settle_each_entry_once_and_the_memo_covers_the_entries(ledger: Ledger) -> None:
    record(ledger, lines(*[(wallet, f"s-{wallet}", 1, 150, 100) for wallet in "abc"]))
    record(ledger, lines(("a", "s9", 1, 150, 50)), day="2026-02-02")
    assert (batches(ledger), batches(ledger)) == (3, 0)
    first, second = ledger.open_batches()
    assert [(p.payment_id, p.wallet, p.lamports) for p in first.payments] == [(1, "a", 150), (2, "b", 100)]
    assert (first.memo[:14], second.memo[:12]) == ("scalediff 1-2 ", "scalediff 3 ")
    assert len(first.memo) == 14 + 16
    assert ledger.broken_payments() == []


def test_a_debit_is_carried_until_it_is_earned(ledger: Ledger) -> None:
    record(ledger, lines(("a", "s1", 2, 300, 100)))
    batches(ledger)
    record(ledger, lines(("a", "s1", 1, 150, 40)))
    record(ledger, lines(("a", "s2", 1, 150, 50)), day="2026-02-02")
    assert batches(ledger) == 0
    assert ledger.balances()["owed_lamports"].to_list() == [-10]
    record(ledger, lines(("a", "s2", 1, 150, 50), ("a", "s3", 1, 150, 25)), day="2026-02-02")
    assert batches(ledger) == 1
    assert [batch.lamports for batch in ledger.open_batches()] == [100, 15]
    assert ledger.broken_payments() == []


def test_a_batch_has_one_transaction_that_may_take_effect(ledger: Ledger) -> None:
    record(ledger, lines(("a", "s1", 2, 300, 100), ("b", "s2", 2, 300, 100)))
    batches(ledger)
    ledger.store_attempts([attempt(1, "first")], 9)
    with pytest.raises(AttemptConflictError):
        ledger.store_attempts([attempt(1, "second")], 9)
    ledger.resolve([Resolution(signature="first", state="expired")], 10)
    ledger.store_attempts([attempt(1, "second")], 11)
    ledger.resolve([Resolution(signature="second", state="paid", slot=5)], 12)
    with pytest.raises(AttemptConflictError, match="is settled"):
        ledger.store_attempts([attempt(1, "third")], 13)
    # What has ended stays as it ended.
    ledger.resolve([Resolution(signature="first", state="paid", slot=5)], 14)
    assert [(b.signature, b.state) for b in ledger.settled_batches()] == [
        ("first", "expired"),
        ("second", "paid"),
    ]
    assert ledger.open_batches() == []
    assert ledger.day_wallets(DAY)["signatures"].to_list() == [["second"], ["second"]]


def test_several_attempts_are_stored_together_or_not_at_all(ledger: Ledger) -> None:
    record(ledger, lines(*[(wallet, f"s-{wallet}", 1, 150, 100) for wallet in "abcd"]))
    batches(ledger)
    ledger.store_attempts([attempt(2, "mine")], 9)
    with pytest.raises(AttemptConflictError):
        ledger.store_attempts([attempt(1, "one"), attempt(2, "two")], 9)
    assert [batch.attempt is None for batch in ledger.open_batches()] == [True, False]


def test_a_refused_batch_is_split_and_a_single_payment_blocked(ledger: Ledger) -> None:
    record(ledger, lines(("a", "s1", 2, 300, 100), ("b", "s2", 2, 300, 100)))
    batches(ledger)
    ledger.store_attempts([attempt(1, "first")], 9)
    with pytest.raises(AttemptConflictError):
        ledger.retire_failed(1, 9)
    ledger.resolve([Resolution(signature="first", state="failed", slot=5, error="E")], 10)
    ledger.retire_failed(1, 11)
    one, other = ledger.open_batches()
    assert ([p.wallet for p in one.payments], [p.wallet for p in other.payments]) == (["a"], ["b"])
    assert one.memo != other.memo
    ledger.retire_failed(one.batch_id, 12)
    assert [each.state for each in ledger.earnings_of("a", 1)] == ["blocked"]
    assert [batch.batch_id for batch in ledger.open_batches()] == [other.batch_id]
    assert ledger.unblock() == 1
    assert len(ledger.open_batches()) == 2


def test_another_chain_is_refused(ledger: Ledger) -> None:
    record(ledger, lines(("a", "s1", 2, 300, 100)))
    batches(ledger, chain="chain-a")
    with pytest.raises(OtherChainError, match="chain-a"):
        batches(ledger, chain="chain-b")


def test_the_payers_lock_keeps_others_out_while_it_is_held(ledger: Ledger) -> None:
    refused: list[bool] = []

    def other() -> None:
        try:
            with Ledger(ledger.url).payer_lock(0.0):
                refused.append(False)
        except PayerBusyError:
            refused.append(True)

    with ledger.payer_lock(0.0):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
    other()
    assert refused == [True, False]


def test_writers_of_the_same_day_at_once_write_it_once(ledger: Ledger) -> None:
    day = lines(*[(f"w{number}", f"s{number}", 1, 150, 100) for number in range(50)])
    problems: list[BaseException] = []

    def write() -> None:
        try:
            record(ledger, day)
            batches(ledger)
        except BaseException as error:  # noqa: BLE001 -- told to the test
            problems.append(error)

    writers = [threading.Thread(target=write) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert problems == []
    assert len(rows_of(ledger, t.payout_entries)) == len(rows_of(ledger, t.payout_payments)) == 50
    assert ledger.broken_payments() == []


amounts = st.dictionaries(
    st.tuples(st.sampled_from("ab"), st.sampled_from(["s1", "s2"])), st.integers(0, 9), max_size=4
)


@settings(max_examples=20)
@given(st.lists(st.tuples(st.sampled_from(["2026-02-01", "2026-02-02"]), amounts), max_size=6))
def test_whatever_order_days_come_in_the_ledger_says_the_last_word_of_each(
    sqlite_template: Path, days: list[tuple[str, dict[tuple[str, str], int]]]
) -> None:
    url = f"sqlite:///{sqlite_template}"
    ledger = Ledger(url)
    last: dict[str, dict[tuple[str, str], int]] = {"2026-02-01": {}, "2026-02-02": {}}
    with writing(url) as connection:
        for table in (t.payout_lines, t.payout_entries):
            connection.execute(sa.delete(table))
    for day, worth in days:
        record(ledger, lines(*[(w, s, 1, 1, lamports) for (w, s), lamports in worth.items()]), day)
        last[day] = worth
    for day, worth in last.items():
        wanted: dict[str, int] = {}
        for (wallet, _session), lamports in worth.items():
            wanted[wallet] = wanted.get(wallet, 0) + lamports
        found = dict(ledger.day_wallets(day).select("wallet", "lamports").rows())
        assert {name: sum_ for name, sum_ in found.items() if sum_} == {k: v for k, v in wanted.items() if v}
    with writing(url) as connection:
        for table in (t.payout_lines, t.payout_entries, t.payout_policies):
            connection.execute(sa.delete(table))
