"""The painter that `scalediff play` starts: it says who it is, asks for tokens, and ends with the command."""

import json
import os
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from scalediff_assets.painter_server import PainterError, painter_server

pytestmark = pytest.mark.slow


def test_it_says_who_paints_and_asks_players_for_a_token(tmp_path: Path) -> None:
    secret = tmp_path / "upload_secret"
    secret.write_bytes(os.urandom(32))
    with painter_server("stylize", secret_file=secret) as painter:
        base = painter.url.replace("ws://", "http://").removesuffix("/v1/stream")
        with urlopen(f"{base}/readyz", timeout=5) as answer:
            ready = json.load(answer)
        with pytest.raises(HTTPError, match="401"):
            urlopen(f"{base}/v1/ice-servers", timeout=5)
    assert (painter.backend, ready["backend"], ready["ready"]) == ("stylize", "stylize", True)
    with pytest.raises(OSError, match="refused"):
        urlopen(f"{base}/healthz", timeout=5)


def test_a_painter_that_cannot_start_is_an_error(tmp_path: Path) -> None:
    with (
        pytest.raises(PainterError, match="ended at once"),
        painter_server("stylize", secret_file=tmp_path / "none"),
    ):
        pass
