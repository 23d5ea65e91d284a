"""Instructions of the programs that payouts use, encoded by hand where solders has no builder.

System transfer, idempotent creation of an associated token account, TransferChecked, Memo; and for
the tests' mints InitializeMint2 and MintTo. Layouts: facts of the SPL programs, executed on LiteSVM.
"""

import struct

from solders.instruction import AccountMeta, Instruction
from solders.pubkey import Pubkey
from solders.system_program import ID as SYSTEM_PROGRAM
from solders.system_program import TransferParams, transfer
from solders.token.associated import get_associated_token_address

TOKEN_PROGRAM = Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
ATA_PROGRAM = Pubkey.from_string("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL")
MEMO_PROGRAM = Pubkey.from_string("MemoSq4gqABAXKb96qnH8TysNcWxMyWCqXgDLGmfcHr")
MINT_BYTES = 82
TOKEN_ACCOUNT_BYTES = 165
# A token of so many decimals is paid one base unit per lamport.
TOKEN_DECIMALS = 9

SYSTEM_TRANSFER = struct.Struct("<IQ")  # 2, lamports
TOKEN_AMOUNT = struct.Struct("<BQB")  # instruction, base units, decimals
_SYSTEM_TRANSFER_TAG = 2
_TRANSFER_CHECKED_TAG = 12
_MINT_TO_TAG = 14
_INITIALIZE_MINT_TAG = 20
_CREATE_IDEMPOTENT = bytes([1])


def token_account(owner: Pubkey, mint: Pubkey) -> Pubkey:
    """The owner's associated token account."""
    return get_associated_token_address(owner, mint)


def pay_sol(payer: Pubkey, wallet: Pubkey, lamports: int) -> list[Instruction]:
    """A system transfer."""
    return [transfer(TransferParams(from_pubkey=payer, to_pubkey=wallet, lamports=lamports))]


def pay_token(payer: Pubkey, wallet: Pubkey, mint: Pubkey, units: int) -> list[Instruction]:
    """A TransferChecked to the wallet's token account, which is made at the payer's cost if need be."""
    destination = token_account(wallet, mint)
    create = Instruction(
        ATA_PROGRAM,
        _CREATE_IDEMPOTENT,
        [
            AccountMeta(payer, is_signer=True, is_writable=True),
            AccountMeta(destination, is_signer=False, is_writable=True),
            AccountMeta(wallet, is_signer=False, is_writable=False),
            AccountMeta(mint, is_signer=False, is_writable=False),
            AccountMeta(SYSTEM_PROGRAM, is_signer=False, is_writable=False),
            AccountMeta(TOKEN_PROGRAM, is_signer=False, is_writable=False),
        ],
    )
    move = Instruction(
        TOKEN_PROGRAM,
        TOKEN_AMOUNT.pack(_TRANSFER_CHECKED_TAG, units, TOKEN_DECIMALS),
        [
            AccountMeta(token_account(payer, mint), is_signer=False, is_writable=True),
            AccountMeta(mint, is_signer=False, is_writable=False),
            AccountMeta(destination, is_signer=False, is_writable=True),
            AccountMeta(payer, is_signer=True, is_writable=False),
        ],
    )
    return [create, move]


def memo(text: str, signer: Pubkey) -> Instruction:
    """A memo that the signer vouches for."""
    return Instruction(MEMO_PROGRAM, text.encode(), [AccountMeta(signer, is_signer=True, is_writable=False)])


def system_transfer_lamports(data: bytes) -> int | None:
    """The amount of a system transfer's instruction data; None for another instruction."""
    if len(data) != SYSTEM_TRANSFER.size:
        return None
    tag, lamports = SYSTEM_TRANSFER.unpack(data)
    return int(lamports) if tag == _SYSTEM_TRANSFER_TAG else None


def transfer_checked_units(data: bytes) -> int | None:
    """The amount of a TransferChecked's instruction data; None for another instruction."""
    if len(data) != TOKEN_AMOUNT.size or data[0] != _TRANSFER_CHECKED_TAG:
        return None
    return int(TOKEN_AMOUNT.unpack(data)[1])


def initialize_mint(mint: Pubkey, authority: Pubkey) -> Instruction:
    """InitializeMint2 without a freeze authority."""
    data = bytes([_INITIALIZE_MINT_TAG, TOKEN_DECIMALS]) + bytes(authority) + b"\0"
    return Instruction(TOKEN_PROGRAM, data, [AccountMeta(mint, is_signer=False, is_writable=True)])


def mint_to(mint: Pubkey, owner: Pubkey, authority: Pubkey, units: int) -> Instruction:
    """MintToChecked into the owner's associated token account."""
    return Instruction(
        TOKEN_PROGRAM,
        TOKEN_AMOUNT.pack(_MINT_TO_TAG, units, TOKEN_DECIMALS),
        [
            AccountMeta(mint, is_signer=False, is_writable=True),
            AccountMeta(token_account(owner, mint), is_signer=False, is_writable=True),
            AccountMeta(authority, is_signer=True, is_writable=False),
        ],
    )
