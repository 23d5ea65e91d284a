"""The JSON-RPC methods of a Solana node, over the embedded chain.

Names, parameters, answers and error codes are those of a node; what it does not have is refused as a
node refuses an unknown method. `advanceBlocks` and `requestAirdrop` exist on test chains only.
Every transaction is final as soon as it has landed, so that all commitments say the same.
"""

import base64
import binascii
import json
from collections.abc import Callable
from typing import Any

from solders.account import Account
from solders.hash import Hash
from solders.message import Message
from solders.pubkey import Pubkey
from solders.system_program import TransferParams, transfer
from solders.token.state import Mint, TokenAccount
from solders.transaction import VersionedTransaction

from resources.solana.embedded.chain import EmbeddedChain, Executed, InvalidTransactionError
from resources.solana.programs import TOKEN_ACCOUNT_BYTES, TOKEN_PROGRAM

_PARSE_ERROR, _INVALID_REQUEST, _NO_METHOD, _INVALID_PARAMS = -32700, -32600, -32601, -32602
_PREFLIGHT_FAILED = -32002
_STATUSES_MAX = 256
_PAGE_MAX = 1_000
_SLOTS_IN_EPOCH = 432_000


class FacadeError(Exception):
    """A JSON-RPC error answer."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        self.code = code
        self.data = data
        super().__init__(message)


class Facade:
    """Answers JSON-RPC requests from one chain."""

    def __init__(self, chain: EmbeddedChain) -> None:
        self._chain = chain
        self._methods: dict[str, Callable[..., Any]] = {
            "advanceBlocks": self._advance_blocks,
            "getAccountInfo": self._account_info,
            "getBalance": self._balance,
            "getBlockHeight": lambda _options=None: chain.height,
            "getEpochInfo": self._epoch_info,
            "getFirstAvailableBlock": lambda: 0,
            "getGenesisHash": lambda: chain.genesis_hash,
            "getHealth": lambda: "ok",
            "getLatestBlockhash": self._latest_blockhash,
            "getMinimumBalanceForRentExemption": lambda size, _options=None: chain.rent_lamports(size),
            "getSignatureStatuses": self._signature_statuses,
            "getSignaturesForAddress": self._signatures_for_address,
            "getSlot": lambda _options=None: chain.slot,
            "getTokenAccountBalance": self._token_account_balance,
            "getTransaction": self._transaction,
            "getVersion": lambda: {"solana-core": "scalediff-embedded", "feature-set": 0},
            "isBlockhashValid": lambda text, _options=None: self._context(chain.is_valid(text)),
            "requestAirdrop": self._request_airdrop,
            "sendTransaction": self._send_transaction,
            "simulateTransaction": self._simulate_transaction,
        }

    def answer(self, body: bytes) -> bytes:
        """The answer to a request, or to a batch of them."""
        try:
            request = json.loads(body)
        except ValueError:
            return json.dumps(_refusal(None, _PARSE_ERROR, "Parse error")).encode()
        if isinstance(request, list):
            return json.dumps([self._one(each) for each in request]).encode()
        return json.dumps(self._one(request)).encode()

    def _one(self, request: Any) -> dict[str, Any]:
        if not isinstance(request, dict) or not isinstance(request.get("method"), str):
            return _refusal(None, _INVALID_REQUEST, "Invalid request")
        number, method = request.get("id"), self._methods.get(request["method"])
        if method is None:
            return _refusal(number, _NO_METHOD, "Method not found")
        try:
            return {"jsonrpc": "2.0", "id": number, "result": method(*request.get("params", []))}
        except FacadeError as error:
            return _refusal(number, error.code, str(error), error.data)
        except (InvalidTransactionError, ValueError, TypeError, KeyError) as error:
            return _refusal(number, _INVALID_PARAMS, f"Invalid params: {error}")

    def _context(self, value: Any) -> dict[str, Any]:
        return {"context": {"slot": self._chain.slot}, "value": value}

    def _advance_blocks(self, blocks: int) -> int:
        if not 0 < blocks <= 1_000_000:
            raise FacadeError(_INVALID_PARAMS, f"Invalid params: {blocks} blocks (1 to 1000000)")
        return self._chain.advance(blocks)

    def _balance(self, address: str, _options: Any = None) -> dict[str, Any]:
        account = self._chain.account(Pubkey.from_string(address))
        return self._context(0 if account is None else account.lamports)

    def _account_info(self, address: str, _options: Any = None) -> dict[str, Any]:
        account = self._chain.account(Pubkey.from_string(address))
        return self._context(None if account is None else _account_json(account))

    def _epoch_info(self, _options: Any = None) -> dict[str, int]:
        slot = self._chain.slot
        return {
            "absoluteSlot": slot,
            "blockHeight": self._chain.height,
            "epoch": slot // _SLOTS_IN_EPOCH,
            "slotIndex": slot % _SLOTS_IN_EPOCH,
            "slotsInEpoch": _SLOTS_IN_EPOCH,
        }

    def _latest_blockhash(self, _options: Any = None) -> dict[str, Any]:
        blockhash, last_valid = self._chain.blockhash()
        return self._context({"blockhash": blockhash, "lastValidBlockHeight": last_valid})

    def _token_account_balance(self, address: str, _options: Any = None) -> dict[str, Any]:
        account = self._chain.account(Pubkey.from_string(address))
        if account is None or account.owner != TOKEN_PROGRAM or len(account.data) != TOKEN_ACCOUNT_BYTES:
            raise FacadeError(_INVALID_PARAMS, "Invalid param: could not find account")
        held = TokenAccount.from_bytes(account.data)
        mint = self._chain.account(held.mint)
        decimals = Mint.from_bytes(mint.data).decimals if mint is not None else 0
        return self._context({"amount": str(held.amount), "decimals": decimals})

    def _send_transaction(self, encoded: str, options: dict[str, Any] | None = None) -> str:
        options = options or {}
        wire = _decode(encoded, options)
        if not options.get("skipPreflight", False):
            self._preflight(wire)
        return self._chain.submit(wire)

    def _preflight(self, wire: bytes) -> None:
        outcome = self._chain.simulate(wire)
        if outcome.error is not None:
            message = f"Transaction simulation failed: {json.dumps(outcome.error)}"
            raise FacadeError(_PREFLIGHT_FAILED, message, {"err": outcome.error, "logs": list(outcome.logs)})

    def _simulate_transaction(self, encoded: str, options: dict[str, Any] | None = None) -> dict[str, Any]:
        outcome = self._chain.simulate(_decode(encoded, options or {}))
        logs, units = list(outcome.logs), outcome.units
        return self._context({"err": outcome.error, "logs": logs, "unitsConsumed": units})

    def _signature_statuses(self, signatures: list[str], _options: Any = None) -> dict[str, Any]:
        if len(signatures) > _STATUSES_MAX:
            raise FacadeError(_INVALID_PARAMS, f"Too many inputs provided; max {_STATUSES_MAX}")
        return self._context([_status_json(self._chain.transaction(each)) for each in signatures])

    def _signatures_for_address(self, address: str, options: Any = None) -> list[dict[str, Any]]:
        options = options or {}
        found = self._chain.signatures_of(str(Pubkey.from_string(address)))
        before, limit = options.get("before"), int(options.get("limit", _PAGE_MAX))
        start = 0 if before is None else found.index(before) + 1
        page = [self._chain.transaction(each) for each in found[start : start + min(limit, _PAGE_MAX)]]
        return [
            {
                "signature": executed.signature,
                "slot": executed.slot,
                "err": executed.outcome.error,
                "memo": None,
                "blockTime": executed.block_time_s,
                "confirmationStatus": "finalized",
            }
            for executed in page
            if executed is not None
        ]

    def _transaction(self, signature: str, options: Any = None) -> dict[str, Any] | None:
        encoding = (options if isinstance(options, dict) else {}).get("encoding", "base64")
        if encoding != "base64":
            raise FacadeError(_INVALID_PARAMS, f"Invalid params: encoding {encoding!r}; use base64")
        executed = self._chain.transaction(signature)
        return None if executed is None else _transaction_json(executed)

    def _request_airdrop(self, address: str, lamports: int, _options: Any = None) -> str:
        faucet, target = self._chain.faucet(), Pubkey.from_string(address)
        blockhash = Hash.from_string(self._chain.blockhash()[0])
        params = TransferParams(from_pubkey=faucet.pubkey(), to_pubkey=target, lamports=lamports)
        message = Message.new_with_blockhash([transfer(params)], faucet.pubkey(), blockhash)
        return self._chain.submit(bytes(VersionedTransaction(message, [faucet])))


def _refusal(number: Any, code: int, message: str, data: Any = None) -> dict[str, Any]:
    error = {"code": code, "message": message} | ({} if data is None else {"data": data})
    return {"jsonrpc": "2.0", "id": number, "error": error}


def _decode(encoded: str, options: dict[str, Any]) -> bytes:
    if options.get("encoding") != "base64":
        raise FacadeError(_INVALID_PARAMS, "Invalid params: send transactions with encoding base64")
    try:
        return base64.b64decode(encoded, validate=True)
    except binascii.Error as error:
        raise FacadeError(_INVALID_PARAMS, f"Invalid params: {error}") from error


def _status_json(executed: Executed | None) -> dict[str, Any] | None:
    if executed is None:
        return None
    error = executed.outcome.error
    return {
        "slot": executed.slot,
        "confirmations": None,
        "err": error,
        "status": {"Ok": None} if error is None else {"Err": error},
        "confirmationStatus": "finalized",
    }


def _transaction_json(executed: Executed) -> dict[str, Any]:
    outcome, (before, after) = executed.outcome, executed.balances
    return {
        "slot": executed.slot,
        "blockTime": executed.block_time_s,
        "version": "legacy",
        "meta": {
            "err": outcome.error,
            "fee": outcome.fee_lamports,
            "preBalances": list(before),
            "postBalances": list(after),
            "logMessages": list(outcome.logs),
            "computeUnitsConsumed": outcome.units,
        },
        "transaction": [base64.b64encode(executed.wire).decode(), "base64"],
    }


def _account_json(account: Account) -> dict[str, Any]:
    return {
        "lamports": account.lamports,
        "owner": str(account.owner),
        "data": [base64.b64encode(account.data).decode(), "base64"],
        "executable": account.executable,
        "rentEpoch": account.rent_epoch,
        "space": len(account.data),
    }
