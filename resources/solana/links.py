"""Where people look at a transaction; imports nothing heavy."""

from pathlib import Path
from urllib.parse import urlsplit

from resources.solana.embedded.places import chain_folder, last_port

_EXPLORER = "https://explorer.solana.com/tx/{signature}"
_TEST_CLUSTERS = ("devnet", "testnet")


def transaction_link(
    signature: str, *, home: Path, rpc_url: str | None, explorer_url: str | None
) -> str | None:
    """The page of a transaction; None where the embedded chain never ran.

    Args:
        signature: Of the transaction.
        home: The home folder, for the embedded chain's own page.
        rpc_url: The chain's endpoint; None for the embedded chain.
        explorer_url: A page with `{signature}` in it, instead.
    """
    if explorer_url is not None:
        return explorer_url.replace("{signature}", signature)
    if rpc_url is not None:
        return _EXPLORER.replace("{signature}", signature) + _cluster(rpc_url)
    port = last_port(chain_folder(home))
    return None if port is None else f"http://127.0.0.1:{port}/tx/{signature}"


def _cluster(url: str) -> str:
    """The explorer's query for a test cluster, by the endpoint's host."""
    host = urlsplit(url).hostname or ""
    named = [name for name in _TEST_CLUSTERS if name in host]
    return f"?cluster={named[0]}" if named else ""
