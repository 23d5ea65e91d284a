"""Sessions on the wire: ids, object keys and the files of a bundle.

A session is one player's drive of up to 60 s; its bundle is five files, and a sixth where the
client recorded the picture before painting. The JSON inside the files is in `bundle.py`.

Two key forms exist and both are read:

- documented: `{wallet}/{session_id}_meta.json`
- recorded:   `{wallet}/{upload_ms}_{session_id}_meta.json`, a new 13-digit prefix for each file
"""

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum

WALLET_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,64}")
SESSION_ID_PATTERN = re.compile(r"session_[0-9]{13}_[a-z0-9]{1,16}")
_FILE_NAME = re.compile(
    r"(?:(?P<upload_ms>[0-9]{13})_)?(?P<session_id>session_[0-9]{13}_[a-z0-9]{1,16})(?P<suffix>[._].*)"
)
MAX_KEY_CHARS = 256


class BundleFile(StrEnum):
    """One file of a bundle; the value is what follows the session id in its name."""

    VIDEO = ".webm"
    INPUTS = "_inputs.json"
    CAMERA = "_camera.json"
    LATENCY = "_latency.json"
    META = "_meta.json"
    SOURCE_VIDEO = "_source.webm"

    @property
    def label(self) -> str:
        """The file's short name: `video`, `inputs`, ..., `source_video`."""
        return self.name.lower()


REQUIRED_FILES = (
    BundleFile.VIDEO,
    BundleFile.INPUTS,
    BundleFile.CAMERA,
    BundleFile.LATENCY,
    BundleFile.META,
)


class UnrecognisedKeyError(ValueError):
    """An object key that belongs to no bundle."""

    def __init__(self, key: str, problem: str) -> None:
        self.key = key
        self.problem = problem
        super().__init__(
            f"{key[:MAX_KEY_CHARS]!r}: {problem}; expected "
            "{wallet}/[{upload_ms}_]{session_id}[_inputs|_camera|_latency|_meta|_source].(webm|json)"
        )


@dataclass(frozen=True, kw_only=True)
class ObjectKey:
    """A parsed object key.

    Attributes:
        wallet: First key segment; the player's wallet address.
        session_id: `session_{13 digits}_{base36}`.
        file: Which file of the bundle.
        upload_ms: Epoch ms at which the upload URL was signed; None in the documented form.
    """

    wallet: str
    session_id: str
    file: BundleFile
    upload_ms: int | None = None

    def __str__(self) -> str:
        prefix = "" if self.upload_ms is None else f"{self.upload_ms}_"
        return f"{self.wallet}/{prefix}{self.session_id}{self.file.value}"


def parse_object_key(key: str) -> ObjectKey:
    """Parse `{wallet}/[{upload_ms}_]{session_id}{suffix}`.

    Raises:
        UnrecognisedKeyError: For any other key, path tricks included.
    """
    if len(key) > MAX_KEY_CHARS:
        raise UnrecognisedKeyError(key, f"key of {len(key)} characters (limit {MAX_KEY_CHARS})")
    wallet, slash, name = key.partition("/")
    if not slash or not WALLET_PATTERN.fullmatch(wallet):
        raise UnrecognisedKeyError(key, "the first segment is not a wallet address")
    match = _FILE_NAME.fullmatch(name)
    if match is None:
        raise UnrecognisedKeyError(key, "the file name holds no session id")
    try:
        file = BundleFile(match["suffix"])
    except ValueError as error:
        raise UnrecognisedKeyError(key, f"unknown file {match['suffix']!r}") from error
    upload_ms = int(match["upload_ms"]) if match["upload_ms"] else None
    return ObjectKey(wallet=wallet, session_id=match["session_id"], file=file, upload_ms=upload_ms)


def trace_id(wallet: str, session_id: str) -> str:
    """The session's trace id (32 hex digits, W3C Trace Context), derived so that retries share it."""
    return hashlib.sha256(f"{wallet}/{session_id}".encode()).hexdigest()[:32]
