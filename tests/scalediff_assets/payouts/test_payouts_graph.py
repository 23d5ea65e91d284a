"""A day through the real graph, the embedded chain's process and the command line; no key leaks."""

import base64
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
import sqlalchemy as sa
from rich.console import Console
from solders.keypair import Keypair
from typer.testing import CliRunner, Result

from resources.database import tables as t
from resources.database import writing
from resources.solana.embedded.process import chain_folder, running_chain, start_chain, stop_chain
from resources.solana.resource import Solana
from resources.tables import read_tables
from scalediff_assets import payouts_cli
from scalediff_assets.partitions import day_of
from scalediff_assets.payout_schemas import Payouts
from scalediff_assets.payouts.policy import DEFAULT_PRICES_PATH
from scalediff_assets.quality_scores.policy import DEFAULT_POLICY_PATH
from tests.scalediff_assets.conftest import QUIET, Platform
from world.recorder import RecordedBundle

PLAYER, STRANGER = (str(Keypair.from_seed(bytes([n]) * 32).pubkey()) for n in (1, 2))
Record = Callable[..., RecordedBundle]


@pytest.fixture
def platform(platform: Platform) -> Iterator[Platform]:
    """A platform with a judged hour: a session that the upload API issued, and one of a stranger's."""
    yield platform
    stop_chain(chain_folder(platform.home))


@pytest.fixture
def prices(tmp_path: Path) -> Path:
    """A policy under which one segment is worth a transfer."""
    path = tmp_path / "prices.toml"
    text = DEFAULT_PRICES_PATH.read_text().replace('"v1"', '"v1-test"')
    path.write_text(text.replace("200_000", "2_000_000"))
    return path


def judge(platform: Platform, recorded: Record) -> None:
    issued = recorded(1, wallet=PLAYER)
    platform.upload(issued, recorded(2, wallet=STRANGER))
    row = {"session_id": issued.session_id, "wallet": PLAYER, "address": "x", "issued_ms": 1, "expires_ms": 2}
    platform.take_in()
    with writing(platform.connections.database_url) as connection:
        connection.execute(sa.insert(t.upload_sessions), [row])
    assert platform.run().success


def pay_day(platform: Platform, prices: Path) -> dg.ExecuteInProcessResult:
    return platform.defs.resolve_job_def("pay_days").execute_in_process(
        partition_key=day_of(platform.hour),
        instance=platform.instance,
        run_config={**QUIET, "ops": {"payouts": {"config": {"policy": str(prices)}}}},
        raise_on_error=False,
    )


def metadata_of(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    (event,) = result.asset_materializations_for_node("payouts")
    return {name: value.value for name, value in event.metadata.items()}


def checks_of(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    return {each.check_name: each.passed for each in result.get_asset_check_evaluations()}


def solana_of(platform: Platform) -> Solana:
    return Solana(home=str(platform.home))


def call(monkeypatch: pytest.MonkeyPatch, platform: Platform, *words: str) -> Result:
    monkeypatch.setattr(payouts_cli, "console", Console(width=400))
    monkeypatch.setenv("SCALEDIFF_HOME", str(platform.home))
    monkeypatch.setenv("DAGSTER_HOME", "")
    return CliRunner().invoke(payouts_cli.app, [*words, "--home", str(platform.home)])


@pytest.mark.slow
def test_a_day_is_computed_dry_then_paid_once_and_shown(
    platform: Platform, recorded: Record, prices: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge(platform, recorded)
    dry = pay_day(platform, prices)
    assert dry.success
    assert metadata_of(dry)["mode"].startswith("dry run")
    assert running_chain(chain_folder(platform.home)) is None
    key_file = solana_of(platform).make_throwaway_payer()
    paid = pay_day(platform, prices)
    assert paid.success
    assert checks_of(paid) == {"ledger": True, "chain": True, "all_paid": True, "shape": True}
    again = pay_day(platform, prices)
    assert (metadata_of(again)["new_entries"], metadata_of(again)["payments"]) == (0, 0)

    lake = platform.connections.lake()
    tables = read_tables(lake, "payouts", day_of(platform.hour), Payouts)
    rows = {row["wallet"]: row for row in tables.wallets.iter_rows(named=True)}
    player, stranger = rows[PLAYER], rows[STRANGER]
    assert player["lamports"] == player["paid_lamports"] == 2_000_000 * player["valid_segments"] > 0
    assert (stranger["lamports"], stranger["transactions"]) == (0, [])
    assert (stranger["worth_lamports"] > 0, stranger["unpaid_because"]) == (
        True,
        "unverified (no_server_session) x 1",
    )
    with solana_of(platform).rpc() as rpc:
        assert rpc.balance(PLAYER) == player["lamports"]
        assert rpc.balance(STRANGER) == 0
    (signature,) = player["transactions"]
    link = solana_of(platform).link(signature)
    shown = metadata_of(paid)["payouts"]
    assert f"({link})" in shown
    assert metadata_of(paid)["plot"].startswith("![")

    assert PLAYER in call(monkeypatch, platform, "list").output
    assert signature in call(monkeypatch, platform, "list", "--wallet", PLAYER).output
    agreed = call(monkeypatch, platform, "verify")
    assert (agreed.exit_code, "1 transactions" in agreed.output, "0 differences" in agreed.output) == (
        0,
        True,
        True,
    )
    with writing(platform.connections.database_url) as connection:
        connection.execute(sa.update(t.payout_payments).values(lamports=1))
    differs = call(monkeypatch, platform, "verify", "--json")
    assert differs.exit_code == 2
    assert len(json.loads(differs.output)["differences"]) == 2
    assert_no_secret(platform, Keypair.from_json(key_file.read_text()), [dry, paid, again])


@pytest.mark.slow
def test_a_fraud_rule_keeps_the_pay_says_why_and_a_new_limit_is_a_correcting_entry(
    platform: Platform, recorded: Record, prices: Path
) -> None:
    judge(platform, recorded)
    paid = pay_day(platform, prices)
    assert metadata_of(paid)["unpaid_sessions_by_rule"] == {"no_server_session": 1}
    strict = prices.with_name("strict.toml")
    text = (
        prices.read_text()
        .replace('"v1-test"', '"v1-strict"')
        .replace("path_min_m = 60.0", "path_min_m = 1.0")
    )
    strict.write_text(text.replace("metres_per_change_min = 40.0", "metres_per_change_min = 0.001"))
    held = pay_day(platform, strict)
    assert checks_of(held)["ledger"]
    assert metadata_of(held)["unpaid_sessions_by_rule"] == {"no_server_session": 1, "scripted_input": 1}
    assert "| scripted_input | metres_per_change |" in metadata_of(held)["fraud"]

    tables = read_tables(platform.connections.lake(), "payouts", day_of(platform.hour), Payouts)
    player = tables.wallets.row(by_predicate=pl.col("wallet") == PLAYER, named=True)
    assert (player["lamports"], player["unpaid_because"]) == (0, "excluded (scripted_input) x 1")
    assert (player["corrections"], tables.tracks["session_id"].len()) == (1, 1)
    first, second = platform.connections.ledger().earnings_of(PLAYER, 10)[::-1]
    assert (first.is_correction, second.is_correction) == (False, True)
    assert first.lamports == -second.lamports > 0
    session_ids = tables.tracks["session_id"].to_list()
    ledger = platform.connections.ledger()
    assert ledger.unpaid_rules(PLAYER, session_ids) == dict.fromkeys(session_ids, "scripted_input")
    pay_day(platform, prices)
    assert ledger.unpaid_rules(PLAYER, session_ids) == {}, "a lifted limit lifts the word, too"


@pytest.mark.slow
def test_a_stricter_quality_policy_after_payment_is_a_visible_debit_and_takes_nothing_back(
    platform: Platform, recorded: Record, prices: Path, tmp_path: Path
) -> None:
    judge(platform, recorded)
    solana_of(platform).make_throwaway_payer()
    assert pay_day(platform, prices).success
    strict = tmp_path / "strict.toml"
    text = DEFAULT_POLICY_PATH.read_text().replace('version = "v2"', 'version = "v3-strict"')
    strict.write_text(re.sub(r"^(sharpness_\w+) = [0-9.]+", r"\1 = 99999.0", text, flags=re.MULTILINE))
    rescored = platform.defs.resolve_job_def("rescore_hours").execute_in_process(
        partition_key=platform.hour,
        instance=platform.instance,
        run_config={**QUIET, "ops": {"quality_scores": {"config": {"policy": str(strict)}}}},
    )
    assert rescored.success
    after = pay_day(platform, prices)
    assert checks_of(after) == {"ledger": True, "chain": True, "all_paid": True, "shape": True}
    first, second = platform.connections.ledger().earnings_of(PLAYER, 10)[::-1]
    assert (second.is_correction, second.signature) == (True, None)
    assert first.lamports == -second.lamports > 0
    with solana_of(platform).rpc() as rpc:
        assert rpc.balance(PLAYER) == first.lamports, "what is paid stays paid"


@pytest.mark.slow
def test_paying_from_the_command_line_says_what_it_would_do_does_it_and_stops_the_chain(
    platform: Platform, recorded: Record, prices: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge(platform, recorded)
    pay_day(platform, prices)
    told = call(monkeypatch, platform, "pay")
    assert "no payer is set" in told.output
    assert "to 1 wallets" in told.output
    done = call(monkeypatch, platform, "pay", "--throwaway-payer")
    assert "for the embedded chain only" in done.output
    assert "in 1 payments, 1 transactions; in flight 0, refused 0" in done.output
    assert "0 SOL in 0 payments" in call(monkeypatch, platform, "pay", "--retry-refused").output
    assert "embedded chain: http://127.0.0.1:" in call(monkeypatch, platform, "chain").output
    assert call(monkeypatch, platform, "chain", "--stop").output == "stopped\n"
    assert "does not run" in call(monkeypatch, platform, "chain", "--stop").output


@pytest.mark.slow
def test_a_failing_payment_tells_no_secret_either(
    platform: Platform, recorded: Record, prices: Path, tmp_path: Path
) -> None:
    judge(platform, recorded)
    key_file = solana_of(platform).make_throwaway_payer()
    secret = Keypair.from_json(key_file.read_text())
    stop_chain(chain_folder(platform.home))
    (chain_folder(platform.home) / "chain.log").unlink()  # a new chain, on which the payer is poor
    start_chain(chain_folder(platform.home), port=0)
    poor = pay_day(platform, prices)
    assert not poor.success
    key_file.write_text(key_file.read_text()[:-8])  # a key that cannot be read
    broken = pay_day(platform, prices)
    assert not broken.success
    assert_no_secret(platform, secret, [poor, broken])


def assert_no_secret(platform: Platform, key: Keypair, results: list[dg.ExecuteInProcessResult]) -> None:
    """The key is in its file and nowhere else: no event, no metadata, no database, no log, no table."""
    numbers = list(bytes(key))
    secrets = [
        bytes(key), key.secret(), str(key).encode(), json.dumps(numbers)[1:-1].encode(),
        key.secret().hex().encode(), ",".join(map(str, numbers[:32])).encode(),
        base64.b64encode(key.secret())[:-2],
    ]  # fmt: skip
    told = [repr(list(platform.instance.all_logs(result.run_id))).encode() for result in results]
    told += [repr([event for event in result.all_events]).encode() for result in results]
    files = [
        path for path in platform.home.rglob("*") if path.is_file() and path.name != "throwaway_payer.json"
    ]
    assert len(files) > 10
    for text in [*told, *(path.read_bytes() for path in files)]:
        assert not any(secret in text for secret in secrets)
