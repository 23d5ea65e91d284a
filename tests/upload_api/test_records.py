"""The rows, on SQLite and on a real Postgres."""

import threading
from collections.abc import Callable

import pytest

from scalediff_contract.sessions import BundleFile
from scalediff_contract.uploads import DeclaredFile
from upload_api.records import CLAIM_MS, HOUR_MS, QuotaError, Records, UploadSession

NOW_MS = 1_769_936_404_000
FILES = {
    file: DeclaredFile(size_bytes=number + 1, sha256=f"{number:064x}")
    for number, file in enumerate(list(BundleFile)[:5])
}


def session(number: int, *, wallet: str = "w", address: str = "a", at_ms: int = NOW_MS) -> UploadSession:
    return UploadSession(
        session_id=f"session_{at_ms}_{number:08d}", wallet=wallet, address=address,
        issued_ms=at_ms, expires_ms=at_ms + HOUR_MS,
    )  # fmt: skip


def issue(records: Records, made: UploadSession, limit: int = 100) -> UploadSession:
    records.issue(made, per_wallet=limit, per_address=limit)
    return made


def at_once(*work: Callable[[], object]) -> None:
    threads = [threading.Thread(target=item) for item in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_of_many_that_use_a_nonce_one_wins(database_url: str) -> None:
    records, won = Records(database_url), []

    def use() -> None:
        won.append(records.use_nonce("n", expires_ms=NOW_MS + 1000, now_ms=NOW_MS))

    at_once(*[use] * 8)
    assert sorted(won) == [False] * 7 + [True]
    assert records.use_nonce("m", expires_ms=NOW_MS + 1000, now_ms=NOW_MS)


def test_a_session_belongs_to_its_wallet(database_url: str) -> None:
    records = Records(database_url)
    made = issue(records, session(1))
    assert records.session("w", made.session_id) == made
    assert records.session("v", made.session_id) is None
    assert records.session("w", "session_1769936404000_zzzzzzzz") is None


def test_the_quota_counts_the_last_hour_by_wallet_and_by_address(database_url: str) -> None:
    records = Records(database_url)
    issue(records, session(1, at_ms=NOW_MS - HOUR_MS + 5_000), limit=2)
    issue(records, session(2), limit=2)
    with pytest.raises(QuotaError) as caught:
        issue(records, session(3), limit=2)
    assert (caught.value.whose, caught.value.retry_after_s) == ("wallet", 5)
    with pytest.raises(QuotaError, match="this address had its 2 sessions"):
        issue(records, session(3, wallet="v"), limit=2)
    issue(records, session(3, wallet="v", address="b"), limit=2)
    issue(records, session(4, at_ms=NOW_MS + 5_000), limit=2)
    with pytest.raises(QuotaError) as caught:
        issue(records, session(5, wallet="u", address="c"), limit=0)
    assert caught.value.retry_after_s == 3600


def test_the_first_declaration_holds(database_url: str) -> None:
    records = Records(database_url)
    session_id = issue(records, session(1)).session_id
    assert records.files(session_id) == {}
    records.declare(session_id, FILES)
    other = {file: DeclaredFile(size_bytes=9, sha256="f" * 64) for file in BundleFile}
    records.declare(session_id, other)
    found = records.files(session_id)
    assert list(found) == list(FILES)
    assert {file: (f.size_bytes, f.sha256) for file, f in found.items()} == {
        file: (f.size_bytes, f.sha256) for file, f in FILES.items()
    }


def test_of_two_declarations_at_once_one_holds_whole(database_url: str) -> None:
    records = Records(database_url)
    for number in range(10):
        session_id = issue(records, session(number)).session_id
        six = {file: DeclaredFile(size_bytes=9, sha256="f" * 64) for file in BundleFile}
        at_once(
            lambda s=session_id: records.declare(s, FILES),  # type: ignore[misc]
            lambda s=session_id, f=six: records.declare(s, f),  # type: ignore[misc]
        )
        found = records.files(session_id)
        sizes = {record.size_bytes for record in found.values()}
        assert (len(found), sizes) in [(5, {1, 2, 3, 4, 5}), (6, {9})]


def test_a_claim_holds_until_its_writer_must_be_dead(database_url: str) -> None:
    records = Records(database_url)
    session_id = issue(records, session(1)).session_id
    records.declare(session_id, FILES)

    def claim(key: str, now_ms: int) -> str:
        return records.claim(session_id, BundleFile.VIDEO, key, now_ms=now_ms)

    assert claim("09/video", NOW_MS) == "09/video"
    assert claim("10/video", NOW_MS + CLAIM_MS) == "09/video"
    assert claim("10/video", NOW_MS + CLAIM_MS + 1) == "10/video"
    found = records.files(session_id)
    assert found[BundleFile.VIDEO].store_key == "10/video"
    assert found[BundleFile.META].store_key is None


def test_a_wallets_sessions_come_newest_first(database_url: str) -> None:
    records = Records(database_url)
    for number in range(3):
        issue(records, session(number, at_ms=NOW_MS + number))
    issue(records, session(9, wallet="v"))
    states = records.states("w")
    assert [state.issued_ms for state in states] == [NOW_MS + 2, NOW_MS + 1, NOW_MS]
    assert {state.status for state in states} == {None}
