"""What a player sees, and that every reason has words for them."""

from typing import Any

import polars as pl
import pytest
import sqlalchemy as sa

from resources.database import writing
from resources.database.tables import sessions
from resources.ledger import Ledger, PricePolicyRecord
from resources.ledger.records import LINES
from scalediff_assets.payouts.fraud.judge import RULES
from scalediff_assets.payouts.pricing import NO_SERVER_SESSION
from scalediff_contract.reasons import Reason
from tests.upload_api.conftest import START_MS, Place
from upload_api.verdicts import SENTENCES, UNPAID, verdict_of


def judge(place: Place, wallet: str, session_id: str, **columns: object) -> None:
    """Write what the graph would."""
    row = {
        "wallet": wallet, "session_id": session_id, "trace_id": "0" * 32, "revision": 1,
        "first_event_ms": 0, "last_event_ms": 0, **columns,
    }  # fmt: skip
    with writing(place.config.database_url) as connection:
        connection.execute(sa.insert(sessions).values(**row))


def test_my_sessions_come_newest_first_with_their_verdicts(place: Place) -> None:
    player, other = place.player(), place.player()
    first = player.session()
    place.clock.turn_s(60)
    second, third = player.session(), other.session()
    judge(
        place, player.wallet, first, status="accepted", segments=6, segments_passed=5, alignment_grade="exact"
    )
    judge(place, other.wallet, third, status="rejected", reason="idle")
    shown = place.http.get("/v1/sessions", headers=player.headers).json()["sessions"]
    assert [session["sessionId"] for session in shown] == [second, first]
    assert (shown[0]["status"], shown[0]["segments"]) == ("issued", None)
    assert shown[1] == {
        "sessionId": first,
        "issuedMs": START_MS,
        "status": "accepted",
        "verdict": "Taken. Thank you: models learn from this drive. "
        "5 of its 6 pieces of five seconds are used.",
        "reason": None,
        "segments": 6,
        "segmentsPassed": 5,
        "alignmentGrade": "exact",
        "earnedLamports": None,
    }


def test_a_rejected_session_says_why_and_what_to_do(place: Place) -> None:
    player = place.player()
    judge(place, player.wallet, player.session(), status="rejected", reason="no_video")
    [shown] = place.http.get("/v1/sessions", headers=player.headers).json()["sessions"]
    assert (shown["status"], shown["reason"]) == ("rejected", "no_video")
    assert shown["verdict"] == SENTENCES[Reason.NO_VIDEO]


def test_an_accepted_session_that_a_rule_keeps_from_earning_says_why(place: Place) -> None:
    player = place.player()
    session_id = player.session()
    judge(place, player.wallet, session_id, status="accepted", segments=6, segments_passed=5)
    policy = PricePolicyRecord(policy_hash="p", version="v1", content="{}")
    ledger = Ledger(place.config.database_url)
    row = {"wallet": player.wallet, "session_id": session_id, "rule": "copied_drive"}
    nothing = pl.DataFrame(schema=LINES)

    def compute(unpaid: list[dict[str, str]]) -> dict[str, Any]:
        named = pl.DataFrame(unpaid, schema=dict.fromkeys(row, pl.String))
        ledger.record_day("2026-02-01", nothing, policy=policy, quality_hash="q", now_ms=1, unpaid=named)
        [shown] = place.http.get("/v1/sessions", headers=player.headers).json()["sessions"]
        return dict(shown)

    told = compute([row])
    assert (told["status"], told["reason"]) == ("accepted", "copied_drive")
    assert told["verdict"].startswith("Taken, but it earns nothing: the same drive was sent before.")
    lifted = compute([])
    assert (lifted["reason"], lifted["verdict"].startswith("Taken. Thank you")) == (None, True)


def test_every_rule_of_the_payouts_has_words_for_a_player() -> None:
    assert set(UNPAID) == {*RULES, NO_SERVER_SESSION}


def test_another_wallets_verdict_under_my_session_id_is_not_mine(place: Place) -> None:
    player, thief = place.player(), place.player()
    session_id = player.session()
    judge(place, thief.wallet, session_id, status="rejected", reason="session_id_taken")
    [shown] = place.http.get("/v1/sessions", headers=player.headers).json()["sessions"]
    assert shown["status"] == "issued"


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_words_for_a_player(reason: Reason) -> None:
    sentence = verdict_of("rejected", reason.value, None, None)
    assert sentence == SENTENCES[reason]
    assert reason.value not in sentence or " " not in reason.value.replace("_", " ")
    assert sentence.count(".") >= 2  # what is wrong, and what to do
    assert sentence.endswith(".")


@pytest.mark.parametrize("status", ["issued", "collecting", "quarantined", "rejected", "accepted"])
def test_a_reason_from_the_future_still_gets_a_sentence(status: str) -> None:
    assert verdict_of(status, "not_invented_yet", None, None).endswith(".")  # type: ignore[arg-type]
