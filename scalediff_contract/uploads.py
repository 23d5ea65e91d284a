"""The upload API's messages: what the game and the API say to each other, camelCase on the wire.

Sizes are bounded in `limits.py`, keys in `sessions.py`. Unknown fields are refused and nothing is
coerced: `"5"` is no size. Times are epoch ms of the server's clock, so a client's clock never counts.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from scalediff_contract.bundle import FileLabel, Sha256
from scalediff_contract.sessions import BundleFile

UploadLabel = Literal[FileLabel, "meta"]
EarningState = Literal["owed", "sent", "paid", "blocked"]
PlayerStatus = Literal["issued", "collecting", "quarantined", "rejected", "accepted"]

WALLET_ADDRESS = r"^[1-9A-HJ-NP-Za-km-z]{32,44}$"  # base58 of 32 bytes; the API checks the 32
SIGNATURE = r"^[1-9A-HJ-NP-Za-km-z]{64,88}$"  # base58 of 64 bytes
NONCE = r"^[A-Za-z0-9_-]{1,256}$"
MAX_LISTED_SESSIONS = 200
MAX_LISTED_EARNINGS = 200

WalletAddress = Annotated[str, Field(pattern=WALLET_ADDRESS)]


class _Message(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, alias_generator=to_camel, populate_by_name=True
    )


class ServerTime(_Message):
    """The server's clock, for NTP-style exchanges."""

    server_ms: float


class ChallengeRequest(_Message):
    """A player wants to sign in."""

    wallet: WalletAddress


class Challenge(_Message):
    """What the wallet is to sign.

    Attributes:
        nonce: To be sent back with the signature.
        message: The text to sign, as UTF-8.
        expires_ms: After that the signature is worth nothing.
    """

    nonce: str
    message: str
    expires_ms: int


class SignIn(_Message):
    """The signature over a challenge's message: base58 of the 64 bytes."""

    wallet: WalletAddress
    nonce: Annotated[str, Field(pattern=NONCE)]
    signature: Annotated[str, Field(pattern=SIGNATURE)]


class SignedIn(_Message):
    """The bearer token of the requests that follow."""

    token: str
    expires_ms: int


class IssuedSession(_Message):
    """A session id and the time until which its files may be uploaded."""

    session_id: str
    issued_ms: int
    expires_ms: int


class DeclaredFile(_Message):
    """Size and content hash of a file that is going to be uploaded."""

    size_bytes: Annotated[int, Field(alias="size")]
    sha256: Sha256


class FileDeclaration(_Message):
    """All files of a bundle; the sixth where the picture before painting was recorded."""

    video: DeclaredFile
    inputs: DeclaredFile
    camera: DeclaredFile
    latency: DeclaredFile
    meta: DeclaredFile
    source_video: Annotated[DeclaredFile | None, Field(alias="source_video")] = None

    def by_file(self) -> dict[BundleFile, DeclaredFile]:
        """The declared files, the meta last: the order of the upload."""
        found = {file: getattr(self, file.label) for file in BundleFile}
        found[BundleFile.META] = found.pop(BundleFile.META)
        return {file: declared for file, declared in found.items() if declared is not None}


class DeclareFiles(_Message):
    """The body of the request for upload URLs."""

    files: FileDeclaration


class UploadTarget(_Message):
    """Where and how one file goes.

    Attributes:
        url: Signed for exactly this file, for some minutes.
        method: The HTTP method.
        headers: To be sent as they are; the body's length comes by itself.
        stored: The file is there already and need not be sent again.
    """

    url: str
    method: Literal["PUT"] = "PUT"
    headers: dict[str, str]
    stored: bool


class UploadTargets(_Message):
    """The upload's URLs by file label."""

    files: dict[UploadLabel, UploadTarget]


class StoredFile(_Message):
    """Whether a declared file has arrived."""

    stored: bool


class StoredFiles(_Message):
    """What has arrived, by file label; empty before the files are declared."""

    files: dict[UploadLabel, StoredFile]


class PlayerSession(_Message):
    """A session as its player sees it.

    Attributes:
        verdict: A sentence for the player: what happened and how to do better.
        reason: The machine's code behind it.
        segments: Cut from the session; None before it was judged.
        segments_passed: Of them, those in a dataset.
        alignment_grade: How exactly pictures and inputs are joined.
        earned_lamports: What it earned, corrections included; None before its day was paid out.
    """

    session_id: str
    issued_ms: int
    status: PlayerStatus
    verdict: str
    reason: str | None
    segments: int | None
    segments_passed: int | None
    alignment_grade: str | None
    earned_lamports: int | None = None


class PlayerSessions(_Message):
    """The newest sessions of a wallet, newest first."""

    sessions: Annotated[tuple[PlayerSession, ...], Field(max_length=MAX_LISTED_SESSIONS)]


class PlayerEarning(_Message):
    """An entry of the ledger as its player sees it.

    Attributes:
        entry_id: Its number.
        day: Of arrival.
        segments: Accepted segments; negative in a correction that takes back.
        lamports: Likewise.
        is_correction: It corrects an earlier entry of the day.
        state: `owed` waits for its payment (a negative one for what is earned next), `sent` is on its way,
            `paid` is on chain, `blocked` was refused by the chain.
        signature: The transaction that pays it; None while it is owed.
        url: A page that shows the transaction.
    """

    entry_id: int
    day: str
    segments: int
    lamports: int
    is_correction: bool
    state: EarningState
    signature: str | None
    url: str | None


class PlayerEarnings(_Message):
    """What a wallet earned: the newest entries, newest first, and the sums over all of them.

    Attributes:
        earned_lamports: Everything.
        paid_lamports: What is on chain; more than was earned is a debit.
        entries: The newest.
    """

    earned_lamports: int
    paid_lamports: int
    entries: Annotated[tuple[PlayerEarning, ...], Field(max_length=MAX_LISTED_EARNINGS)]
