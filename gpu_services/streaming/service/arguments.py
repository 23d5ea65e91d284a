"""The command line of the service, checked; what is wrong is said in one line.

StartError   the service cannot start as asked; names the option and the mend
"""

import argparse
import os
import re
from dataclasses import dataclass
from pathlib import Path

from gpu_services.streaming.choose import BACKENDS, WAN_PRESETS, BackendChoice, processes
from gpu_services.streaming.service.costs import AdmissionPolicy
from gpu_services.streaming.service.settings import ClientLimits, StreamSettings, Transport
from scalediff_contract.tokens import token_key

_SIZE = re.compile(r"(\d{2,4})x(\d{2,4})")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_SECRET_BYTES = 32


class StartError(Exception):
    """The service cannot start as asked."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """A checked command line.

    Attributes:
        backend: Who paints.
        host: Address to listen on.
        port: Port; 0: any free one.
        workers: Processes.
        worker: Number of this one, when a supervisor started it; else None.
        otlp_url: Where spans go; None: nowhere.
        settings: Of the service.
    """

    backend: BackendChoice
    host: str
    port: int
    workers: int
    worker: int | None
    otlp_url: str | None
    settings: StreamSettings


def parser() -> argparse.ArgumentParser:
    """All options."""
    made = _OneLineParser(prog="scalediff-stream", description="Paint the game's video in real time.")
    made.add_argument("--backend", choices=BACKENDS, default="stylize", help="who paints (default stylize)")
    made.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    made.add_argument("--port", type=int, default=8090, help="port to listen on, 0 for any (default 8090)")
    made.add_argument("--size", metavar="WxH", help="size to paint at, such as 640x360")
    made.add_argument("--preset", choices=WAN_PRESETS, default="wan-1.3b", help="of wan (default wan-1.3b)")
    made.add_argument("--weights", type=Path, metavar="DIR", help="of wan: the published weights")
    made.add_argument("--random-weights", action="store_true", help="of wan: paint noise, to measure speed")
    made.add_argument("--workers", type=int, default=1, help="processes that share the port (default 1)")
    made.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    made.add_argument("--max-sessions", type=int, default=8, help="players at once (default 8)")
    made.add_argument(
        "--max-load",
        type=float,
        default=0.85,
        help="share of the painter's time to promise (default 0.85)",
    )
    made.add_argument("--max-batch", type=int, default=4, help="players painted together (default 4)")
    made.add_argument(
        "--session-s", type=float, default=900.0, help="longest stream in seconds (default 900)"
    )
    made.add_argument("--drain-s", type=float, default=70.0, help="time to finish after SIGTERM (default 70)")
    made.add_argument("--secret-file", type=Path, help="the upload API's secret; players then need a token")
    made.add_argument("--no-auth", action="store_true", help="ask nobody for a token, on any address")
    made.add_argument("--trust-proxy", action="store_true", help="believe one proxy's X-Forwarded-For")
    made.add_argument("--codec", choices=("any", "vp8", "h264"), default="any", help="of the painted video")
    made.add_argument("--start-mbps", type=float, default=3.0, help="bit rate to start with (default 3)")
    made.add_argument("--max-mbps", type=float, default=8.0, help="bit rate at most (default 8)")
    made.add_argument("--stun", action="append", default=[], metavar="URL", help="stun:host:port")
    made.add_argument("--turn", action="append", default=[], metavar="URL", help="turn:host:port")
    made.add_argument("--otlp", metavar="URL", help="OpenTelemetry collector, such as http://host:4318")
    made.add_argument("--stock-jitter", action="store_true", help=argparse.SUPPRESS)
    return made


def read(arguments: list[str]) -> Start:
    """The command line, checked.

    Raises:
        StartError: Something does not fit.
    """
    found = parser().parse_args(arguments)
    _check_range("--port", found.port, 0, 65_535)
    _check_range("--workers", found.workers, 1, 64)
    _check_range("--max-sessions", found.max_sessions, 1, 1_000)
    _check_range("--max-load", found.max_load, 0.05, 1e9)
    _check_range("--max-batch", found.max_batch, 1, 64)
    _check_range("--start-mbps", found.start_mbps, 0.25, found.max_mbps)
    if found.workers > 1 and found.port == 0:
        raise StartError("--workers above 1 need a port that they share; name it with --port")
    if processes() > 1 and (found.workers > 1 or found.backend != "wan"):
        raise StartError("torchrun splits one model over processes: use --backend wan and --workers 1")
    return Start(
        backend=_backend(found),
        host=found.host,
        port=found.port,
        workers=found.workers,
        worker=found.worker,
        otlp_url=found.otlp,
        settings=_settings(found),
    )


def _backend(found: argparse.Namespace) -> BackendChoice:
    width_px, height_px = _size(found.size)
    return BackendChoice(
        name=found.backend,
        width_px=width_px,
        height_px=height_px,
        preset=found.preset,
        weights=found.weights,
        random_weights=found.random_weights,
    )


def _settings(found: argparse.Namespace) -> StreamSettings:
    return StreamSettings(
        token_key=_token_key(found),
        trust_proxy=found.trust_proxy,
        max_batch=found.max_batch,
        drain_s=found.drain_s,
        worker=found.worker or 0,
        limits=ClientLimits(session_s=found.session_s),
        admission=AdmissionPolicy(
            max_sessions=found.max_sessions, max_load=found.max_load, session_s=found.session_s
        ),
        transport=Transport(
            codec=found.codec,
            start_bps=int(found.start_mbps * 1e6),
            max_bps=int(found.max_mbps * 1e6),
            low_latency=not found.stock_jitter,
            stun_urls=tuple(found.stun),
            turn_urls=tuple(found.turn),
            turn_secret=os.environ.get("SCALEDIFF_STREAM_TURN_SECRET") or None,
        ),
    )


def _token_key(found: argparse.Namespace) -> bytes | None:
    """The key of the players' tokens: from the file, or the variable that the upload API reads too."""
    if found.no_auth:
        return None
    if found.secret_file is not None:
        try:
            secret = found.secret_file.read_bytes()
        except OSError as error:
            raise StartError(f"--secret-file {found.secret_file}: {error.strerror}") from error
    else:
        secret = os.environ.get("SCALEDIFF_UPLOAD_SECRET", "").encode()
    if not secret:
        if found.host in _LOOPBACK:
            return None
        mend = "set SCALEDIFF_UPLOAD_SECRET, give --secret-file, or --no-auth to let everybody in"
        raise StartError(f"--host {found.host} without a secret: {mend}")
    if len(secret) < _SECRET_BYTES:
        raise StartError(f"the secret has {len(secret)} bytes; it needs {_SECRET_BYTES} or more")
    return token_key(secret)


def _size(text: str | None) -> tuple[int | None, int | None]:
    if text is None:
        return None, None
    match = _SIZE.fullmatch(text)
    if match is None or int(match[1]) % 8 or int(match[2]) % 8:
        raise StartError(f"--size {text}: give width x height in multiples of 8, such as 640x360")
    return int(match[1]), int(match[2])


def _check_range(option: str, value: float, lowest: float, highest: float) -> None:
    if not lowest <= value <= highest:
        raise StartError(f"{option} {value:g}: use {lowest:g} to {highest:g}")


class _OneLineParser(argparse.ArgumentParser):
    """argparse prints its usage before an error; a user needs the error."""

    def error(self, message: str) -> None:  # type: ignore[override]
        raise StartError(f"{message}; see scalediff-stream --help")
