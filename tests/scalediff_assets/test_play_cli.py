"""`scalediff play`: what cannot work is said in one sentence that names the mend."""

import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scalediff_assets import game_build
from scalediff_assets.cli import app
from scalediff_assets.game_build import GameBuildError, build_game
from scalediff_assets.play_cli import PlayError
from scalediff_assets.upload_server import UploadServerError


def play(tmp_path: Path, *arguments: str) -> BaseException | None:
    result = CliRunner().invoke(app, ["play", "--home", str(tmp_path), "--no-open", *arguments])
    assert result.exit_code == 1
    return result.exception


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SCALEDIFF_HOME", "DAGSTER_HOME"):
        monkeypatch.setenv(name, "")  # use_home sets both; this puts back what was there


def test_a_painter_must_be_named(tmp_path: Path) -> None:
    error = play(tmp_path, "--transport", "decart")
    assert isinstance(error, PlayError) and "--painter wss://" in str(error)


def test_an_unknown_transport_is_named(tmp_path: Path) -> None:
    error = play(tmp_path, "--transport", "pigeon")
    assert isinstance(error, PlayError) and "passthrough, service or decart" in str(error)


def test_a_port_in_use_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(game_build, "build_game", lambda _say: tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        error = play(tmp_path, "--port", str(taken.getsockname()[1]))
    assert isinstance(error, UploadServerError) and "choose another with --port" in str(error)


@pytest.mark.parametrize(
    ("node", "what"),
    [(None, "node is missing; install Node 20.19"), ("v18.20.1", "Node v18.20.1 is too old")],
)
def test_missing_or_old_node_is_named_with_the_mend(
    node: str | None, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if node is not None:
        for name in ("node", "npm"):
            (tmp_path / name).write_text(f"#!/bin/sh\necho {node}\n")
            (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(game_build, "_sources_hash", lambda: "changed")
    with pytest.raises(GameBuildError, match=what):
        build_game(lambda _line: None)
