"""What is true of every path: problems for errors, bounded bodies, rates, origins, the game's files."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.upload_api.conftest import CONTENTS, START_MS, Place, assert_problem
from upload_api.config import UploadLimits
from upload_api.records import Records

ORIGIN = {"Origin": "https://play.example"}


def test_the_servers_time_is_told_to_anybody(place: Place) -> None:
    assert place.http.get("/v1/time").json() == {"serverMs": START_MS}
    place.clock.now_ms += 0.25
    assert place.http.get("/v1/time").json() == {"serverMs": START_MS + 0.25}


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/session", "/v1/objects/x", "/v2/time", "/é"])
def test_an_unknown_path_is_a_problem(place: Place, path: str) -> None:
    assert_problem(place.http.get(path), 404, "not-found")


def test_another_method_is_a_problem_that_names_the_right_one(place: Place) -> None:
    answer = place.http.delete("/v1/time")
    assert_problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == "GET"


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b'{"wallet": 5}', b'{"wallet": NaN}'])
def test_a_broken_body_is_a_problem(place: Place, body: bytes) -> None:
    answer = place.http.post(
        "/v1/sign-in/challenges", content=body, headers={"Content-Type": "application/json"}
    )
    problem = assert_problem(answer, 422, "invalid-request")
    assert problem["errors"][0]["at"].startswith("body")


def test_a_body_that_is_no_text_is_a_problem(place: Place) -> None:
    headers = {"Content-Type": "application/json"}
    answer = place.http.post("/v1/sign-in/challenges", content=b"\xff", headers=headers)
    assert_problem(answer, 400, "bad-request")


def test_an_unexpected_failure_says_nothing_of_its_cause(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    player = place.player()

    def fail(*_: object) -> None:
        raise RuntimeError("the password is swordfish")

    monkeypatch.setattr(Records, "states", fail)
    answer = place.http.get("/v1/sessions", headers=player.headers)
    assert_problem(answer, 500, "internal-error")
    assert "swordfish" not in answer.text
    assert "Traceback" not in answer.text


def test_a_store_that_fails_is_a_503_and_nothing_is_stored(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    player = place.player()
    targets = player.targets(player.session(), CONTENTS)
    (Path(place.config.raw_url)).write_text("a file where the store's folder should be")
    answer = player.put(targets["video"], CONTENTS["video"])
    assert_problem(answer, 503, "store-unavailable")
    assert answer.headers["retry-after"] == "5"
    assert place.config.raw_url not in answer.text


def test_a_large_body_is_refused_before_it_is_read(place: Place) -> None:
    text = json.dumps({"wallet": "x" * 64_000})
    assert_problem(place.http.post("/v1/sign-in/challenges", content=text), 413, "body-too-large")
    assert_problem(
        place.http.post("/v1/sign-in/challenges", content=iter([text.encode()])), 413, "body-too-large"
    )


def test_a_body_in_many_pieces_arrives_whole(place: Place) -> None:
    from tests.upload_api.conftest import Player

    text = json.dumps({"wallet": Player(place.http).wallet}).encode()
    pieces = iter([text[:10], b"", text[10:]])
    headers = {"Content-Type": "application/json"}
    assert place.http.post("/v1/sign-in/challenges", content=pieces, headers=headers).status_code == 201


def test_a_flood_from_one_address_leaves_others_and_the_health_check_alone(
    make_place: Callable[..., Place],
) -> None:
    place = make_place(trust_proxy=True)
    flood, other = {"X-Forwarded-For": "203.0.113.7"}, {"X-Forwarded-For": "198.51.100.1"}
    statuses = []
    for _ in range(800):
        statuses.append(place.http.get("/v1/time", headers=flood).status_code)
        place.clock.turn_s(60 / 10_000)
    assert statuses[:600] == [200] * 600
    assert 640 <= statuses.count(200) <= 655
    place.http.get("/v1/time", headers=flood)  # may find the last token
    answer = place.http.get("/v1/time", headers=flood)
    assert_problem(answer, 429, "too-many-requests")
    assert int(answer.headers["retry-after"]) == answer.json()["retryAfterS"] == 1
    assert place.http.get("/v1/time", headers=other).status_code == 200
    assert place.http.get("/healthz", headers=flood).json() == {"status": "ok"}


def test_a_wallet_has_a_rate_of_its_own(make_place: Callable[..., Place]) -> None:
    place = make_place(limits=UploadLimits(wallet_requests_per_minute=5))
    player, other = place.player(), place.player()
    answers = [place.http.get("/v1/sessions", headers=player.headers) for _ in range(6)]
    assert [answer.status_code for answer in answers[:5]] == [200] * 5
    assert "this wallet" in assert_problem(answers[5], 429, "too-many-requests")["detail"]
    other.session()


@pytest.mark.parametrize(
    ("trust_proxy", "hops", "same"),
    [
        (False, "203.0.113.{}", True),
        (True, "203.0.113.{}", False),
        (True, "203.0.113.{}, 198.51.100.1", True),
    ],
)
def test_whom_a_forged_hop_fools(
    make_place: Callable[..., Place], trust_proxy: bool, hops: str, same: bool
) -> None:
    """Only the trusted proxy's own entry, the last, names the client."""
    place = make_place(trust_proxy=trust_proxy, limits=UploadLimits(requests_per_minute=3))
    statuses = [
        place.http.get("/v1/time", headers={"X-Forwarded-For": hops.format(n)}).status_code for n in range(6)
    ]
    assert statuses == ([200] * 3 + [429] * 3 if same else [200] * 6)


def test_any_page_may_call_but_without_credentials(place: Place) -> None:
    answer = place.http.get("/v1/time", headers=ORIGIN)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    assert {"ETag", "Retry-After"} <= set(answer.headers["access-control-expose-headers"].split(", "))


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/v1/sessions", "authorization"),
        ("PUT", "/v1/sessions/x/files", "authorization, content-type"),
        ("PUT", "/v1/objects/w/x", "content-type, if-none-match"),
    ],
)
def test_a_browsers_preflight_is_answered(place: Place, method: str, path: str, headers: str) -> None:
    asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": headers}
    assert place.http.options(path, headers={**ORIGIN, **asked}).status_code == 200


def test_only_the_named_origins_may_call(make_place: Callable[..., Place]) -> None:
    place = make_place(origins=("https://play.example",))
    allowed = place.http.get("/v1/time", headers=ORIGIN)
    assert allowed.headers["access-control-allow-origin"] == "https://play.example"
    foreign = place.http.get("/v1/time", headers={"Origin": "https://evil.example"})
    assert "access-control-allow-origin" not in foreign.headers


def test_a_page_can_read_a_refusal(make_place: Callable[..., Place]) -> None:
    place = make_place(limits=UploadLimits(requests_per_minute=1))
    place.http.get("/v1/time")
    answer = place.http.get("/v1/time", headers=ORIGIN)
    assert answer.status_code == 429
    assert answer.headers["access-control-allow-origin"] == "*"


def test_the_games_files_are_served_beside_the_api(make_place: Callable[..., Place], tmp_path: Path) -> None:
    game = tmp_path / "game"
    game.mkdir()
    (game / "index.html").write_text("<title>drive</title>")
    (tmp_path / "outside.txt").write_text("secret")
    place = make_place(game_dir=game)
    assert place.http.get("/").text == "<title>drive</title>"
    assert place.http.get("/v1/time").status_code == 200
    assert_problem(place.http.get("/missing.js"), 404, "not-found")
    assert_problem(place.http.get("/..%2Foutside.txt"), 404, "not-found")


def test_the_description_names_problems_as_the_answer_to_failures(place: Place) -> None:
    document: dict[str, Any] = place.http.get("/openapi.json").json()
    assert "HTTPValidationError" not in document["components"]["schemas"]
    for path in document["paths"].values():
        for operation in path.values():
            assert "application/problem+json" in operation["responses"]["default"]["content"]
            assert "422" not in operation["responses"]
