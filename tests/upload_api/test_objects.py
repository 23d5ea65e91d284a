"""The embedded store's side: what is not exactly as signed leaves nothing behind."""

import hashlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import pytest

from resources.upload_queue import logical_key_of
from tests.upload_api.conftest import CONTENTS, SUFFIXES, Place, Player, assert_problem

ORDER = ("video", "inputs", "camera", "latency", "meta")


@pytest.fixture
def player(place: Place) -> Player:
    return place.player()


@pytest.fixture
def session_id(player: Player) -> str:
    return player.session()


@pytest.fixture
def targets(player: Player, session_id: str) -> dict[str, Any]:
    return player.targets(session_id, CONTENTS)


def changed(target: dict[str, Any], **query: str) -> dict[str, Any]:
    parts = urlsplit(target["url"])
    fields = {**dict(parse_qsl(parts.query)), **query}
    return {**target, "url": urlunsplit(parts._replace(query=urlencode(fields)))}


def test_a_bundle_arrives_under_its_hour_and_its_documented_names(
    place: Place, player: Player, session_id: str, targets: dict[str, Any]
) -> None:
    for label in ORDER:
        answer = player.put(targets[label], CONTENTS[label])
        assert answer.status_code == 200, answer.text
        assert answer.headers["etag"].startswith('"')
    keys = place.stored_keys()
    assert {key.partition("/")[0] for key in keys} == {"2026-02-01-09"}
    assert {logical_key_of(key) for key in keys} == {
        f"{player.wallet}/{session_id}{SUFFIXES[label]}" for label in ORDER
    }
    assert all(player.stored(session_id).values())
    assert [place.store.get(key) for key in keys] == [
        CONTENTS[label] for label in sorted(ORDER, key=SUFFIXES.__getitem__)
    ]


def test_what_is_stored_is_never_overwritten(
    place: Place, player: Player, session_id: str, targets: dict[str, Any]
) -> None:
    assert player.put(targets["inputs"], CONTENTS["inputs"]).status_code == 200
    before = list(place.store.list())
    assert_problem(player.put(targets["inputs"], CONTENTS["inputs"]), 412, "already-stored")
    place.clock.turn_s(3600)  # another hour of arrival, another folder
    fresh = player.sign_in().targets(session_id, CONTENTS)
    assert fresh["inputs"]["stored"] is True
    assert_problem(player.put(fresh["inputs"], CONTENTS["inputs"]), 412, "already-stored")
    assert list(place.store.list()) == before


def test_the_meta_comes_last(place: Place, player: Player, targets: dict[str, Any]) -> None:
    problem = assert_problem(player.put(targets["meta"], CONTENTS["meta"]), 409, "meta-too-early")
    assert problem["missing"] == ["video", "inputs", "camera", "latency"]
    for label in ORDER[:3]:
        player.put(targets[label], CONTENTS[label])
    problem = assert_problem(player.put(targets["meta"], CONTENTS["meta"]), 409, "meta-too-early")
    assert problem["missing"] == ["latency"]
    assert len(place.stored_keys()) == 3


def test_a_declared_sixth_file_comes_before_the_meta(place: Place, player: Player, session_id: str) -> None:
    contents = {**CONTENTS, "source_video": b"source"}
    targets = player.targets(session_id, contents)
    for label in ORDER[:4]:
        player.put(targets[label], contents[label])
    problem = assert_problem(player.put(targets["meta"], contents["meta"]), 409, "meta-too-early")
    assert problem["missing"] == ["source_video"]
    assert player.put(targets["source_video"], b"source").status_code == 200
    assert player.put(targets["meta"], contents["meta"]).status_code == 200


@pytest.mark.parametrize("body", [b"", b"webm", CONTENTS["video"] + b"!"])
def test_another_size_is_refused(place: Place, player: Player, targets: dict[str, Any], body: bytes) -> None:
    problem = assert_problem(player.put(targets["video"], body), 400, "wrong-size")
    assert f"(signed: {len(CONTENTS['video'])})" in problem["detail"]
    assert place.stored_keys() == []


def test_another_content_is_refused(place: Place, player: Player, targets: dict[str, Any]) -> None:
    edited = b"W" + CONTENTS["video"][1:]
    problem = assert_problem(player.put(targets["video"], edited), 400, "wrong-hash")
    assert hashlib.sha256(edited).hexdigest() in problem["detail"]
    assert place.stored_keys() == []


def test_another_type_is_refused(place: Place, player: Player, targets: dict[str, Any]) -> None:
    answer = player.put(targets["video"], CONTENTS["video"], **{"Content-Type": "text/html"})
    assert_problem(answer, 415, "wrong-type")
    assert place.stored_keys() == []


def test_a_put_that_could_overwrite_is_refused(place: Place, player: Player, targets: dict[str, Any]) -> None:
    for value in ("", '"etag"'):
        answer = player.put(targets["video"], CONTENTS["video"], **{"If-None-Match": value})
        assert_problem(answer, 428, "if-none-match-required")
    assert place.stored_keys() == []


def test_a_body_in_chunks_is_refused(place: Place, targets: dict[str, Any]) -> None:
    def chunks() -> Iterator[bytes]:
        yield CONTENTS["video"]

    target = targets["video"]
    answer = place.http.put(target["url"], content=chunks(), headers=target["headers"])
    assert_problem(answer, 411, "length-required")
    assert place.stored_keys() == []


@pytest.mark.parametrize(
    "query",
    [
        {"expires": "1999999999"},
        {"size": "401"},
        {"sha256": hashlib.sha256(b"other").hexdigest()},
        {"type": "text/html"},
        {"signature": "0" * 64},
        {"signature": "é"},
        {"sha256": "a\nb"},
    ],
)
def test_a_changed_url_is_refused(
    place: Place, player: Player, targets: dict[str, Any], query: dict[str, str]
) -> None:
    answer = player.put(changed(targets["video"], **query), CONTENTS["video"])
    assert_problem(answer, 403, "invalid-signature")
    assert place.stored_keys() == []


def test_a_url_for_another_key_is_refused(
    place: Place, player: Player, session_id: str, targets: dict[str, Any]
) -> None:
    url = targets["inputs"]["url"]
    stranger = place.player()
    for other in (
        url.replace("_inputs.json", "_camera.json"),
        url.replace(player.wallet, stranger.wallet),
        url.replace(session_id, session_id[:-1] + ("0" if session_id[-1] != "0" else "1")),
    ):
        answer = player.put({**targets["inputs"], "url": other}, CONTENTS["inputs"])
        assert_problem(answer, 403, "invalid-signature")
    assert place.stored_keys() == []


@pytest.mark.parametrize(
    "name", ["x.webm", "session_1769936404000_ab.exe", "..%5Cx", "session_1769936404000_ab.webm%00"]
)
def test_a_name_that_is_no_bundles_file_is_refused(
    place: Place, player: Player, targets: dict[str, Any], name: str
) -> None:
    query = urlsplit(targets["video"]["url"]).query
    target = {**targets["video"], "url": f"/v1/objects/{player.wallet}/{name}?{query}"}
    assert_problem(player.put(target, CONTENTS["video"]), 422, "invalid-key")
    assert place.stored_keys() == []


def test_a_url_expires(place: Place, player: Player, targets: dict[str, Any]) -> None:
    place.clock.turn_s(600)
    assert_problem(player.put(targets["video"], CONTENTS["video"]), 403, "expired-url")
    assert place.stored_keys() == []


def test_an_upload_goes_on_after_some_files_in_another_hour(
    place: Place, player: Player, session_id: str, targets: dict[str, Any]
) -> None:
    for label in ORDER[:2]:
        player.put(targets[label], CONTENTS[label])
    place.clock.turn_s(2 * 3600)
    fresh = player.sign_in().targets(session_id, CONTENTS)
    assert {label for label, target in fresh.items() if target["stored"]} == set(ORDER[:2])
    for label in ORDER[2:]:
        assert player.put(fresh[label], CONTENTS[label]).status_code == 200
    assert {key.partition("/")[0] for key in place.stored_keys()} == {"2026-02-01-09", "2026-02-01-11"}
    assert all(player.stored(session_id).values())
