"""`scalediff audit`: the chain verified, entries listed, and one line for whoever finds it broken."""

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner, Result

from resources.audit_log import AuditLog
from resources.database import migrate, writing
from scalediff_assets.audit_cli import app
from scalediff_contract.audit import AuditEvent

ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # use_home sets these; monkeypatch takes them away again.
    for name in ("SCALEDIFF_HOME", "DAGSTER_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    url = f"sqlite:///{tmp_path / 'catalog.db'}"
    migrate(url)
    AuditLog(url).append([
        AuditEvent(
            event_id=f"gen-{number}/request", at_ms=1_800_000_000_000, actor="sim-team", action="request",
            subject=f"gen-{number}", detail={"prompt": "dashcam view of a haboob"},
        )
        for number in (1, 2)
    ])  # fmt: skip
    return tmp_path


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def test_a_whole_chain_is_confirmed_with_its_newest_hash(home: Path) -> None:
    head = AuditLog(f"sqlite:///{home / 'catalog.db'}").head()[1]
    result = run("verify", "--home", home)
    assert result.exit_code == 0
    assert f"2 entries, the chain is whole; newest hash: {head}" in result.output
    assert run("verify", "--home", home, "--head", head).exit_code == 0


def test_what_the_log_says_of_a_subject_is_listed(home: Path) -> None:
    shown = run("show", "gen-2", "--home", home, "--json").output
    assert '"event_id":"gen-2/request"' in shown and "gen-1" not in shown
    assert "sim-team" in run("show", "gen-2", "--home", home).output
    assert "says nothing of gen-3" in run("show", "gen-3", "--home", home).output


@pytest.mark.slow
def test_an_edited_row_ends_the_command_with_one_line(home: Path) -> None:
    with writing(f"sqlite:///{home / 'catalog.db'}") as connection:
        connection.execute(sa.text("DROP TRIGGER audit_log_no_update"))
        connection.execute(sa.text("UPDATE audit_log SET actor = 'nobody' WHERE seq = 2"))
    done = subprocess.run(
        [sys.executable, "-m", "scalediff_assets.cli", "audit", "verify", "--home", str(home)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "audit log, entry 2: its content was edited" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
