"""The API's key: from it come, by purpose, the keys of nonces, tokens and URLs."""

import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path

_BYTES = 32


def key_for(secret: bytes, purpose: str) -> bytes:
    """The key of one purpose: 32 bytes that say nothing of the others."""
    return hmac.digest(secret, f"scalediff upload_api {purpose}".encode(), hashlib.sha256)


def local_secret(path: Path) -> bytes:
    """The random secret in the file `path`, made at the first call; of many first callers one wins.

    Args:
        path: The file; only its owner may read it.
    """
    with contextlib.suppress(FileNotFoundError):
        return path.read_bytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "wb") as target:  # noqa: PTH123 - a descriptor, no path
            target.write(secrets.token_bytes(_BYTES))
            target.flush()
            os.fsync(target.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(temporary, path)
    finally:
        temporary.unlink()
    return path.read_bytes()
