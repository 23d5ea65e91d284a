"""The embedded chain: takes effect once, expires, never goes back, and is the same after a restart."""

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from solders.hash import Hash
from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.system_program import CreateAccountParams, create_account
from solders.transaction import VersionedTransaction

from resources.solana import programs
from resources.solana.embedded.chain import VALID_BLOCKS, EmbeddedChain, InvalidTransactionError
from resources.solana.embedded.facade import Facade
from resources.solana.errors import ChainLogError
from resources.solana.keys import Payer
from resources.solana.transactions import (
    MAX_BYTES,
    SOL_PER_TRANSACTION,
    TOKENS_PER_TRANSACTION,
    Transfer,
    destination_of,
    read_payments,
    sign_batch,
)

SOL = 10**9
LONGEST_MEMO = f"scalediff {10**9 - 20}-{10**9 - 1} {'f' * 16} 999"


class Clock:
    """Seconds that pass only when told."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@contextmanager
def opened(path: Path, clock: Clock | None = None) -> Iterator[EmbeddedChain]:
    chain = EmbeddedChain(path, clock_s=clock or Clock())
    try:
        yield chain
    finally:
        chain.close()


def wallet(number: int) -> str:
    return str(Keypair.from_seed(number.to_bytes(32)).pubkey())


def fund(chain: EmbeddedChain, address: str, lamports: int) -> str:
    return str(ask(chain, "requestAirdrop", address, lamports))


def ask(chain: EmbeddedChain, method: str, *params: Any) -> Any:
    request = {"jsonrpc": "2.0", "id": 7, "method": method, "params": list(params)}
    answer = json.loads(Facade(chain).answer(json.dumps(request).encode()))
    assert (answer["jsonrpc"], answer["id"]) == ("2.0", 7)
    return answer["error"] if "error" in answer else answer["result"]


def balance(chain: EmbeddedChain, address: str) -> int:
    return int(ask(chain, "getBalance", address)["value"])


def funded_payer(chain: EmbeddedChain) -> Payer:
    payer = Payer(Keypair())
    fund(chain, payer.address, 100 * SOL)
    return payer


def payment(chain: EmbeddedChain, payer: Payer, lamports: int, *, memo: str = "scalediff 1 0") -> bytes:
    blockhash, _ = chain.blockhash()
    return sign_batch(payer, [(wallet(1), lamports)], memo=memo, blockhash=blockhash, mint=None).wire


def test_the_same_bytes_take_effect_once_however_often_they_come(tmp_path: Path) -> None:
    with opened(tmp_path / "log") as chain:
        payer = funded_payer(chain)
        wire = payment(chain, payer, 2 * SOL)
        assert chain.submit(wire) == chain.submit(wire)
        assert balance(chain, wallet(1)) == 2 * SOL
    with opened(tmp_path / "log") as chain:
        chain.submit(wire)
        assert balance(chain, wallet(1)) == 2 * SOL


def test_a_restart_gives_the_same_chain(tmp_path: Path) -> None:
    with opened(tmp_path / "log") as chain:
        payer = funded_payer(chain)
        signatures = [chain.submit(payment(chain, payer, SOL + n, memo=f"m {n}")) for n in range(5)]
        before = [ask(chain, "getTransaction", each) for each in signatures]
        addresses = [payer.address, wallet(1)]
        state = (chain.genesis_hash, [balance(chain, each) for each in addresses])
        history = chain.signatures_of(wallet(1))
    with opened(tmp_path / "log") as chain:
        assert [ask(chain, "getTransaction", each) for each in signatures] == before
        assert (chain.genesis_hash, [balance(chain, each) for each in addresses]) == state
        assert chain.signatures_of(wallet(1)) == history == signatures[::-1]


def test_a_transaction_lands_until_its_last_block_and_never_after(tmp_path: Path) -> None:
    with opened(tmp_path / "log") as chain:
        payer = funded_payer(chain)
        in_time, late = payment(chain, payer, SOL, memo="a"), payment(chain, payer, SOL, memo="b")
        _, last_valid = chain.blockhash()
        assert last_valid == chain.height + VALID_BLOCKS
        chain.advance(VALID_BLOCKS)
        chain.submit(in_time)
        chain.advance(1)
        signature = chain.submit(late)
        assert chain.transaction(signature) is None
        assert balance(chain, wallet(1)) == SOL


def test_blocks_pass_with_the_clock(tmp_path: Path) -> None:
    clock = Clock()
    with opened(tmp_path / "log", clock) as chain:
        first = chain.height
        clock.now_s += 60.0
        assert chain.height == first + 150


def test_the_height_never_goes_back_so_that_what_expired_stays_expired(tmp_path: Path) -> None:
    clock = Clock()
    with opened(tmp_path / "log", clock) as chain:
        payer = funded_payer(chain)
        wire = payment(chain, payer, SOL)
        clock.now_s += 10_000.0
        seen = chain.height
    with opened(tmp_path / "log", Clock()) as chain:
        assert chain.height > seen
        assert chain.transaction(chain.submit(wire)) is None


def test_a_failed_transaction_lands_costs_its_fee_and_moves_nothing(tmp_path: Path) -> None:
    with opened(tmp_path / "log") as chain:
        payer = funded_payer(chain)
        signature = chain.submit(payment(chain, payer, 1_000 * SOL))
        (status,) = ask(chain, "getSignatureStatuses", [signature])["value"]
        assert status["err"] == {"InstructionError": [1, {"Custom": 1}]}
        assert status["confirmationStatus"] == "finalized"
        assert balance(chain, payer.address) == 100 * SOL - 5_000
        too_small = chain.submit(payment(chain, payer, 10))
        (status,) = ask(chain, "getSignatureStatuses", [too_small])["value"]
        assert status["err"] == {"InsufficientFundsForRent": {"account_index": 1}}


def test_whoever_has_nothing_leaves_no_trace(tmp_path: Path) -> None:
    with opened(tmp_path / "log") as chain:
        signature = chain.submit(payment(chain, Payer(Keypair()), SOL))
        assert ask(chain, "getSignatureStatuses", [signature])["value"] == [None]


def test_preflight_refuses_what_would_fail_and_what_landed(tmp_path: Path) -> None:
    with opened(tmp_path / "log") as chain:
        payer = funded_payer(chain)
        wire = payment(chain, payer, SOL)
        encoded = base64.b64encode(wire).decode()
        chain.submit(wire)
        error = ask(chain, "sendTransaction", encoded, {"encoding": "base64"})
        assert (error["code"], error["data"]["err"]) == (-32002, "AlreadyProcessed")
        stale = base64.b64encode(payment(chain, payer, 2 * SOL)).decode()
        chain.advance(VALID_BLOCKS + 1)
        error = ask(chain, "sendTransaction", stale, {"encoding": "base64"})
        assert error["data"]["err"] == "BlockhashNotFound"
        unchecked = {"encoding": "base64", "skipPreflight": True}
        assert isinstance(ask(chain, "sendTransaction", stale, unchecked), str)


def test_foreign_and_forged_bytes_are_refused(tmp_path: Path) -> None:
    with opened(tmp_path / "log") as chain:
        payer = funded_payer(chain)
        wire = bytearray(payment(chain, payer, SOL))
        wire[-1] ^= 1
        for broken in (bytes(wire), b"", b"\x00" * 100):
            with pytest.raises(InvalidTransactionError):
                chain.submit(broken)
        assert balance(chain, wallet(1)) == 0


@pytest.mark.parametrize("method", ["getClusterNodes", "", "advanceblocks"])
def test_an_unknown_method_is_refused_as_a_node_does(tmp_path: Path, method: str) -> None:
    with opened(tmp_path / "log") as chain:
        assert ask(chain, method)["code"] == -32601


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("getBalance", ["not base58!"]),
        ("getBalance", []),
        ("getSignatureStatuses", [["x"] * 257]),
        ("getTransaction", ["x", {"encoding": "jsonParsed"}]),
        ("sendTransaction", ["AAAA", {"encoding": "base58"}]),
        ("sendTransaction", ["****", {"encoding": "base64"}]),
        ("getTokenAccountBalance", [str(Pubkey.default())]),
        ("advanceBlocks", [0]),
    ],
)
def test_wrong_parameters_are_refused_with_a_code(tmp_path: Path, method: str, params: list[Any]) -> None:
    with opened(tmp_path / "log") as chain:
        assert ask(chain, method, *params)["code"] == -32602


def test_requests_may_come_in_batches_and_broken_ones_get_their_error(tmp_path: Path) -> None:
    with opened(tmp_path / "log") as chain:
        facade = Facade(chain)
        request = {"jsonrpc": "2.0", "id": 1, "method": "getHealth"}
        answers = json.loads(facade.answer(json.dumps([request, {"id": 2}, 3]).encode()))
        assert [each.get("result", each.get("error", {}).get("code")) for each in answers] == [
            "ok", -32600, -32600,
        ]  # fmt: skip
        assert json.loads(facade.answer(b"{"))["error"]["code"] == -32700


def test_history_is_paged_newest_first(tmp_path: Path) -> None:
    with opened(tmp_path / "log") as chain:
        payer = funded_payer(chain)
        sent = [chain.submit(payment(chain, payer, SOL, memo=f"m {n}")) for n in range(4)][::-1]
        first = ask(chain, "getSignaturesForAddress", wallet(1), {"limit": 3})
        rest = ask(chain, "getSignaturesForAddress", wallet(1), {"before": first[-1]["signature"]})
        assert [each["signature"] for each in first + rest] == sent


def test_a_torn_last_record_was_never_answered_for_and_goes(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with opened(path) as chain:
        payer = funded_payer(chain)
        chain.submit(payment(chain, payer, SOL))
    whole = path.read_bytes()
    for cut in (1, 20, 200):
        path.write_bytes(whole[:-cut])
        with opened(path) as chain:
            # The records behind the torn one are gone with it, the chain goes on.
            assert balance(chain, payer.address) in (100 * SOL, 99 * SOL - 5_000)
            fund(chain, wallet(2), SOL)
        with opened(path) as chain:
            assert balance(chain, wallet(2)) == SOL


def test_damage_in_the_middle_is_an_error_that_names_the_record(tmp_path: Path) -> None:
    path = tmp_path / "log"
    with opened(path) as chain:
        funded_payer(chain)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], lines[1].replace(b"0", b"1"), *lines[2:]]))
    with pytest.raises(ChainLogError, match="record 2: its checksum"):
        EmbeddedChain(path)


def test_a_log_that_does_not_replay_alike_is_refused(tmp_path: Path) -> None:
    from resources.solana.embedded.log import ChainLog

    with opened(tmp_path / "a") as chain:
        payer = funded_payer(chain)
        chain.submit(payment(chain, payer, SOL))
    source, forged = ChainLog(tmp_path / "a"), ChainLog(tmp_path / "b")
    genesis, reserved, _funding, spending = source.records()
    for record in (genesis, reserved, spending):
        forged.append(record)
    for log in (source, forged):
        log.close()
    with pytest.raises(ChainLogError, match="AccountNotFound"):
        EmbeddedChain(tmp_path / "b")


def test_a_chain_that_cannot_write_answers_nothing_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(tmp_path / "log") as chain:
        payer = funded_payer(chain)
        wire = payment(chain, payer, SOL)

        def full(_record: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(chain._log, "append", full)
        with pytest.raises(OSError, match="No space"):
            chain.submit(wire)
        monkeypatch.undo()
        with pytest.raises(ChainLogError, match="started again"):
            chain.submit(wire)
    with opened(tmp_path / "log") as chain:
        assert balance(chain, wallet(1)) == 0


@pytest.mark.parametrize(
    ("mint", "count"), [(None, SOL_PER_TRANSACTION), (wallet(99), TOKENS_PER_TRANSACTION)]
)
def test_a_full_transaction_fits_and_says_what_it_pays(mint: str | None, count: int) -> None:
    payer = Payer(Keypair())
    pairs = [(wallet(number), 10**12 + number) for number in range(1, count + 1)]
    batch = sign_batch(payer, pairs, memo=LONGEST_MEMO, blockhash=str(Hash.default()), mint=mint)
    assert len(batch.wire) <= MAX_BYTES
    paid = read_payments(batch.wire)
    assert (paid.payer, paid.memo) == (payer.address, LONGEST_MEMO)
    assert paid.transfers == tuple(
        Transfer(destination=destination_of(name, mint), lamports=lamports) for name, lamports in pairs
    )
    more = [*pairs, (wallet(98), 1)]
    with pytest.raises(ValueError, match="limit 1232"):
        sign_batch(payer, more, memo=LONGEST_MEMO, blockhash=str(Hash.default()), mint=mint)


def make_mint(chain: EmbeddedChain, authority: Keypair, units: int) -> str:
    """A token of nine decimals, all of it the authority's."""
    mint = Keypair()
    space = programs.MINT_BYTES
    owner = authority.pubkey()
    instructions = [
        create_account(
            CreateAccountParams(
                from_pubkey=owner,
                to_pubkey=mint.pubkey(),
                lamports=chain.rent_lamports(space),
                space=space,
                owner=programs.TOKEN_PROGRAM,
            )
        ),
        programs.initialize_mint(mint.pubkey(), owner),
        programs.pay_token(owner, owner, mint.pubkey(), 0)[0],
        programs.mint_to(mint.pubkey(), owner, owner, units),
    ]
    blockhash = Hash.from_string(chain.blockhash()[0])
    message = Message.new_with_blockhash(instructions, owner, blockhash)
    signature = chain.submit(bytes(VersionedTransaction(message, [authority, mint])))
    landed = chain.transaction(signature)
    assert landed is not None
    assert landed.outcome.error is None
    return str(mint.pubkey())


def test_tokens_are_paid_into_accounts_that_are_made_with_a_memo(tmp_path: Path) -> None:
    with opened(tmp_path / "log") as chain:
        authority = Keypair()
        fund(chain, str(authority.pubkey()), 100 * SOL)
        mint = make_mint(chain, authority, 10**12)
        pairs = [(wallet(number), 1_000 + number) for number in range(TOKENS_PER_TRANSACTION)]
        blockhash, _ = chain.blockhash()
        batch = sign_batch(Payer(authority), pairs, memo="scalediff 1-10 ab", blockhash=blockhash, mint=mint)
        chain.submit(batch.wire)
        landed = chain.transaction(batch.signature)
        assert landed is not None
        assert landed.outcome.error is None
        assert any("scalediff 1-10 ab" in line for line in landed.outcome.logs)
        for name, units in pairs:
            found = ask(chain, "getTokenAccountBalance", destination_of(name, mint))["value"]
            assert (found["amount"], found["decimals"]) == (str(units), 9)


def test_every_lookup_of_a_node_answers(tmp_path: Path) -> None:
    with opened(tmp_path / "log") as chain:
        payer = funded_payer(chain)
        checks: dict[str, Callable[[Any], bool]] = {
            "getVersion": lambda found: "solana-core" in found,
            "getSlot": lambda found: found == chain.slot,
            "getBlockHeight": lambda found: found < chain.slot,
            "getFirstAvailableBlock": lambda found: found == 0,
            "getEpochInfo": lambda found: found["blockHeight"] == chain.height,
        }
        for method, holds in checks.items():
            assert holds(ask(chain, method)), method
        assert ask(chain, "getMinimumBalanceForRentExemption", 0) == 890_880
        assert ask(chain, "isBlockhashValid", chain.blockhash()[0])["value"]
        assert not ask(chain, "isBlockhashValid", str(Hash.default()))["value"]
        assert ask(chain, "getAccountInfo", payer.address)["value"]["lamports"] == 100 * SOL
        encoded = base64.b64encode(payment(chain, payer, SOL)).decode()
        assert ask(chain, "simulateTransaction", encoded, {"encoding": "base64"})["value"]["err"] is None
        assert balance(chain, wallet(1)) == 0
