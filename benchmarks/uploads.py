"""What the upload API does over real HTTP on the loopback: signed URLs a second, and how long they take.

    python -m benchmarks.uploads [--json] [--quick] [--rounds N] [--clients N]

A server of its own (`python -m upload_api`'s app, limits raised) runs on a new SQLite file in a
temporary folder. Each client signs in, gets session ids, and then declares one session after another:
a request gives five URLs. Every request of a round is a first declaration, so it writes and syncs.
The same number of requests for the server's clock, without database or signatures, is the baseline.
Rounds take turns; figures are medians over the rounds. Clients and server share the machine's cores.
"""

import argparse
import asyncio
import functools
import hashlib
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks.measure import report
from upload_api import base58

Request = Callable[[], Awaitable[None]]
_FILES = ("video", "inputs", "camera", "latency", "meta")
_STARTUP_S = 60.0
_SERVER = """
import sys
import uvicorn
from resources.settings import read_settings
from upload_api.app import create_app
from upload_api.config import UploadLimits, config_from
free = 10**9
limits = UploadLimits(
    requests_per_minute=free, wallet_requests_per_minute=free,
    wallet_sessions_per_hour=free, address_sessions_per_hour=free,
)
app = create_app(config_from(read_settings(), limits=limits))
uvicorn.run(app, port=int(sys.argv[1]), proxy_headers=False, access_log=False, log_level="warning")
"""


@dataclass(frozen=True, kw_only=True)
class Round:
    """One round: seconds from its first request to its last answer, and of each request."""

    wall_s: float
    request_s: list[float]

    @property
    def per_s(self) -> float:
        """Requests a second."""
        return len(self.request_s) / self.wall_s

    def percentile_ms(self, percent: int) -> float:
        """Latency that so many percent of the requests stay under."""
        ordered = sorted(self.request_s)
        return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] * 1000


@contextmanager
def server(folder: Path) -> Iterator[str]:
    """The API with its data in `folder`; its base URL. Stops exactly the process that it started."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SCALEDIFF_")}
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVER, str(port)], env={**kept, "SCALEDIFF_HOME": str(folder)}
    )
    try:
        _await_port(port, process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _await_port(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _STARTUP_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"the server did not open port {port} in {_STARTUP_S:.0f} s; see its output above")


async def sign_in(http: aiohttp.ClientSession) -> dict[str, str]:
    """The headers of a new, signed-in player."""
    key = Ed25519PrivateKey.generate()
    wallet = base58.encode(key.public_key().public_bytes_raw())
    async with http.post("/v1/sign-in/challenges", json={"wallet": wallet}) as answer:
        challenge = await answer.json()
    signature = base58.encode(key.sign(challenge["message"].encode()))
    body = {"wallet": wallet, "nonce": challenge["nonce"], "signature": signature}
    async with http.post("/v1/sign-in", json=body) as answer:
        return {"Authorization": f"Bearer {(await answer.json())['token']}"}


async def issue(http: aiohttp.ClientSession, headers: dict[str, str]) -> str:
    """A new session id."""
    async with http.post("/v1/sessions", headers=headers) as answer:
        return str((await answer.json())["sessionId"])


async def declare(http: aiohttp.ClientSession, headers: dict[str, str], session_id: str) -> None:
    """Ask for the five URLs of a session."""
    files = {
        name: {"size": 1000, "sha256": hashlib.sha256(f"{session_id}{name}".encode()).hexdigest()}
        for name in _FILES
    }
    path = f"/v1/sessions/{session_id}/files"
    async with http.put(path, json={"files": files}, headers=headers) as answer:
        targets = await answer.json()
        if len(targets.get("files", ())) != len(_FILES):
            raise RuntimeError(f"{path} answered {answer.status}: {targets}")


async def ask_time(http: aiohttp.ClientSession) -> None:
    """The baseline: an answer without database or signature."""
    async with http.get("/v1/time") as answer:
        await answer.read()


async def timed(work: list[list[Request]]) -> Round:
    """Run each client's requests one after another, all clients at once."""
    spent: list[float] = []

    async def client(requests: list[Request]) -> None:
        for request in requests:
            started = time.perf_counter()
            await request()
            spent.append(time.perf_counter() - started)

    started = time.perf_counter()
    await asyncio.gather(*(client(requests) for requests in work))
    return Round(wall_s=time.perf_counter() - started, request_s=spent)


async def measure_rounds(
    base_url: str, *, clients: int, requests: int, rounds: int
) -> tuple[list[Round], list[Round]]:
    """Rounds of declarations and of the baseline, in turns; the first of each only warms up."""
    declared, baseline = [], []
    connector = aiohttp.TCPConnector(limit=clients)
    async with aiohttp.ClientSession(base_url, connector=connector) as http:
        players = [await sign_in(http) for _ in range(clients)]
        for _ in range(rounds + 1):
            work: list[list[Request]] = []
            for headers in players:
                sessions = [await issue(http, headers) for _ in range(requests)]
                work.append([functools.partial(declare, http, headers, session) for session in sessions])
            declared.append(await timed(work))
            baseline.append(await timed([[functools.partial(ask_time, http)] * requests for _ in players]))
    return declared[1:], baseline[1:]


def measure(*, quick: bool, rounds: int, clients: int) -> dict[str, Any]:
    """All figures."""
    requests = 10 if quick else 100
    with tempfile.TemporaryDirectory() as name, server(Path(name)) as base_url:
        declared, baseline = asyncio.run(
            measure_rounds(base_url, clients=clients, requests=requests, rounds=rounds)
        )

    def median(values: list[float]) -> float:
        return statistics.median(values)

    return {
        "urls_per_s": median([turn.per_s for turn in declared]) * len(_FILES),
        "declarations_per_s": median([turn.per_s for turn in declared]),
        "declaration_p50_ms": median([turn.percentile_ms(50) for turn in declared]),
        "declaration_p99_ms": median([turn.percentile_ms(99) for turn in declared]),
        "baseline_requests_per_s": median([turn.per_s for turn in baseline]),
        "baseline_p50_ms": median([turn.percentile_ms(50) for turn in baseline]),
        "baseline_p99_ms": median([turn.percentile_ms(99) for turn in baseline]),
        "clients": clients,
        "requests_per_client": requests,
        "rounds": rounds,
    }


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Signed upload URLs a second.")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--quick", action="store_true", help="few requests")
    parser.add_argument("--rounds", type=int, help="rounds (default 5; 1 with --quick)")
    parser.add_argument("--clients", type=int, default=4, help="clients at once (default 4)")
    arguments = parser.parse_args()
    rounds = arguments.rounds or (1 if arguments.quick else 5)
    figures = measure(quick=arguments.quick, rounds=rounds, clients=arguments.clients)
    report("uploads", figures, as_json=arguments.json)


if __name__ == "__main__":
    main()
