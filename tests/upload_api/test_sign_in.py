"""Sign-in by wallet, and every way in which it must fail."""

import json
import string

import httpx2 as httpx
import jwt
import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from resources.database import open_database
from resources.database.tables import upload_nonces
from tests.upload_api.conftest import START_MS, Place, Player, assert_problem
from upload_api import base58
from upload_api.secret import key_for

JSON = {"Content-Type": "application/json"}
WALLET = base58.encode(Ed25519PrivateKey.from_private_bytes(b"\3" * 32).public_key().public_bytes_raw())


def nonces(place: Place) -> int:
    with open_database(place.config.database_url).connect() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(upload_nonces)).scalar_one())


def sign_in(place: Place, body: object) -> httpx.Response:
    answer: httpx.Response = place.http.post("/v1/sign-in", json=body)
    return answer


def test_a_signed_challenge_gives_a_token_that_opens_sessions(place: Place) -> None:
    player = Player(place.http)
    challenge = player.challenge()
    assert challenge["expiresMs"] == START_MS + 300_000
    answer = sign_in(place, player.signed(challenge))
    assert answer.status_code == 200
    assert answer.json()["expiresMs"] == START_MS + 1_800_000
    headers = {"Authorization": f"Bearer {answer.json()['token']}"}
    assert place.http.get("/v1/sessions", headers=headers).json() == {"sessions": []}


def test_the_message_says_who_asks_whom_for_what_and_until_when(place: Place) -> None:
    player = Player(place.http)
    challenge = player.challenge()
    assert challenge["message"] == (
        f"localhost asks you to sign in with your wallet:\n{player.wallet}\n\n"
        "Signing costs nothing and moves nothing. Your recordings will be credited to this wallet.\n\n"
        f"Nonce: {challenge['nonce']}\nIssued at: 2026-02-01T09:00:04Z\nExpires at: 2026-02-01T09:05:04Z"
    )


def test_unsigned_challenges_leave_nothing_behind(place: Place) -> None:
    for _ in range(20):
        Player(place.http).challenge()
    assert nonces(place) == 0


def test_a_challenge_works_once(place: Place) -> None:
    player = Player(place.http)
    body = player.signed(player.challenge())
    assert sign_in(place, body).status_code == 200
    assert_problem(sign_in(place, body), 409, "nonce-used")


def test_a_challenge_expires(place: Place) -> None:
    player = Player(place.http)
    body = player.signed(player.challenge())
    place.clock.turn_s(300)
    assert_problem(sign_in(place, body), 401, "expired-nonce")
    assert nonces(place) == 0


def test_used_challenges_are_forgotten_after_they_expire(place: Place) -> None:
    place.player()
    place.player()
    assert nonces(place) == 2
    place.clock.turn_s(301)
    place.player()
    assert nonces(place) == 1


def test_another_wallets_signature_is_refused(place: Place) -> None:
    player, thief = Player(place.http), Player(place.http)
    body = player.signed(player.challenge())
    signature = thief.signed(player.challenge())["signature"]
    assert_problem(sign_in(place, {**body, "signature": signature}), 401, "wrong-signature")
    assert_problem(sign_in(place, {**body, "wallet": thief.wallet}), 401, "wrong-wallet")


def test_a_signature_over_another_text_is_refused(place: Place) -> None:
    player = Player(place.http)
    challenge = player.challenge()
    body = player.signed({**challenge, "message": challenge["message"] + " "})
    assert_problem(sign_in(place, body), 401, "wrong-signature")


def test_an_invented_nonce_is_refused(place: Place) -> None:
    player = Player(place.http)
    challenge = player.challenge()
    for nonce in ("x", "A" * 118, challenge["nonce"][:-1] + "!", challenge["nonce"][::-1]):
        answer = sign_in(place, {**player.signed(challenge), "nonce": nonce})
        assert answer.status_code in (401, 422)


def test_the_same_nonce_spelt_otherwise_is_refused(place: Place) -> None:
    player = Player(place.http)
    challenge = player.challenge()
    alphabet = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
    # The last four bits decode to nothing.
    spelt = challenge["nonce"][:-1] + alphabet[alphabet.index(challenge["nonce"][-1]) ^ 1]
    assert_problem(sign_in(place, {**player.signed(challenge), "nonce": spelt}), 401, "invalid-nonce")


@pytest.mark.parametrize(
    "wallet",
    [
        "",
        "../x",
        "test",
        WALLET + "/..",
        WALLET + "\n",
        "0" * 44,
        "1" * 44,
        "z" * 44,
        WALLET[:-2],
        "\ud800" * 40,
    ],
)
def test_no_other_text_is_a_wallet(place: Place, wallet: str) -> None:
    answer = place.http.post("/v1/sign-in/challenges", content=json.dumps({"wallet": wallet}), headers=JSON)
    slug = "invalid-wallet" if wallet in ("1" * 44, "z" * 44, WALLET[:-2]) else "invalid-request"
    assert_problem(answer, 422, slug)


def test_the_system_programs_address_is_no_wallet(place: Place) -> None:
    answer = place.http.post("/v1/sign-in/challenges", json={"wallet": "1" * 32})
    assert_problem(answer, 422, "invalid-wallet")


def test_without_a_token_nothing_is_given(place: Place) -> None:
    for method, path in (("POST", "/v1/sessions"), ("GET", "/v1/sessions")):
        answer = place.http.request(method, path)
        assert_problem(answer, 401, "not-signed-in")
        assert answer.headers["www-authenticate"] == "Bearer"
    session = "/v1/sessions/session_1769936404000_abcdefgh/files"
    assert_problem(place.http.get(session), 401, "not-signed-in")


def test_a_token_expires(place: Place) -> None:
    player = place.player()
    place.clock.turn_s(1799)
    player.session()
    place.clock.turn_s(1)
    assert_problem(place.http.get("/v1/sessions", headers=player.headers), 401, "expired-token")


@pytest.mark.parametrize("changed", [{"aud": "other"}, {"exp": None}, {"sub": None}])
def test_a_token_for_something_else_is_refused(place: Place, changed: dict[str, object]) -> None:
    claims = {"sub": WALLET, "aud": "scalediff-upload", "exp": 2_000_000_000, **changed}
    claims = {name: value for name, value in claims.items() if value is not None}
    token = jwt.encode(claims, key_for(place.config.secret, "tokens"), algorithm="HS256")
    answer = place.http.get("/v1/sessions", headers={"Authorization": f"Bearer {token}"})
    assert_problem(answer, 401, "invalid-token")


def test_a_token_by_another_key_or_none_is_refused(place: Place) -> None:
    claims = {"sub": WALLET, "aud": "scalediff-upload", "exp": 2_000_000_000}
    forged = jwt.encode(claims, b"another secret of thirty-two bytes", algorithm="HS256")
    unsigned = jwt.encode(claims, "", algorithm="none")
    for token in (forged, unsigned, "rubbish", "a.b.c"):
        answer = place.http.get("/v1/sessions", headers={"Authorization": f"Bearer {token}"})
        assert_problem(answer, 401, "invalid-token")
