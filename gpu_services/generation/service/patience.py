"""Trying again while something outside does not answer: back-off that doubles, with a limit."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_FIRST_S, _MOST_S = 0.1, 5.0


def patiently(
    work: Callable[[], T],
    errors: type[Exception] | tuple[type[Exception], ...],
    *,
    patience_s: float,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """Do something until it works or patience is out.

    Args:
        work: What; it must be harmless to do twice.
        errors: What is waited out; the last one is raised.
        patience_s: Seconds of waiting in all.
        sleep: How to wait.

    Example:
        patiently(lambda: store.put(key, content, "video/mp4"), StoreUnavailableError, patience_s=60)
    """
    waited_s, wait_s = 0.0, _FIRST_S
    while True:
        try:
            return work()
        except errors:
            if waited_s >= patience_s:
                raise
        # Jitter keeps a crowd of workers from knocking at the same moment.
        pause_s = min(wait_s * random.uniform(0.5, 1.0), patience_s - waited_s)  # noqa: S311 -- no secret
        sleep(pause_s)
        waited_s, wait_s = waited_s + pause_s, min(2 * wait_s, _MOST_S)
