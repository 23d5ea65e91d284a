"""What players see of their earnings: their own, with states, corrections and links to transactions."""

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from resources.ledger import Attempt, Ledger, PricePolicyRecord, Resolution
from resources.ledger.records import LINES
from tests.upload_api.conftest import Place, assert_problem

POLICY = PricePolicyRecord(policy_hash="p", version="v1", content="{}")


def earn(place: Place, wallet: str, session_id: str, lamports: int, day: str = "2026-02-01") -> Ledger:
    ledger = Ledger(place.config.database_url)
    lines = pl.DataFrame([(wallet, session_id, 5, 750, lamports)], schema=LINES, orient="row")
    ledger.record_day(day, lines, policy=POLICY, quality_hash="q", now_ms=1)
    return ledger


def pay(ledger: Ledger, signature: str, *, lands: bool = True) -> None:
    ledger.make_batches(chain="c", mint=None, minimum_lamports=1, per_batch=20, now_ms=2)
    (batch,) = ledger.open_batches()
    attempt = Attempt(
        signature=signature, batch_id=batch.batch_id, payer="P", last_valid_height=1, first_slot=1, wire=b""
    )
    ledger.store_attempts([attempt], 3)
    if lands:
        ledger.resolve([Resolution(signature=signature, state="paid", slot=4)], 5)


@pytest.fixture
def place(make_place: Callable[..., Place]) -> Place:
    return make_place(transaction_link=lambda signature: f"https://explorer.example/{signature}")


def ask(place: Place, headers: dict[str, str]) -> dict[str, Any]:
    answer = place.http.get("/v1/earnings", headers=headers)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_earnings_come_newest_first_with_the_transactions_that_paid_them(place: Place) -> None:
    player = place.player()
    session_id = player.session()
    ledger = earn(place, player.wallet, session_id, 1_000)
    pay(ledger, "SigA")
    earn(place, player.wallet, session_id, 1_600)
    pay(ledger, "SigB", lands=False)
    earn(place, player.wallet, player.session(), 50, day="2026-02-02")
    found = ask(place, player.headers)
    assert (found["earnedLamports"], found["paidLamports"]) == (1_650, 1_000)
    owed, correction, first = found["entries"]
    assert first == {
        "entryId": 1,
        "day": "2026-02-01",
        "segments": 5,
        "lamports": 1_000,
        "isCorrection": False,
        "state": "paid",
        "signature": "SigA",
        "url": "https://explorer.example/SigA",
    }
    assert (correction["lamports"], correction["isCorrection"], correction["state"]) == (600, True, "sent")
    assert correction["url"] == "https://explorer.example/SigB"
    assert (owed["state"], owed["signature"], owed["url"]) == ("owed", None, None)


def test_a_session_says_what_it_earned_corrections_included(place: Place) -> None:
    player = place.player()
    session_id = player.session()
    earn(place, player.wallet, session_id, 1_000)
    earn(place, player.wallet, session_id, 400)
    unpriced = player.session()
    shown = place.http.get("/v1/sessions", headers=player.headers).json()["sessions"]
    earned = {session["sessionId"]: session["earnedLamports"] for session in shown}
    assert earned == {session_id: 400, unpriced: None}


def test_nobody_sees_what_others_earn(place: Place) -> None:
    player, other = place.player(), place.player()
    earn(place, other.wallet, other.session(), 1_000)
    assert ask(place, player.headers) == {"earnedLamports": 0, "paidLamports": 0, "entries": []}
    assert_problem(place.http.get("/v1/earnings"), 401, "not-signed-in")
