"""What an accepted clip costs: measured GPU seconds and stored bytes times the price table.

Refused clips cost as much as accepted ones, so the accepted ones carry them.
"""

import functools
import hashlib
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from scalediff_assets.synthetic_clips.capacity import HOUR_S, WEEKS_PER_YEAR, video_hours

PRICES_PATH = Path(__file__).with_name("prices.toml")
_GB = 1e9

_Usd = Annotated[float, Field(ge=0)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Rates(_Part):
    """Our rates, in USD."""

    gpu_hour_usd: dict[str, _Usd]
    storage_gb_month_usd: _Usd


class DocumentCosts(_Part):
    """The case study's figures; see the file."""

    real_video_hour_usd: _Usd
    monthly_usd: dict[str, _Usd]
    training_usd: _Usd
    training_gpu_hours: _Usd
    fine_tuning_gpu_hours: _Usd
    inference_gpus: int
    clip_s: _Usd
    clips_per_week: int

    @property
    def clips_per_month(self) -> float:
        """Clips of the twelfth part of a year."""
        return self.clips_per_week * WEEKS_PER_YEAR / 12

    @property
    def video_hour_usd(self) -> float:
        """Cost of an hour of generated video, all items together."""
        return sum(self.monthly_usd.values()) / video_hours(self.clips_per_month, self.clip_s)


class Prices(_Part):
    """The price table."""

    version: str
    ours: Rates
    document: DocumentCosts

    @property
    def content_hash(self) -> str:
        """sha256 (64 hex digits) of the content: comments, order and spelling do not matter."""
        content = self.model_dump(mode="json")
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


class DeviceUnknownError(LookupError):
    """The price table has no rate for a device."""

    def __init__(self, device: str, known: tuple[str, ...]) -> None:
        self.device = device
        super().__init__(
            f"no price for a {device!r} hour (there is: {', '.join(known)}); add it to prices.toml"
        )


@dataclass(frozen=True, kw_only=True)
class Production:
    """What was made in a period, as measured.

    Attributes:
        device: Kind of GPU, as in the price table.
        gpu_s: Seconds by stage: generation with refused clips, fine-tuning, evaluation.
        made: Clips.
        accepted: Of these.
        clip_s: Length of a clip.
        stored_gb_months: Bytes kept times how long.
    """

    device: str
    gpu_s: dict[str, float]
    made: int
    accepted: int
    clip_s: float
    stored_gb_months: float = 0.0


@dataclass(frozen=True, kw_only=True)
class ClipCosts:
    """What it cost; a quotient without a divisor is None, not 0.

    Attributes:
        by_stage_usd: Stage -> USD, storage too.
        total_usd: All together.
        made_clip_usd: For each clip that was made.
        accepted_clip_usd: For each accepted one.
        video_hour_usd: For an hour of accepted video.
        cheaper_than_real: How often that goes into the price of a real hour.
    """

    by_stage_usd: dict[str, float]
    total_usd: float
    made_clip_usd: float | None
    accepted_clip_usd: float | None
    video_hour_usd: float | None
    cheaper_than_real: float | None


@functools.cache
def load_prices(path: Path = PRICES_PATH) -> Prices:
    """Read a price table; the packaged one by default."""
    return Prices.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))


def clip_costs(production: Production, prices: Prices) -> ClipCosts:
    """What a period's clips cost.

    Raises:
        DeviceUnknownError: For a device without a price.
    """
    rates = prices.ours.gpu_hour_usd
    if production.device not in rates:
        raise DeviceUnknownError(production.device, tuple(rates))
    hour_usd = rates[production.device]
    stages = {stage: seconds / HOUR_S * hour_usd for stage, seconds in production.gpu_s.items()}
    stages["storage"] = production.stored_gb_months * prices.ours.storage_gb_month_usd
    total = sum(stages.values())
    hours = video_hours(production.accepted, production.clip_s)
    hour = total / hours if hours else None
    return ClipCosts(
        by_stage_usd=stages,
        total_usd=total,
        made_clip_usd=total / production.made if production.made else None,
        accepted_clip_usd=total / production.accepted if production.accepted else None,
        video_hour_usd=hour,
        cheaper_than_real=prices.document.real_video_hour_usd / hour if hour else None,
    )


def gb_months(size_bytes: int, days: float) -> float:
    """Bytes kept for some days, in gigabytes times months of 30 days."""
    return size_bytes / _GB * days / 30
