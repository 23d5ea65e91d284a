"""Which arm of an experiment a job belongs to: by the hash of its id, so that a retry stays in its arm."""

import hashlib
from typing import Literal

Arm = Literal["production", "challenger"]
_BINS = 10_000


def arm_of(job_id: str, challenger_share: float) -> Arm:
    """The arm of a job.

    Args:
        job_id: Which.
        challenger_share: In [0, 1]; counted in steps of 0.01 %.
    """
    place = int.from_bytes(hashlib.sha256(f"arm {job_id}".encode()).digest()[:8]) % _BINS
    return "challenger" if place < round(challenger_share * _BINS) else "production"
