"""What can go wrong between the platform and a chain; the tree is in the package's docstring.

No message holds a URL's path or query, where providers put their API keys, nor anything of a key file.
"""

from pathlib import Path
from typing import Any


class SolanaError(Exception):
    """Something about the chain, its endpoint or the payer's key."""


class RpcUnavailableError(SolanaError):
    """The endpoint did not give a usable answer.

    Attributes:
        method: The JSON-RPC method.
        host: Host and port of the endpoint.
    """

    def __init__(self, method: str, host: str, problem: str) -> None:
        self.method = method
        self.host = host
        super().__init__(f"{method} at {host}: {problem}; nothing is lost, run again when it answers")


class RpcRefusedError(SolanaError):
    """The endpoint answered with a JSON-RPC error.

    Attributes:
        method: The JSON-RPC method.
        code: Of the error.
        data: What came with it.
    """

    def __init__(self, method: str, code: int, message: str, data: Any = None) -> None:
        self.method = method
        self.code = code
        self.data = data
        super().__init__(f"{method} was refused with code {code}: {message}")


class PayerKeyError(SolanaError):
    """There is no usable key where the settings say; the message never holds any of its content."""

    def __init__(self, source: str, problem: str) -> None:
        self.source = source
        super().__init__(f"the payer's key in {source}: {problem}")


class ChainLogError(SolanaError):
    """The embedded chain's log is damaged."""

    def __init__(self, path: Path, line: int, problem: str) -> None:
        self.path = path
        self.line = line
        super().__init__(
            f"{path}, record {line}: {problem}; restore the file, or move it away to begin a new chain "
            "(the ledger will refuse to pay on it)"
        )


class ChainServiceError(SolanaError):
    """The embedded chain's process could not be started or stopped."""
