"""What people and machines are told of each session."""

from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from resources.catalog import Catalog
from resources.database import migrate
from resources.settings import Settings

_STATUS_COLOURS = {"accepted": "green", "rejected": "red", "quarantined": "yellow", "collecting": "blue"}


@dataclass(frozen=True, kw_only=True)
class SessionLine:
    """One session as `scalediff sessions` shows it; numbers that are not known are None."""

    session_id: str
    wallet: str
    status: str
    reason: str | None
    detail: str | None
    align_method: str | None
    start_uncertainty_ms: float | None
    frames: int | None
    segments: int | None
    segments_passed: int | None

    def as_json(self) -> dict[str, Any]:
        """The documented JSON object."""
        return {
            "session_id": self.session_id,
            "wallet": self.wallet,
            "status": self.status,
            "reason": self.reason,
            "detail": self.detail,
            "alignment": {"method": self.align_method, "uncertainty_ms": self.start_uncertainty_ms},
            "frames": self.frames,
            "segments": self.segments,
            "segments_passed": self.segments_passed,
        }


def list_sessions(settings: Settings) -> list[SessionLine]:
    """Every session that the catalog knows, by session id."""
    migrate(settings.database_url)
    columns = list(SessionLine.__dataclass_fields__)
    frame = Catalog(settings.database_url).sessions().sort("session_id", "wallet")
    return [SessionLine(**row) for row in frame.select(columns).iter_rows(named=True)]


def sessions_table(listed: list[SessionLine]) -> Table:
    """The sessions as a table for the terminal."""
    table = Table(title=f"{len(listed)} sessions", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("session", no_wrap=True)
    table.add_column("status", no_wrap=True)
    for header in ("reason", "aligned"):
        table.add_column(header, no_wrap=True)
    for header in ("frames", "cut", "passed"):
        table.add_column(header, justify="right", no_wrap=True)
    for line in listed:
        alignment = ""
        if line.start_uncertainty_ms is not None:
            exact = line.start_uncertainty_ms == 0
            alignment = "exact" if exact else f"±{line.start_uncertainty_ms:.0f} ms"
        colour = _STATUS_COLOURS[line.status]
        numbers = (line.frames, line.segments, line.segments_passed)
        table.add_row(
            line.session_id.removeprefix("session_"),
            f"[{colour}]{line.status}[/{colour}]",
            line.reason or "",
            alignment,
            *("" if number is None else str(number) for number in numbers),
        )
    return table
