"""The price policy: a versioned file of prices, bonuses, caps and fraud limits, and its hash.

Belongs here: what a policy may say and how its file is read. The prices are in `policies/v1.toml`; how
they are applied is in `pricing.py`.

Errors: `PricePolicyError(ValueError)`: the file is missing, is not TOML, or a field breaks its limit.
"""

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from resources.ledger import PricePolicyRecord
from scalediff_assets.payouts.fraud.limits import FraudLimits

DEFAULT_PRICES_PATH = Path(__file__).parent / "policies" / "v1.toml"
Manoeuvre = Literal["left", "right", "straight"]
MANOEUVRES: tuple[Manoeuvre, ...] = ("left", "right", "straight")

# Together they keep every sum of a day far below 2^63 lamports.
_Lamports = Annotated[int, Field(ge=0, le=10**13)]
_Percent = Annotated[int, Field(ge=0, le=1_000)]
_Share = Annotated[float, Field(gt=0, le=100)]
_Version = Annotated[str, StringConstraints(pattern=r"^v\d+[a-z0-9.-]*$")]


class PricePolicyError(ValueError):
    """A price policy that cannot be used; says which file, which field and which limit."""

    def __init__(self, path: Path, field: str, problem: str) -> None:
        self.path = path
        self.field = field
        super().__init__(f"price policy {path}: {field}: {problem}; mend the file or use the packaged v1")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Base(_Part):
    """The price of an accepted segment."""

    segment_lamports: Annotated[int, Field(ge=1, le=10**12)]


class Eligibility(_Part):
    """Who may earn."""

    wallets: Literal["issued", "any"]


class Lacking(_Part):
    """The bonus for what the dataset lacks; explained in `policies/v1.toml`."""

    window_days: Annotated[int, Field(ge=1, le=366)]
    bonus_max_percent: _Percent
    frames_min_percent: Annotated[int, Field(ge=1, le=100)]
    target_percent: dict[Manoeuvre, _Share]


class Caps(_Part):
    """What a wallet may earn on a day at most."""

    wallet_day_segments: Annotated[int, Field(ge=1)]
    wallet_day_lamports: _Lamports


class PaymentRules(_Part):
    """How much is worth a transfer."""

    minimum_lamports: Annotated[int, Field(ge=1, le=10**13)]


class PricePolicy(_Part):
    """One version of what data is worth."""

    version: _Version
    base: Base
    eligibility: Eligibility
    scenario_bonus_percent: dict[str, _Percent]
    lacking: Lacking
    caps: Caps
    payment: PaymentRules
    fraud: FraudLimits

    @property
    def content(self) -> str:
        """Canonical JSON: comments, order and spelling of numbers do not matter."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True)

    @property
    def policy_hash(self) -> str:
        """sha256 (64 hex digits) of the content."""
        return hashlib.sha256(self.content.encode()).hexdigest()

    @property
    def record(self) -> PricePolicyRecord:
        """What the ledger keeps of it."""
        return PricePolicyRecord(policy_hash=self.policy_hash, version=self.version, content=self.content)


def load_price_policy(path: Path | str | None = None) -> PricePolicy:
    """Read a policy file; the packaged v1 when no path is given.

    Raises:
        PricePolicyError: With the file, the first broken field and its limit.
    """
    path = Path(path) if path else DEFAULT_PRICES_PATH
    try:
        return PricePolicy.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise PricePolicyError(path, "file", f"cannot be read ({error.strerror})") from error
    except ValidationError as error:
        first, *others = error.errors(include_url=False)
        field = ".".join(str(part) for part in first["loc"])
        more = f" (and {len(others)} more broken fields)" if others else ""
        raise PricePolicyError(path, field, f"{first['msg']}, got {first['input']!r}{more}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PricePolicyError(path, "file", f"is not TOML ({error})") from error
