"""Uploads straight to S3, on moto's server: what the URL signs, and that the API sees what arrived."""

import base64
import hashlib
import itertools
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
import pytest

from scalediff_contract.sessions import parse_object_key
from tests.conftest import AWS_REGION
from tests.upload_api.conftest import CONTENTS, SUFFIXES, Place, assert_problem

_NUMBERS = itertools.count()


@pytest.fixture
def bucket(aws: Callable[[str], Any]) -> str:
    name = f"uploads-{next(_NUMBERS)}"
    aws("s3").create_bucket(Bucket=name)
    return name


@pytest.fixture
def s3_place(make_place: Callable[..., Place], bucket: str, aws_endpoint: str) -> Place:
    return make_place(raw_url=f"s3://{bucket}/raw", s3_endpoint_url=aws_endpoint, s3_region=AWS_REGION)


def keys(aws: Callable[[str], Any], bucket: str) -> list[str]:
    return [item["Key"] for item in aws("s3").list_objects_v2(Bucket=bucket).get("Contents", ())]


def test_the_url_signs_size_type_hash_and_no_overwriting(s3_place: Place, bucket: str) -> None:
    player = s3_place.player()
    session_id = player.session()
    target = player.targets(session_id, CONTENTS)["video"]
    parts = urlsplit(target["url"])
    query = parse_qs(parts.query)
    assert parts.path == f"/{bucket}/raw/{player.wallet}/{session_id}.webm"
    assert query["X-Amz-SignedHeaders"] == [
        "content-length;content-type;host;if-none-match;x-amz-checksum-sha256"
    ]
    assert query["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]
    assert query["X-Amz-Expires"] == ["600"]
    checksum = base64.b64encode(hashlib.sha256(CONTENTS["video"]).digest()).decode()
    assert target["headers"] == {
        "Content-Type": "video/webm", "If-None-Match": "*", "x-amz-checksum-sha256": checksum,
    }  # fmt: skip


def test_a_bundle_goes_to_the_bucket_and_is_seen_there(
    s3_place: Place, bucket: str, aws: Callable[[str], Any]
) -> None:
    player = s3_place.player()
    session_id = player.session()
    targets = player.targets(session_id, CONTENTS)
    assert not any(player.stored(session_id).values())
    for number, (label, content) in enumerate(CONTENTS.items()):
        with httpx.Client() as browser:
            answer = browser.put(targets[label]["url"], content=content, headers=targets[label]["headers"])
        assert answer.status_code == 200, answer.text
        assert sum(player.stored(session_id).values()) == number + 1
    assert all(target["stored"] for target in player.targets(session_id, CONTENTS).values())
    found = keys(aws, bucket)
    assert {parse_object_key(key.removeprefix("raw/")).file.value for key in found} == {
        SUFFIXES[label] for label in CONTENTS
    }


def test_the_bucket_refuses_to_overwrite(s3_place: Place, bucket: str) -> None:
    player = s3_place.player()
    target = player.targets(player.session(), CONTENTS)["inputs"]
    with httpx.Client() as browser:
        first, second = (
            browser.put(target["url"], content=CONTENTS["inputs"], headers=target["headers"])
            for _ in range(2)
        )
    assert (first.status_code, second.status_code) == (200, 412)


def test_with_s3_the_api_takes_no_files_itself(s3_place: Place) -> None:
    player = s3_place.player()
    answer = s3_place.http.put(f"/v1/objects/{player.wallet}/session_1769936404000_a.webm", content=b"x")
    assert_problem(answer, 404, "not-found")


def test_a_bucket_that_is_not_there_is_a_503(make_place: Callable[..., Place], aws_endpoint: str) -> None:
    place = make_place(raw_url="s3://nobodys-bucket", s3_endpoint_url=aws_endpoint, s3_region=AWS_REGION)
    player = place.player()
    session_id = player.session()
    player.targets(session_id, CONTENTS)
    answer = place.http.get(f"/v1/sessions/{session_id}/files", headers=player.headers)
    assert_problem(answer, 503, "store-unavailable")
