"""Off-peak windows: when batch plans may use the GPUs."""

import datetime as dt
import functools
import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, model_validator

WINDOWS_PATH = Path(__file__).with_name("batch_windows.toml")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEK_HOURS = 7 * 24


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Window(_Part):
    """Hours of some days, half-open."""

    days: Annotated[tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...], Field(min_length=1)]
    from_hour: Annotated[int, Field(ge=0, le=23)]
    to_hour: Annotated[int, Field(ge=1, le=24)]

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.to_hour <= self.from_hour:
            raise ValueError(
                f"to_hour {self.to_hour} is not after from_hour {self.from_hour}; use two windows"
            )
        return self


class BatchWindows(_Part):
    """When batch plans run.

    Attributes:
        version: Of the file.
        time_zone: IANA name.
        windows: Their union counts.
    """

    version: str
    time_zone: str
    windows: Annotated[tuple[Window, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _known_zone(self) -> Self:
        try:
            ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"time_zone {self.time_zone!r} is unknown; use a name such as UTC") from error
        return self

    def is_open(self, at: dt.datetime) -> bool:
        """Whether batch plans may run at a moment (with a time zone)."""
        local = at.astimezone(ZoneInfo(self.time_zone))
        day = _DAYS[local.weekday()]
        return any(day in each.days and each.from_hour <= local.hour < each.to_hour for each in self.windows)

    def next_open(self, at: dt.datetime) -> dt.datetime:
        """The moment itself where it is open, else the next full hour that is; in UTC."""
        if self.is_open(at):
            return at.astimezone(dt.UTC)
        zone = ZoneInfo(self.time_zone)
        # Whole hours of the local clock, however the zone lies to UTC; steps are taken in UTC.
        local = at.astimezone(zone).replace(minute=0, second=0, microsecond=0)
        first = local.astimezone(dt.UTC)
        hours = (first + dt.timedelta(hours=n) for n in range(1, _WEEK_HOURS + 2))
        return next(hour for hour in hours if self.is_open(hour))

    @property
    def hours_per_week(self) -> int:
        """Open hours of a week."""
        return sum(
            any(day in each.days and each.from_hour <= hour < each.to_hour for each in self.windows)
            for day in _DAYS
            for hour in range(24)
        )


@functools.cache
def load_windows(path: Path = WINDOWS_PATH) -> BatchWindows:
    """Read the file of windows; the packaged one by default."""
    return BatchWindows.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
