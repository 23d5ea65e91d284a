"""Small recordings with both videos."""

from collections.abc import Callable
from typing import Any

import pytest

from world.recorder import RecordedBundle

Record = Callable[..., RecordedBundle]


@pytest.fixture(scope="session")
def both(recorded: Record) -> Record:
    """Records with the video before painting; 7 s at 15 frames a second."""

    def record(seed: int = 1, **changes: Any) -> RecordedBundle:
        return recorded(seed, source_video=True, **changes)

    return record
