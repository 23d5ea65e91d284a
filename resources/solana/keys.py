"""The key that pays: read from a file, the environment or a secret manager, kept in one object.

A `Payer` shows its address and nothing else: its text, its representation and its errors hold no key,
and it refuses to be pickled. Texts of keys are what `solana-keygen` writes (a JSON list of 64 numbers)
or base58 of the same 64 bytes.
"""

import json
import os
import stat
from pathlib import Path
from typing import NoReturn

from solders.keypair import Keypair
from solders.message import Message
from solders.pubkey import Pubkey
from solders.transaction import VersionedTransaction

from resources.settings import Settings
from resources.solana.embedded.places import THROWAWAY_FILE
from resources.solana.errors import PayerKeyError

_SHARED_MODES = stat.S_IRWXG | stat.S_IRWXO


class Payer:
    """A wallet that signs payments; `address` is all that it tells."""

    __slots__ = ("__keypair", "address")

    def __init__(self, keypair: Keypair) -> None:
        self.__keypair = keypair
        self.address = str(keypair.pubkey())

    def sign(self, message: Message) -> VersionedTransaction:
        """The message as a transaction signed by this wallet alone."""
        return VersionedTransaction(message, [self.__keypair])

    def __repr__(self) -> str:
        return f"Payer({self.address})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a payer is never pickled: its key would land in a file")


def load_payer(settings: Settings) -> Payer:
    """The payer that the settings name.

    Raises:
        PayerKeyError: Where there is none or it cannot be used; never with any of the key's text.
    """
    if settings.payer_keypair is not None:
        return _parse(settings.payer_keypair, "SCALEDIFF_PAYER_KEYPAIR")
    if settings.payer_keypair_file is not None:
        return _from_file(settings.payer_keypair_file)
    if settings.payer_secret is not None:
        from resources.secrets import read_secret

        return _parse(read_secret(settings.payer_secret, settings), f"secret {settings.payer_secret!r}")
    raise PayerKeyError("the settings", "none is set; see SCALEDIFF_PAYER_KEYPAIR_FILE")


def throwaway_payer(home: Path) -> Path:
    """The file of a key for the embedded chain, made at the first call; only its owner may read it."""
    path = home / THROWAWAY_FILE
    if path.exists():
        return path
    home.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w") as target:  # noqa: PTH123 - a descriptor, no path
        json.dump(list(bytes(Keypair())), target)
        target.flush()
        os.fsync(target.fileno())
    try:
        os.link(temporary, path)  # of many first callers one wins
    except FileExistsError:
        return path
    finally:
        temporary.unlink()
    return path


def _from_file(path: Path) -> Payer:
    try:
        mode = path.stat().st_mode
        text = path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        problem = error.strerror if isinstance(error, OSError) else "is no text"
        raise PayerKeyError(str(path), f"cannot be read ({problem})") from None
    if mode & _SHARED_MODES:
        raise PayerKeyError(str(path), f"others may read it (mode {stat.S_IMODE(mode):04o}); chmod 600 it")
    return _parse(text, str(path))


def _parse(text: str, source: str) -> Payer:
    """A key from its text; what the parsers say is dropped, for it may repeat the text."""
    keypair = None
    try:
        stripped = text.strip()
        raw = bytes(json.loads(stripped)) if stripped.startswith("[") else None
        keypair = Keypair.from_base58_string(stripped) if raw is None else Keypair.from_bytes(raw)
    except (ValueError, TypeError):
        keypair = None
    if keypair is None:
        mend = "use the JSON list of 64 numbers that solana-keygen writes, or base58 of the 64 bytes"
        raise PayerKeyError(source, f"is no Ed25519 key pair; {mend}")
    return Payer(keypair)


def is_wallet(text: str) -> bool:
    """Whether a text is the address of a key that can sign: base58 of a point on the curve."""
    try:
        return bool(Pubkey.from_string(text).is_on_curve())
    except ValueError:
        return False
