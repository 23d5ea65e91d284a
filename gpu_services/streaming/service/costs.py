"""What a chunk costs, measured, and what follows from it: batches that keep deadlines, and who is let in.

Batches of the same chunk length and size are one figure: an average that forgets with every new measurement.
"""

from dataclasses import dataclass

_FORGETS = 0.2


@dataclass(frozen=True, kw_only=True)
class AdmissionPolicy:
    """When another player is let in.

    Attributes:
        max_sessions: Places, whatever they cost (memory).
        max_load: Share of the painter's time that may be promised.
        expected_fps: What a player whose rate is not known yet will send.
        session_s: Longest stream; when the oldest ends a place is free.
    """

    max_sessions: int = 8
    max_load: float = 0.85
    expected_fps: float = 30.0
    session_s: float = 900.0


class CostModel:
    """Seconds per batch, by chunk length and batch size."""

    def __init__(self) -> None:
        self._seconds: dict[tuple[int, int], float] = {}

    def observe(self, chunk_frames: int, batch: int, seconds: float) -> None:
        """A batch took so long."""
        key = chunk_frames, batch
        known = self._seconds.get(key)
        self._seconds[key] = seconds if known is None else known + _FORGETS * (seconds - known)

    def predict(self, chunk_frames: int, batch: int) -> float:
        """Seconds of a batch; from the nearest that was measured, in proportion; 0 where nothing was."""
        if (chunk_frames, batch) in self._seconds:
            return self._seconds[chunk_frames, batch]
        known = [
            (abs(frames - chunk_frames), abs(size - batch), frames, size) for frames, size in self._seconds
        ]
        if not known:
            return 0.0
        _, _, frames, size = min(known)
        return self._seconds[frames, size] * chunk_frames / frames * max(1.0, batch / size)

    def share(self, chunk_frames: int) -> float:
        """Painter seconds that one chunk takes in the best batch measured."""
        sizes = {size for frames, size in self._seconds if frames == chunk_frames} or {1}
        return min(self.predict(chunk_frames, size) / size for size in sizes)

    def clear(self) -> None:
        """Forget, because painting changed."""
        self._seconds.clear()
