"""The quality policy: a versioned file of thresholds, rules and weights, and its hash.

Belongs here: what a policy may say and how its file is read. What the numbers are is in
`policies/v2.toml`; how they are applied is in `verdict.py`.

`measures` says what counts as a defect of a frame, `pairs` when a frame shows something else than the frame
before painting, and `duplicates` which segments look alike: they decide the measured columns of a verdict.
`rules` says which measured values refuse a segment, `weights` how the score is made. Policies that differ
only in rules and weights give equal measures.

Errors: `PolicyError(ValueError)`: the file is missing, is not TOML, or a field breaks its limit.
"""

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

DEFAULT_POLICY_PATH = Path(__file__).parent / "policies" / "v2.toml"

_Share = Annotated[float, Field(ge=0, le=1)]
_Positive = Annotated[float, Field(gt=0)]
_Weight = Annotated[float, Field(ge=0)]
_Count = Annotated[int, Field(ge=0)]
_Version = Annotated[str, StringConstraints(pattern=r"^v\d+[a-z0-9.-]*$")]
_PairColumn = Annotated[str, StringConstraints(pattern=r"^pair_[a-z0-9_]+$")]


class PolicyError(ValueError):
    """A policy file that cannot be used; says which file, which field and which limit."""

    def __init__(self, path: Path, field: str, problem: str) -> None:
        self.path = path
        self.field = field
        self.problem = problem
        super().__init__(f"quality policy {path}: {field}: {problem}; mend the file or use the packaged v2")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Measures(_Part):
    """What counts as a defect of one frame; the fields are explained in `policies/v2.toml`."""

    sharpness_min: _Positive
    sharpness_soft: _Positive
    artifact_sharpness_min: _Positive
    artifact_median_ratio: _Positive
    freeze_motion_max: _Positive
    luma_mean_min: _Positive
    luma_std_min: _Positive
    entropy_min_bits: Annotated[float, Field(gt=0, le=6)]
    hist_change_max: _Share
    moving_speed_min_mps: _Positive
    spam_gap_ms: _Positive
    uncaused_accel_min_mps2: _Positive
    uncaused_settle_ms: _Positive
    uncaused_fall_max_mps: _Positive


class Duplicates(_Part):
    """When two segments show nearly the same pictures; explained in `policies/v2.toml`.

    Distances over 31 are not offered: the search in `duplicates.py` is exact only up to there.
    """

    quality_min: Annotated[int, Field(ge=0, le=100)]
    distance_max: Annotated[int, Field(ge=0, le=31)]
    share_min: Annotated[float, Field(gt=0, le=1)]
    hashes_min: Annotated[int, Field(ge=1)]
    window_hours: Annotated[int, Field(ge=1)]


class Pairs(_Part):
    """When a frame shows something else than the frame before painting; explained in `policies/v2.toml`."""

    layout_min: _Share
    layout_session_ratio: _Share
    outlier_min: _Positive
    outlier_session_ratio: Annotated[float, Field(ge=1)]
    outlier_max: _Positive


class ShareMax(_Part):
    """Fails over a share of frames."""

    share_max: _Share


class ShareMin(_Part):
    """Fails under a share of frames."""

    share_min: _Share


class CountMax(_Part):
    """Fails over a count."""

    count_max: _Count


class Freeze(_Part):
    """Fails when the longest still picture lasts this long or longer."""

    still_max_s: _Positive


class Alignment(_Part):
    """Fails over the uncertainty, under the confidence, or where either is not known."""

    uncertainty_max_ms: Annotated[float, Field(ge=0)]
    confidence_min: _Share


class NoAction(_Part):
    """Fails with fewer key events than the one limit and less movement than the other."""

    key_events_min: _Count
    moving_share_min: _Share


class RefuseDuplicate(_Part):
    """Fails when an earlier segment holds nearly the same pictures."""

    refuse: Literal[True]


class ScenarioResult(_Part):
    """Fails when the session's scenario ended in one of these results."""

    refused: tuple[str, ...]


class PairLimits(_Part):
    """Limits for the segment's mean of one `pair_*` signal, a comparison with a second video."""

    low: float | None = None
    high: float | None = None


class Rules(_Part):
    """The rules in the order in which `reasons` lists them; None is a rule that is not applied."""

    blur: ShareMax | None = None
    artifact: ShareMax | None = None
    freeze: Freeze | None = None
    black: ShareMax | None = None
    low_entropy: ShareMax | None = None
    cut: CountMax | None = None
    teleport: CountMax | None = None
    alignment: Alignment | None = None
    pose_unknown: ShareMin | None = None
    no_action: NoAction | None = None
    key_spam: CountMax | None = None
    opposing_keys: ShareMax | None = None
    uncaused_motion: ShareMax | None = None
    frames_ok: ShareMin | None = None
    duplicate: RefuseDuplicate | None = None
    contacts: CountMax | None = None
    scenario_result: ScenarioResult | None = None
    keys_uncertain: ShareMax | None = None
    hallucination: ShareMax | None = None


class Weights(_Part):
    """Weight of each soft check in the score; at least one is positive."""

    sharp: _Weight
    clean: _Weight
    aligned: _Weight
    posed: _Weight
    moving: _Weight
    caused: _Weight
    original: _Weight


class QualityPolicy(_Part):
    """One version of what makes a segment good enough.

    Attributes:
        version: Name for people, `v1`.
        measures: What counts as a defect of a frame.
        duplicates: When two segments show nearly the same pictures.
        pairs: When a painter hallucinated; None: nobody looks.
        rules: What refuses a segment.
        pair_rules: Limits by the name of a `pair_*` signal column; a rule whose column the signals
            lack is not applicable.
        weights: How the score is made.
    """

    version: _Version
    measures: Measures
    duplicates: Duplicates
    pairs: Pairs | None = None
    rules: Rules
    pair_rules: dict[_PairColumn, PairLimits] = Field(default_factory=dict)
    weights: Weights

    @property
    def policy_hash(self) -> str:
        """sha256 (64 hex digits) of the content: comments, order and spelling of numbers do not matter."""
        content = self.model_dump(mode="json", exclude_none=True)
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def signal_limits(self) -> dict[str, tuple[float, ...]]:
        """The limits that each raw signal is held against, by its column in SIGNALS."""
        measures = self.measures
        return {
            "sharpness": (measures.sharpness_min, measures.sharpness_soft, measures.artifact_sharpness_min),
            "hist_change": (measures.hist_change_max,),
            "motion": (measures.freeze_motion_max,),
            "luma_mean": (measures.luma_mean_min,),
            "luma_std": (measures.luma_std_min,),
            "entropy_bits": (measures.entropy_min_bits,),
        }


def load_policy(path: Path | str | None = None) -> QualityPolicy:
    """Read a policy file; the packaged v2 when no path is given.

    Raises:
        PolicyError: With the file, the first broken field and its limit.
    """
    path = Path(path) if path else DEFAULT_POLICY_PATH
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        policy = QualityPolicy.model_validate(content)
    except OSError as error:
        raise PolicyError(path, "file", f"cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PolicyError(path, "file", f"is not TOML ({error})") from error
    except ValidationError as error:
        first, *others = error.errors(include_url=False)
        field = ".".join(str(part) for part in first["loc"])
        more = f" (and {len(others)} more broken fields)" if others else ""
        raise PolicyError(path, field, f"{first['msg']}, got {first['input']!r}{more}") from error
    if not any(policy.weights.model_dump().values()):
        raise PolicyError(path, "weights", "all are 0, at least one must be positive")
    return policy
