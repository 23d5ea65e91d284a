"""Changes of the policies that decide, in the audit log: which came into force when, after which.

A decision carries its policy's hash; what nobody could see there is that the policy changed between two
weeks. The first one that the log hears of is noted, too: later ones are held against it.
"""

from dataclasses import dataclass
from typing import Literal

from resources.audit_log import AuditLog
from scalediff_contract.audit import AuditEvent
from scoring.gate import GatePolicy

Subject = Literal["gate policy", "experiment policy", "price table"]


@dataclass(frozen=True, kw_only=True)
class PolicyInForce:
    """What a partition was judged under.

    Attributes:
        subject: Which of them.
        version: The file's own name of itself.
        content_hash: Of the file.
    """

    subject: Subject
    version: str
    content_hash: str


def gate_in_force(policy: GatePolicy) -> PolicyInForce:
    """The gate's policy."""
    return PolicyInForce(subject="gate policy", version=policy.version, content_hash=policy.policy_hash)


def note_policy(log: AuditLog, policy: PolicyInForce, *, partition: str, actor: str, now_ms: int) -> bool:
    """Tell the log where a partition is judged under another policy than the one before; whether it is.

    Two runs that see the same change tell it once: the event's name counts the changes.
    """
    before = [entry.event for entry in log.entries(subject=policy.subject)]
    held = before[-1].detail if before else {"version": None, "policy_hash": None}
    if held["policy_hash"] == policy.content_hash:
        return False
    event = AuditEvent(
        event_id=f"{policy.subject}/{len(before) + 1}/{policy.content_hash[:16]}",
        at_ms=now_ms,
        actor=actor,
        action="policy",
        subject=policy.subject,
        detail={
            "version": policy.version,
            "policy_hash": policy.content_hash,
            "before": held["policy_hash"],
            "version_before": held["version"],
            "first_partition": partition,
        },
    )
    return bool(log.append([event]))
