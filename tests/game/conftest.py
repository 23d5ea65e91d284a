"""A built game, served with its upload API; a browser; painters. All real, all ended by their ids."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest

ROOT = Path(__file__).parents[2]
ARTEFACTS = ROOT / "test-artefacts" / "game"
CHROMIUM = shutil.which("chromium")
BROWSER_ARGUMENTS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    # Loopback has no multicast names to resolve.
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--disable-background-networking",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]


@dataclass(frozen=True, kw_only=True)
class Served:
    """A running game."""

    url: str
    home: Path


@pytest.fixture(scope="session")
def game_dist() -> Path:
    """The built game."""
    from scalediff_assets.game_build import GameBuildError, build_game

    try:
        return build_game(lambda _line: None)
    except GameBuildError as error:
        if "missing" in str(error) or "too old" in str(error):
            pytest.skip(str(error))
        raise


@pytest.fixture(scope="module")
def served(game_dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """`scalediff play` on a home of its own."""
    home = tmp_path_factory.mktemp("home")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "scalediff_assets.cli", "play", "--no-open"]
    process = subprocess.Popen([*command, "--port", str(port), "--home", str(home)], cwd=ROOT)
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 120
    while True:
        try:
            urllib.request.urlopen(f"{url}/healthz", timeout=2).close()
            break
        except OSError:
            assert process.poll() is None, f"`scalediff play` ended with status {process.returncode}"
            assert time.monotonic() < deadline, "`scalediff play` did not answer within 120 s"
            time.sleep(0.2)
    yield Served(url=url, home=home)
    process.send_signal(signal.SIGINT)
    process.wait()


class NewPage(Protocol):
    """Opens a page in a context of its own, in a browser that lacks what is named."""

    def __call__(self, *, lacks: Sequence[str] = ()) -> AbstractContextManager[Any]:
        """The page, until the context ends."""


@pytest.fixture(scope="module")
def new_page() -> Iterator[NewPage]:
    """Pages of a real browser."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=BROWSER_ARGUMENTS)

        @contextmanager
        def opened(*, lacks: Sequence[str] = ()) -> Iterator[Any]:
            context = browser.new_context(viewport={"width": 1280, "height": 720})
            for name in lacks:
                context.add_init_script(f"delete window.{name}")
            page = context.new_page()
            page.set_default_timeout(60_000)
            yield page
            context.close()

        yield opened
        browser.close()


class Painters:
    """Starts painters; `url` gives a painter's WebSocket."""

    def __init__(self) -> None:
        self.processes: list[subprocess.Popen[str]] = []

    def url(self, *, stamps: str) -> str:
        command = [sys.executable, str(Path(__file__).with_name("painter.py")), "--stamps", stamps]
        process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True
        )
        self.processes.append(process)
        assert process.stdout is not None
        return f"ws://127.0.0.1:{int(process.stdout.readline())}/v1/stream"


@pytest.fixture(scope="module")
def painters() -> Iterator[Painters]:
    made = Painters()
    yield made
    for process in made.processes:
        process.terminate()
        process.communicate()
