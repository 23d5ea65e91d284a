"""The API behind an API Gateway: events in, answers out."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from resources.database import open_database
from tests.upload_api.conftest import Player, declaration

pytest.importorskip("mangum")


def event(method: str, path: str, body: str | None = None, **headers: str) -> dict[str, Any]:
    """An event of an HTTP API, payload version 2."""
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"host": "api.example", "content-type": "application/json", **headers},
        "requestContext": {
            "http": {
                "method": method, "path": path, "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7", "userAgent": "test",
            },
            "stage": "$default",
        },
        "body": None if body is None else base64.b64encode(body.encode()).decode(),
        "isBase64Encoded": body is not None,
    }  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    from upload_api import aws_lambda

    aws_lambda._adapter.cache_clear()
    monkeypatch.setenv("SCALEDIFF_HOME", str(tmp_path))
    monkeypatch.setenv("SCALEDIFF_UPLOAD_PUBLIC_URL", "https://api.example")
    yield
    aws_lambda._adapter.cache_clear()
    open_database(f"sqlite:///{tmp_path / 'catalog.db'}").dispose()


def call(method: str, path: str, body: object = None, **headers: str) -> tuple[int, Any]:
    from upload_api.aws_lambda import handler

    text = None if body is None else json.dumps(body)
    answer = handler(event(method, path, text, **headers), SimpleNamespace(function_name="uploads"))
    return answer["statusCode"], json.loads(answer["body"])


@pytest.mark.usefixtures("settings")
def test_a_player_signs_in_and_declares_files_through_events() -> None:
    player = Player(http=None)  # type: ignore[arg-type]
    status, challenge = call("POST", "/v1/sign-in/challenges", {"wallet": player.wallet})
    assert status == 201
    status, signed_in = call("POST", "/v1/sign-in", player.signed(challenge))
    assert status == 200
    bearer = {"authorization": f"Bearer {signed_in['token']}"}
    status, issued = call("POST", "/v1/sessions", **bearer)
    assert status == 201
    path = f"/v1/sessions/{issued['sessionId']}/files"
    contents = {label: b"x" for label in ("video", "inputs", "camera", "latency", "meta")}
    status, targets = call("PUT", path, {"files": declaration(contents)}, **bearer)
    assert status == 200
    assert targets["files"]["video"]["url"].startswith("https://api.example/v1/objects/")


@pytest.mark.usefixtures("settings")
def test_refusals_are_problems_there_too() -> None:
    assert call("GET", "/v1/sessions")[1]["type"] == "urn:scalediff:problem:not-signed-in"
    assert call("GET", "/nowhere")[1]["type"] == "urn:scalediff:problem:not-found"
