"""`scalediff-stream` as a user and an operator meet it."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import simplejpeg
import websockets

from gpu_services.streaming.client import source_picture
from gpu_services.streaming.service.arguments import StartError, read
from scalediff_contract.tokens import token_key

ROOT = Path(__file__).parents[4]
COMMAND = [sys.executable, "-m", "gpu_services.streaming"]
PICTURE = simplejpeg.encode_jpeg(source_picture(1, 160, 96))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--port", "99999"], "--port 99999: use 0 to 65535"),
        (["--backend", "magic"], "invalid choice: 'magic'"),
        (["--size", "641x360"], "multiples of 8"),
        (["--workers", "2", "--port", "0"], "name it with --port"),
        (["--start-mbps", "9"], "--start-mbps 9: use 0.25 to 8"),
        (["--host", "0.0.0.0"], "without a secret"),
        (["--secret-file", "nowhere"], "--secret-file nowhere: No such file"),
        (["--max-sessions", "many"], "invalid int value"),
        (["--max-load", "0"], "--max-load 0: use 0.05 to"),
    ],
)
def test_what_is_wrong_is_said(arguments: list[str], words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEDIFF_UPLOAD_SECRET", "")
    with pytest.raises(StartError, match=words.replace("'", ".")):
        read(arguments)


def test_the_upload_apis_secret_makes_tokens_necessary(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SCALEDIFF_UPLOAD_SECRET", "")
    assert read([]).settings.token_key is None
    monkeypatch.setenv("SCALEDIFF_UPLOAD_SECRET", "s" * 32)
    assert read([]).settings.token_key == token_key(b"s" * 32)
    assert read(["--no-auth"]).settings.token_key is None
    (tmp_path / "secret").write_bytes(b"t" * 32)
    assert read(["--secret-file", str(tmp_path / "secret")]).settings.token_key == token_key(b"t" * 32)
    monkeypatch.setenv("SCALEDIFF_UPLOAD_SECRET", "short")
    with pytest.raises(StartError, match="5 bytes"):
        read([])


def test_torchrun_splits_nothing_but_wan(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(StartError, match="use --backend wan and --workers 1"):
        read(["--backend", "stylize"])
    assert read(["--backend", "wan"]).backend.name == "wan"


@contextmanager
def started(*arguments: str, command: Sequence[str] = COMMAND) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The service in a process of its own, and the line that it says when players may come."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SCALEDIFF_")}
    process = subprocess.Popen(
        [*command, *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline().strip()
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.mark.slow
def test_a_wrong_option_is_one_line_and_status_2() -> None:
    done = subprocess.run([*COMMAND, "--port", "-1"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "scalediff-stream: --port -1: use 0 to 65535\n"


@pytest.mark.slow
def test_a_sigterm_lets_the_player_finish() -> None:
    async def play(process: subprocess.Popen[str], url: str) -> list[str]:
        async with websockets.connect(url.replace("/v1/stream", "/ws")) as player:
            kinds = [type(await player.recv()).__name__]
            process.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.3)
            await player.send(PICTURE)
            kinds.append(type(await player.recv()).__name__)
            return kinds

    with started("--backend", "stylize", "--port", "0", "--drain-s", "20") as (process, line):
        name, url = line.split()
        assert name == "stylize"
        assert asyncio.run(play(process, url)) == ["str", "bytes"]
        assert process.wait(timeout=120) in (0, -signal.SIGTERM)
        assert process.stderr is not None
        log = process.stderr.read()
    assert "event=draining sessions=1" in log and "reason=client-left" in log


@pytest.mark.slow
def test_torchruns_processes_paint_one_picture_and_end_together() -> None:
    async def play(process: subprocess.Popen[str], url: str) -> list[str]:
        async with websockets.connect(url.replace("/v1/stream", "/ws")) as player:
            kinds = [type(await player.recv()).__name__]
            for _ in range(5):
                await player.send(PICTURE)
            kinds.append(type(await player.recv()).__name__)
            return kinds

    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command = [*torchrun, "-m", "gpu_services.streaming"]
    options = ("--backend", "wan", "--preset", "tiny", "--size", "64x48", "--port", "0", "--max-load", "1e9")
    with started(*options, command=command) as (process, line):
        name, url = line.rsplit(" ", 1)
        assert name == "wan (tiny) over 2 processes"
        assert asyncio.run(play(process, url)) == ["str", "bytes"]
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=120)
        assert process.stderr is not None
        log = process.stderr.read()
    assert "event=draining" in log and "Traceback" not in log.split("event=draining")[0]


@pytest.mark.slow
def test_workers_are_restarted_one_by_one_and_their_players_play_on() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    async def ready(url: str) -> tuple[websockets.ClientConnection, int]:
        player = await websockets.connect(url)
        message: dict[str, Any] = json.loads(await player.recv())
        return player, message["worker"]

    async def play(process: subprocess.Popen[str], url: str) -> tuple[set[int], set[int], list[str]]:
        players = [await ready(url) for _ in range(8)]
        process.send_signal(signal.SIGHUP)
        for _ in range(1_000):
            player, worker = await ready(url)
            await player.close()
            if worker >= 2:
                break
            for waiting, _ in players:  # who is silent is ended
                await waiting.send(PICTURE)
                await waiting.recv()
            await asyncio.sleep(0.1)
        kinds = []
        for player, _ in players:
            await player.send(PICTURE)
            kinds.append(type(await player.recv()).__name__)
        new = {worker}
        for player, _ in players:
            await player.close()
        return {worker for _, worker in players}, new, kinds

    arguments = (
        "--backend",
        "passthrough",
        "--port",
        str(port),
        "--workers",
        "2",
        "--max-sessions",
        "50",
        "--max-load",
        "1e9",
    )
    with started(*arguments) as (process, line):
        old, new, kinds = asyncio.run(play(process, f"ws://127.0.0.1:{port}/ws"))
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=120)
    assert line.startswith("passthrough ws://")
    assert old <= {0, 1} and new <= {2, 3}
    assert kinds == ["bytes"] * 8
