"""The game's speed in a browser: drawing the full city beside the reference's way, and the files' sizes.

    python -m benchmarks.game [--json] [--quick] [--size 640x360]

Both draw in one page of one headless browser, in turns; without a GPU the browser draws in software
(SwiftShader), so that the ratio counts and not the frames per second. Node, npm and Chromium are needed.
"""

import argparse
import gzip
import http.server
import shutil
import statistics
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.measure import report
from scalediff_assets.game_build import GAME, build_game

_BROWSER = ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The folder over HTTP on a free loopback port."""
    handler = partial(_Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def drawing(size: str, *, rounds: int, seconds: float) -> dict[str, Any]:
    """Frames per second of both, medians over rounds in turns, and their ratio."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder:
        command = ["npx", "vite", "build", "--mode", "bench", "--outDir", folder, "--emptyOutDir"]
        subprocess.run(command, cwd=GAME, check=True, capture_output=True)
        with served(Path(folder)) as url, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=_BROWSER)
            page = browser.new_page()
            page.goto(f"{url}/bench.html?size={size}")
            page.wait_for_function("window.measure !== undefined", timeout=120_000)
            seen: dict[str, list[dict[str, Any]]] = {"ours": [], "reference": []}
            for _ in range(rounds):
                for kind, found in seen.items():
                    found.append(page.evaluate(f"window.measure('{kind}', {seconds})"))
            browser.close()
    fps = {kind: statistics.median(each["fps"] for each in found) for kind, found in seen.items()}
    return {
        "fps_ours_over_reference": fps["ours"] / fps["reference"],
        "ours_fps": fps["ours"],
        "reference_fps": fps["reference"],
        "ours_draw_calls_most": max(each["calls"] for each in seen["ours"]),
        "reference_draw_calls_most": max(each["calls"] for each in seen["reference"]),
        "size": size,
        "renderer": seen["ours"][0]["driver"],
    }


def sizes(dist: Path) -> dict[str, float]:
    """Gzipped kilobytes of what a player loads."""

    def kb(*patterns: str) -> float:
        files = [path for pattern in patterns for path in dist.rglob(pattern)]
        return sum(len(gzip.compress(path.read_bytes(), 9)) for path in files) / 1000

    return {"game_gzip_kb": kb("*.js", "*.css", "*.html"), "city_gzip_kb": kb("city-*.json")}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--quick", action="store_true", help="one short round")
    parser.add_argument("--size", default="640x360")
    chosen = parser.parse_args()
    dist = build_game(lambda _line: None)
    rounds, seconds = (1, 1.0) if chosen.quick else (5, 4.0)
    figures = drawing(chosen.size, rounds=rounds, seconds=seconds) | sizes(dist)
    report("the game in a browser", figures, as_json=chosen.json)


if __name__ == "__main__":
    main()
