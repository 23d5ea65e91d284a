"""Declaring files: their sizes, their hashes, and that nobody changes them later."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from scalediff_contract.sessions import parse_object_key
from tests.upload_api.conftest import CONTENTS, SUFFIXES, Place, assert_problem, declaration

GIBBERISH = "session_1769936404000_abcdefgh"


def declare(place: Place, headers: dict[str, str], session_id: str, files: dict[str, Any]) -> Any:
    return place.http.put(f"/v1/sessions/{session_id}/files", json={"files": files}, headers=headers)


def test_each_declared_file_gets_a_url_under_its_documented_key(place: Place) -> None:
    player = place.player()
    session_id = player.session()
    targets = player.targets(session_id, CONTENTS)
    assert list(targets) == list(CONTENTS)
    for label, target in targets.items():
        key = urlsplit(target["url"]).path.removeprefix("/v1/objects/")
        assert key == f"{player.wallet}/{session_id}{SUFFIXES[label]}"
        assert parse_object_key(key).upload_ms is None
        content_type = "video/webm" if label == "video" else "application/json"
        assert target["headers"] == {"Content-Type": content_type, "If-None-Match": "*"}
        assert (target["method"], target["stored"]) == ("PUT", False)


def test_a_sixth_file_may_come_along(place: Place) -> None:
    player = place.player()
    targets = player.targets(player.session(), {**CONTENTS, "source_video": b"source"})
    assert set(targets) == set(SUFFIXES)
    assert list(targets)[-1] == "meta"


@pytest.mark.parametrize("left_out", CONTENTS)
def test_all_five_files_are_needed(place: Place, left_out: str) -> None:
    player = place.player()
    answer = player.declare(player.session(), {k: v for k, v in CONTENTS.items() if k != left_out})
    assert left_out in assert_problem(answer, 422, "invalid-request")["detail"]


def test_an_unknown_file_is_refused(place: Place) -> None:
    player = place.player()
    answer = player.declare(player.session(), {**CONTENTS, "sourceVideo": b"x"})
    assert "sourceVideo" in assert_problem(answer, 422, "invalid-request")["detail"]


@pytest.mark.parametrize(
    ("label", "size", "bound"),
    [
        ("video", 0, "minimum 1"),
        ("inputs", -5, "minimum 1"),
        ("video", 64_000_001, "maximum 64000000"),
        ("source_video", 64_000_001, "maximum 64000000"),
        ("camera", 8_000_001, "maximum 8000000"),
        ("meta", 64_001, "maximum 64000"),
        ("latency", 10**40, "maximum 8000000"),
    ],
)
def test_a_size_out_of_bounds_is_named_with_its_limit(
    place: Place, label: str, size: int, bound: str
) -> None:
    player = place.player()
    session_id = player.session()
    files = declaration({**CONTENTS, "source_video": b"x"})
    files[label]["size"] = size
    problem = assert_problem(declare(place, player.headers, session_id, files), 422, "wrong-size")
    assert problem["detail"].startswith(f"{label} has {size} bytes ({bound})")
    assert (problem["file"], problem["sizeBytes"]) == (label, size)
    assert player.stored(session_id) == {}


@pytest.mark.parametrize("label", ["video", "meta"])
def test_the_largest_sizes_are_taken(place: Place, label: str) -> None:
    player = place.player()
    files = declaration(CONTENTS)
    files[label]["size"] = {"video": 64_000_000, "meta": 64_000}[label]
    assert declare(place, player.headers, player.session(), files).status_code == 200


@pytest.mark.parametrize("size", ["5", 5.0, True, None, [5]])
def test_a_size_is_a_whole_number(place: Place, size: object) -> None:
    player = place.player()
    files = declaration(CONTENTS)
    files["video"]["size"] = size
    assert_problem(declare(place, player.headers, player.session(), files), 422, "invalid-request")


@pytest.mark.parametrize("sha256", ["", "0" * 63, "G" * 64, "A" * 64, "0" * 64 + "\n"])
def test_a_hash_is_64_lower_case_hex_digits(place: Place, sha256: str) -> None:
    player = place.player()
    files = declaration(CONTENTS)
    files["video"]["sha256"] = sha256
    assert_problem(declare(place, player.headers, player.session(), files), 422, "invalid-request")


def test_the_same_declaration_gives_fresh_urls(place: Place) -> None:
    player = place.player()
    session_id = player.session()
    first = player.targets(session_id, CONTENTS)
    place.clock.turn_s(601)
    assert_problem(player.put(first["video"], CONTENTS["video"]), 403, "expired-url")
    second = player.targets(session_id, CONTENTS)
    assert first["video"]["url"] != second["video"]["url"]
    assert player.put(second["video"], CONTENTS["video"]).status_code == 200


@pytest.mark.parametrize(
    "edited",
    [{"inputs": b"[9]"}, {"video": b"another video"}, {"source_video": b"new"}],
)
def test_a_recording_edited_after_the_fact_is_refused(place: Place, edited: dict[str, bytes]) -> None:
    player = place.player()
    session_id = player.session()
    player.targets(session_id, CONTENTS)
    problem = assert_problem(player.declare(session_id, {**CONTENTS, **edited}), 409, "files-frozen")
    assert problem["files"] == list(edited)
    assert "edited after the fact" in problem["detail"]
    assert set(player.stored(session_id)) == set(CONTENTS)


def test_a_sixth_file_cannot_be_taken_back(place: Place) -> None:
    player = place.player()
    session_id = player.session()
    player.targets(session_id, {**CONTENTS, "source_video": b"source"})
    problem = assert_problem(player.declare(session_id, CONTENTS), 409, "files-frozen")
    assert problem["files"] == ["source_video"]


def test_another_wallets_session_is_not_there(place: Place) -> None:
    owner, stranger = place.player(), place.player()
    session_id = owner.session()
    foreign = assert_problem(stranger.declare(session_id, CONTENTS), 404, "no-such-session")
    unknown = assert_problem(stranger.declare(GIBBERISH, CONTENTS), 404, "no-such-session")
    assert foreign["detail"].replace(session_id, "") == unknown["detail"].replace(GIBBERISH, "")
    answer = place.http.get(f"/v1/sessions/{session_id}/files", headers=stranger.headers)
    assert_problem(answer, 404, "no-such-session")
    assert owner.stored(session_id) == {}


@pytest.mark.parametrize(
    "session_id",
    [
        "x",
        "session_1_a",
        *(f"session_1769936404000_{end}" for end in ("ABC", "a%0A", "..", "a%00", "a" * 17)),
    ],
)
def test_only_a_session_id_names_a_session(place: Place, session_id: str) -> None:
    answer = place.player().declare(session_id, CONTENTS)
    assert_problem(answer, 422, "invalid-request")


@pytest.mark.parametrize("path", ["/v1/sessions/../files", "/v1/sessions/..%2F..%2Fx/files"])
def test_path_tricks_lead_nowhere(place: Place, path: str) -> None:
    answer = place.http.put(path, json={"files": declaration(CONTENTS)}, headers=place.player().headers)
    assert answer.status_code in (404, 405)
    assert place.stored_keys() == []


def test_a_session_expires(place: Place) -> None:
    player = place.player()
    session_id = player.session()
    place.clock.turn_s(24 * 3600)
    assert_problem(player.sign_in().declare(session_id, CONTENTS), 410, "session-expired")


def test_a_clients_clock_never_counts(place: Place) -> None:
    """Every time in a request is the server's own, whatever the client believes."""
    player = place.player()
    session_id = player.session()
    for date in ("Mon, 01 Jan 2001 00:00:00 GMT", "Fri, 01 Jan 2100 00:00:00 GMT"):
        player.headers["Date"] = date
        targets = player.targets(session_id, CONTENTS)
    assert player.put(targets["video"], CONTENTS["video"], Date=date).status_code == 200
    [key] = place.stored_keys()
    assert key.startswith("2026-02-01-09/")


def test_behind_a_public_url_the_objects_urls_begin_with_it(make_place: Any) -> None:
    place = make_place(public_url="https://play.example/api")
    player = place.player()
    assert "play.example asks you" in player.challenge()["message"]
    targets = player.targets(player.session(), CONTENTS)
    assert targets["meta"]["url"].startswith("https://play.example/api/v1/objects/")
