"""The audit log's entries and their chain: who did what to which request, clip or model, and when.

Each entry's hash covers its content and the hash before it, so that a row that was edited, removed
or put in later breaks the chain from there on. A chain cut off at its end is whole in itself: keep
the newest hash somewhere else (the graph writes it into every materialisation) and verify against it.

    ChainBrokenError(ValueError)   the entries are no chain; says where and how
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints

GENESIS = "0" * 64
MAX_DETAIL_CHARS = 16_000

Action = Literal[
    "request", "cancel", "generate", "decision", "accept", "reject", "halt", "resume", "reload",
    "register", "promote", "rollback", "experiment", "drift", "delete", "policy",
]  # fmt: skip
_Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class ChainBrokenError(ValueError):
    """The entries are no chain."""

    def __init__(self, seq: int, problem: str) -> None:
        self.seq = seq
        self.problem = problem
        super().__init__(f"audit log, entry {seq}: {problem}; compare with a copy and find out who wrote")


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class AuditEvent(_Declared):
    """Something that happened; told once, however often it is sent.

    Attributes:
        event_id: Says whether two events are the same one, `gen-2026-0101-000001/accept`.
        at_ms: Epoch ms.
        actor: Who: a user, a service, a run.
        action: What.
        subject: To which job, clip or model.
        detail: With what: prompt, seed, model, policy hash, scores. JSON values only.
    """

    event_id: _Name
    at_ms: Annotated[int, Field(ge=0)]
    actor: _Name
    action: Action
    subject: _Name
    detail: dict[str, JsonValue] = Field(default_factory=dict)


class AuditEntry(_Declared):
    """An event in the chain.

    Attributes:
        seq: From 1 without gaps.
        event: What happened.
        previous: Hash of the entry before; 64 zeros for the first.
        digest: Hash of this one.
    """

    seq: Annotated[int, Field(ge=1)]
    event: AuditEvent
    previous: _Hash
    digest: _Hash

    @classmethod
    def after(cls, event: AuditEvent, seq: int, previous: str) -> Self:
        """The entry of an event behind another entry."""
        return cls(seq=seq, event=event, previous=previous, digest=digest_of(event, seq, previous))


def canonical(detail: dict[str, JsonValue]) -> str:
    """One spelling of a JSON object, whatever wrote it.

    Raises:
        ValueError: For numbers that JSON has not, or over 16,000 characters.
    """
    text = json.dumps(detail, sort_keys=True, separators=(",", ":"), allow_nan=False)
    if len(text) > MAX_DETAIL_CHARS:
        raise ValueError(
            f"an event's detail has {len(text)} characters (at most {MAX_DETAIL_CHARS}); store a key"
        )
    return text


def digest_of(event: AuditEvent, seq: int, previous: str) -> str:
    """sha256 over place, predecessor and content."""
    content = event.model_dump(mode="json") | {"detail": canonical(event.detail), "seq": seq}
    return hashlib.sha256(f"{previous}\n{json.dumps(content, sort_keys=True)}".encode()).hexdigest()


def verify_chain(entries: Iterable[AuditEntry], *, head: str | None = None) -> int:
    """Check a whole log from its first entry on.

    Args:
        entries: In order of `seq`.
        head: A hash that must be in the chain: one that was noted down outside of the log.

    Returns:
        How many entries there are.

    Raises:
        ChainBrokenError: At the first entry that is missing, moved or edited, or where the noted
            hash is not in the chain.
    """
    previous, count, seen = GENESIS, 0, head is None or head == GENESIS
    for entry in entries:
        if entry.seq != count + 1:
            raise ChainBrokenError(count + 1, f"it is missing, {entry.seq} comes next")
        if entry.previous != previous:
            raise ChainBrokenError(entry.seq, f"it follows {entry.previous[:12]}, not {previous[:12]}")
        if entry.digest != digest_of(entry.event, entry.seq, previous):
            raise ChainBrokenError(entry.seq, "its content was edited after it was written")
        previous, count = entry.digest, entry.seq
        seen = seen or previous == head
    if not seen:
        raise ChainBrokenError(
            count + 1, f"the noted hash {str(head)[:12]} is not in the log: its end is cut off"
        )
    return count
