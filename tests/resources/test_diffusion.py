"""The painting service's health, asked over real HTTP."""

import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import dagster as dg
import pytest

from resources.diffusion import DiffusionService
from resources.settings import SettingsError, read_settings
from scalediff_assets.checks import painting_service

Answers = dict[str, tuple[int, str]]
Serve = Callable[[Answers], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """`serve({path: (status, body)})`: the base URL of a small server that answers so."""
    servers: list[ThreadingHTTPServer] = []

    def start(answers: Answers) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = answers.get(self.path, (404, "no such page"))
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("answers", "condition", "words"),
    [
        ({"/healthz": (200, "ok"), "/readyz": (200, '{"backend":"stylize"}')}, "ready", "stylize"),
        ({"/healthz": (200, "ok"), "/readyz": (503, "draining")}, "not ready", "/readyz 503: draining"),
        ({"/healthz": (500, "GPU lost"), "/readyz": (200, "ok")}, "unhealthy", "/healthz 500: GPU lost"),
        ({}, "unhealthy", "/healthz 404: no such page"),
    ],
)
def test_the_service_s_own_words_become_its_state(
    serve: Serve, answers: Answers, condition: str, words: str
) -> None:
    state = DiffusionService(url=serve(answers)).state()
    assert state.condition == condition
    assert words in state.detail
    assert state.is_good is (condition == "ready")


def test_a_service_that_does_not_answer_is_unreachable() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    state = DiffusionService(url=f"http://127.0.0.1:{port}").state()
    assert (state.condition, state.is_good) == ("unreachable", False)
    assert "refused" in state.detail and "scalediff-stream" in state.detail


def test_a_service_that_hangs_is_unreachable_after_the_time_limit() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert DiffusionService(url=url, timeout_s=0.1).state().condition == "unreachable"


def test_no_service_is_a_state_of_its_own_and_no_failure() -> None:
    state = DiffusionService().state()
    assert (state.condition, state.is_good) == ("not configured", True)
    assert "SCALEDIFF_DIFFUSION_URL" in state.detail


def test_the_check_shows_the_state(serve: Serve) -> None:
    url = serve({"/healthz": (200, "ok"), "/readyz": (503, "loading weights")})
    result = painting_service(diffusion=DiffusionService(url=url))
    assert isinstance(result, dg.AssetCheckResult)
    assert (result.passed, result.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert result.metadata["state"].value == "not ready"


def test_the_setting_is_a_web_address() -> None:
    assert read_settings({}).diffusion_url is None
    assert read_settings({"SCALEDIFF_DIFFUSION_URL": "https://paint.example/"}).diffusion_url == (
        "https://paint.example"
    )
    with pytest.raises(SettingsError, match="SCALEDIFF_DIFFUSION_URL"):
        read_settings({"SCALEDIFF_DIFFUSION_URL": "file:///etc/passwd"})
