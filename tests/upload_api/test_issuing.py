"""Session ids and their quotas."""

from collections.abc import Callable

from scalediff_contract.sessions import SESSION_ID_PATTERN
from tests.upload_api.conftest import START_MS, Place, assert_problem
from upload_api.config import UploadLimits
from upload_api.issuing import new_session_id


def test_the_server_names_the_session_by_its_own_clock(place: Place) -> None:
    player = place.player()
    issued = place.http.post("/v1/sessions", headers=player.headers).json()
    assert issued["sessionId"].startswith(f"session_{START_MS:.0f}_")
    assert (issued["issuedMs"], issued["expiresMs"]) == (START_MS, START_MS + 24 * 3_600_000)


def test_session_ids_have_the_contracts_form_and_do_not_repeat() -> None:
    made = [new_session_id(1_769_936_404_000) for _ in range(1_000)]
    assert all(SESSION_ID_PATTERN.fullmatch(session_id) for session_id in made)
    assert len(set(made)) == 1_000


def test_a_wallet_has_its_sessions_of_the_hour(make_place: Callable[..., Place]) -> None:
    place = make_place(limits=UploadLimits(wallet_sessions_per_hour=3))
    player, other = place.player(), place.player()
    for _ in range(3):
        player.session()
        place.clock.turn_s(60)
    answer = place.http.post("/v1/sessions", headers=player.headers)
    assert "its 3 sessions of the hour" in assert_problem(answer, 429, "too-many-requests")["detail"]
    assert answer.headers["retry-after"] == str(3600 - 180)
    other.session()
    place.clock.turn_s(3600 - 180)
    player.sign_in().session()


def test_an_address_has_its_sessions_of_the_hour(make_place: Callable[..., Place]) -> None:
    place = make_place(limits=UploadLimits(address_sessions_per_hour=2), trust_proxy=True)
    players = [place.player() for _ in range(3)]
    for player in players[:2]:
        player.session()
    answer = place.http.post("/v1/sessions", headers=players[2].headers)
    assert "this address" in assert_problem(answer, 429, "too-many-requests")["detail"]
    elsewhere = {**players[2].headers, "X-Forwarded-For": "198.51.100.1"}
    assert place.http.post("/v1/sessions", headers=elsewhere).status_code == 201
