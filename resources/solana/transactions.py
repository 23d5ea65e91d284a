"""A batch of payments as one signed transaction, and a transaction read back as payments.

A transaction may have 1,232 bytes. A system transfer takes 49 of them and a token transfer with the
creation of its account 103, so that one signature, one blockhash and one memo carry 20 or 9 payments.
The memo names the payments and a digest of the ledger entries behind them:

    scalediff 1042-1061 3f9a0c2277b1e004
"""

from collections.abc import Sequence
from dataclasses import dataclass

from solders.hash import Hash
from solders.message import Message
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.transaction import VersionedTransaction

from resources.solana import programs
from resources.solana.keys import Payer

MAX_BYTES = 1_232
SOL_PER_TRANSACTION = 20
TOKENS_PER_TRANSACTION = 9


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """An amount on its way to a wallet.

    Attributes:
        destination: The wallet, or its token account.
        lamports: Lamports, or base units of the token.
    """

    destination: str
    lamports: int


@dataclass(frozen=True, kw_only=True)
class SignedBatch:
    """A transaction that may be sent any number of times and takes effect at most once.

    Attributes:
        signature: Base58; known before anything is sent.
        wire: The bytes that are sent.
    """

    signature: str
    wire: bytes


@dataclass(frozen=True, kw_only=True)
class Paid:
    """What a transaction says that it pays."""

    payer: str
    transfers: tuple[Transfer, ...]
    memo: str | None


def per_transaction(mint: str | None) -> int:
    """Payments that fit into one transaction."""
    return SOL_PER_TRANSACTION if mint is None else TOKENS_PER_TRANSACTION


def destination_of(wallet: str, mint: str | None) -> str:
    """Where a wallet's money goes: to itself, or to its token account."""
    if mint is None:
        return wallet
    return str(programs.token_account(Pubkey.from_string(wallet), Pubkey.from_string(mint)))


def sign_batch(
    payer: Payer, payments: Sequence[tuple[str, int]], *, memo: str, blockhash: str, mint: str | None
) -> SignedBatch:
    """Sign the payment of (wallet, lamports) pairs.

    Raises:
        ValueError: If a wallet is no address, or the transaction would be too large.
    """
    source = Pubkey.from_string(payer.address)
    instructions = [programs.memo(memo, source)]
    for wallet, lamports in payments:
        target = Pubkey.from_string(wallet)
        if mint is None:
            instructions += programs.pay_sol(source, target, lamports)
        else:
            instructions += programs.pay_token(source, target, Pubkey.from_string(mint), lamports)
    message = Message.new_with_blockhash(instructions, source, Hash.from_string(blockhash))
    signed = payer.sign(message)
    wire = bytes(signed)
    if len(wire) > MAX_BYTES:
        raise ValueError(f"{len(payments)} payments take {len(wire)} bytes (limit {MAX_BYTES})")
    return SignedBatch(signature=str(signed.signatures[0]), wire=wire)


def read_payments(wire: bytes) -> Paid:
    """What a transaction pays, from its bytes; instructions of other programs are passed over."""
    message = VersionedTransaction.from_bytes(wire).message
    keys = message.account_keys
    transfers, memo = [], None
    for instruction in message.instructions:
        program, data = keys[instruction.program_id_index], bytes(instruction.data)
        accounts = bytes(instruction.accounts)
        if program == programs.MEMO_PROGRAM:
            memo = data.decode(errors="replace")
        elif program == SYSTEM_PROGRAM:
            lamports = programs.system_transfer_lamports(data)
            if lamports is not None:
                transfers.append(Transfer(destination=str(keys[accounts[1]]), lamports=lamports))
        elif program == programs.TOKEN_PROGRAM:
            units = programs.transfer_checked_units(data)
            if units is not None:
                transfers.append(Transfer(destination=str(keys[accounts[2]]), lamports=units))
    return Paid(payer=str(keys[0]), transfers=tuple(transfers), memo=memo)
