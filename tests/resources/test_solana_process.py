"""The embedded chain's process: started once, found again, killed without a trace, never left behind."""

import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from solders.keypair import Keypair

from resources.solana.embedded.places import last_port
from resources.solana.embedded.process import RunningChain, running_chain, start_chain, stop_chain
from resources.solana.errors import ChainServiceError
from resources.solana.keys import Payer
from resources.solana.rpc import SolanaRpc
from resources.solana.transactions import sign_batch

ROOT = Path(__file__).parents[2]
SOL = 10**9


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "chain"
    stop_chain(tmp_path / "chain")


def start(folder: Path, idle_s: float = 120.0) -> RunningChain:
    return start_chain(folder, port=0, idle_s=idle_s)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        # A dead child of ours that nobody has waited for still has its number.
        return os.waitpid(pid, os.WNOHANG) == (0, 0)
    except (ProcessLookupError, ChildProcessError):
        return False


def wait_for_end(pid: int) -> None:
    while is_alive(pid):
        time.sleep(0.02)


def test_callers_at_once_start_one_process_and_stopping_ends_it(folder: Path) -> None:
    found: list[RunningChain] = []
    callers = [threading.Thread(target=lambda: found.append(start(folder))) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(set(found)) == 1
    assert running_chain(folder) == found[0]
    assert stop_chain(folder)
    assert running_chain(folder) is None
    assert not stop_chain(folder)
    wait_for_end(found[0].pid)


def test_what_was_answered_for_survives_kill_9_on_the_same_port(folder: Path) -> None:
    running, payer, target = start(folder), Payer(Keypair()), str(Keypair().pubkey())
    with SolanaRpc(running.url) as rpc:
        rpc.airdrop(payer.address, 10 * SOL)
        blockhash = rpc.latest_blockhash().blockhash
        signed = sign_batch(payer, [(target, SOL)], memo="scalediff 1 0", blockhash=blockhash, mint=None)
        assert rpc.send(signed.wire) == signed.signature
        genesis = rpc.genesis_hash()
    os.kill(running.pid, signal.SIGKILL)
    wait_for_end(running.pid)
    again = start(folder)
    assert (again.pid != running.pid, again.port) == (True, running.port)
    with SolanaRpc(again.url) as rpc:
        assert rpc.genesis_hash() == genesis
        assert rpc.balance(target) == SOL
        assert rpc.send(signed.wire) == signed.signature
        assert rpc.balance(target) == SOL


def test_it_ends_by_itself_when_nobody_asks(folder: Path) -> None:
    running = start(folder, idle_s=0.2)
    wait_for_end(running.pid)
    assert running_chain(folder) is None


def test_a_second_process_is_kept_off_the_log(folder: Path) -> None:
    start(folder)
    done = subprocess.run(
        [sys.executable, "-m", "resources.solana.embedded.service", str(folder)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (3, f"{folder}: another process serves this chain\n")


def test_a_broken_log_is_named_and_nothing_runs(folder: Path) -> None:
    start(folder)
    stop_chain(folder)
    log = folder / "chain.log"
    log.write_bytes(b"00000000 {}\n" + log.read_bytes())
    with pytest.raises(ChainServiceError, match="its log is"):
        start(folder)
    assert "record 1: its checksum" in (folder / "service.log").read_text()
    log.unlink()


def test_a_transaction_has_a_page_for_people(folder: Path) -> None:
    running = start(folder)
    assert last_port(folder) == running.port
    with SolanaRpc(running.url) as rpc:
        signature = rpc.airdrop(str(Keypair().pubkey()), 2 * SOL)
    with urllib.request.urlopen(f"{running.url}/tx/{signature}") as answer:
        page = answer.read().decode()
    assert signature in page
    assert "2.000000000 SOL" in page
    assert "worth nothing" in page
    with pytest.raises(urllib.error.HTTPError, match="404") as refused:
        urllib.request.urlopen(f"{running.url}/tx/{signature[:-1]}")
    refused.value.close()
