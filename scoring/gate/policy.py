"""The gate's policy: a versioned file of limits, and the hash that is stored with each decision.

Two limits stand beside each other. `stated` is the case study's: reported with every verdict,
enforced only where the policy says so, because several of them are vacuous or refuse real clips.
`calibrated` comes from real clips of the same size and source. A limit on features is bound to the
extractor that it was made for: with another one there is no limit, and asking for it is an error.

    GatePolicyError(ValueError)        the file is missing or a field breaks its limit
    ExtractorUnknownError(LookupError) no limit is made for this extractor
"""

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

POLICY_PATH = Path(__file__).with_name("gate_v1.toml")
RuleName = Literal["tcs", "tcs_flow", "tcs_flow_worst", "motion", "flicker", "colour_drift", "sharpness"]
# Rule -> which side of the limit fails, and the reason that a verdict names.
CLIP_RULES: dict[RuleName, tuple[Literal["min", "max"], str]] = {
    "tcs": ("min", "incoherent_raw"),
    "tcs_flow": ("min", "incoherent"),
    "tcs_flow_worst": ("min", "cut"),
    "motion": ("min", "static"),
    "flicker": ("max", "flicker"),
    "colour_drift": ("max", "colour_drift"),
    "sharpness": ("min", "blurred"),
}

_Share = Annotated[float, Field(ge=0, le=1)]
_Positive = Annotated[float, Field(gt=0)]
_Version = Annotated[str, StringConstraints(pattern=r"^v\d+[a-z0-9.+-]*$")]
_Extractor = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]+$")]


class GatePolicyError(ValueError):
    """A policy file that cannot be used; says which file, which field and which limit."""

    def __init__(self, source: str, field: str, problem: str) -> None:
        self.source = source
        self.field = field
        super().__init__(f"gate policy {source}: {field}: {problem}; mend the file or use the packaged v1")


class ExtractorUnknownError(LookupError):
    """The policy has no limit for features of this extractor."""

    def __init__(self, extractor: str, known: tuple[str, ...], what: str) -> None:
        self.extractor = extractor
        super().__init__(
            f"the policy has no {what} limit for extractor {extractor!r}, only for "
            f"{', '.join(known) or 'none'}; limits of another extractor mean nothing: "
            "calibrate one, or report the value without a verdict"
        )


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class StatedLimit(_Part):
    """A limit of the case study.

    Attributes:
        value: The number.
        enforced: Whether it refuses a clip, or is only reported.
    """

    value: float
    enforced: bool


class CalibratedLimits(_Part):
    """Limits measured on real clips of one size and source.

    Attributes:
        source: Which clips, `minitown`.
        frames: Their length.
        height_px: Their height.
        width_px: Their width.
        n: How many were measured.
        limits: Rule -> limit.
    """

    source: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*$")]
    frames: Annotated[int, Field(ge=2)]
    height_px: Annotated[int, Field(ge=8)]
    width_px: Annotated[int, Field(ge=8)]
    n: Annotated[int, Field(ge=1)]
    limits: dict[RuleName, float]

    @property
    def applies_to(self) -> tuple[int, int, int, str]:
        """Size and source: a policy holds one calibration for each."""
        return self.frames, self.height_px, self.width_px, self.source


class FrechetLimits(_Part):
    """Limits on one extractor's Frechet distances; absent ones are not applied.

    Attributes:
        extractor: Whose distances.
        distance_max: On the distance itself; only where its scale is known from published work.
        of_noise_max: On its share of the noise's distance.
        of_real_max: On its multiple of the distance between real clips.
    """

    extractor: _Extractor
    distance_max: _Positive | None = None
    of_noise_max: _Positive | None = None
    of_real_max: _Positive | None = None


class ClipScoreLimit(_Part):
    """The least mean cosine between frames and prompt, for one extractor."""

    extractor: _Extractor
    score_min: Annotated[float, Field(ge=-1, le=1)]


class RejectionLimits(_Part):
    """Rates of refused clips.

    Attributes:
        alarm_over: Over this share an alert is raised.
        halt_over: Over this share the intake halts.
        n_min: Under so many clips a rate says nothing.
    """

    alarm_over: _Share
    halt_over: _Share
    n_min: Annotated[int, Field(ge=1)]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.halt_over < self.alarm_over:
            raise ValueError(f"halt_over {self.halt_over} is under alarm_over {self.alarm_over}")
        return self


class PrivacyRules(_Part):
    """When a found face or plate matters.

    Attributes:
        box_over_px: Boxes of which both sides are longer are identifiable.
        height_min_px: Pictures lower than this hold nothing identifiable: not applicable.
        required: A clip that no detector looked at, though it should have, fails.
    """

    box_over_px: Annotated[int, Field(ge=0)]
    height_min_px: Annotated[int, Field(ge=8)]
    required: bool


class CopyRules(_Part):
    """Memorised training clips.

    Attributes:
        percentile: Of the distances between real neighbours; nearer is a copy.
        share_max: Of a cohort.
    """

    percentile: Annotated[float, Field(gt=0, lt=50)]
    share_max: _Share


class AuditRules(_Part):
    """Quality by category.

    Attributes:
        coherence_min: Least mean `tcs_flow` of any category.
        gap_max: Largest distance between the best and the worst category.
    """

    coherence_min: _Share
    gap_max: _Share


class GatePolicy(_Part):
    """One version of what a generated clip must be.

    Attributes:
        version: Name for people, `v1`.
        stated: Rule -> the case study's limit.
        absolute: Rule -> our limit for clips of any size and source.
        calibrated: Limits from real clips, by size and source.
        calibrate_share: Share of real clips that all calibrated limits together may refuse.
        calibrate_margin: How far a limit is moved on, in distances between it and the median.
        clip_scores: Limits on the agreement of prompt and picture.
        frechet: Limits on cohorts.
        frechet_n_min: Fewest clips of a cohort for a verdict on it.
        rejection: Rates that alarm and halt.
        privacy: Faces and plates.
        copies: Memorised clips.
        audit: Quality by category.
    """

    version: _Version
    stated: dict[RuleName, StatedLimit]
    absolute: dict[RuleName, float] = Field(default_factory=dict)
    calibrated: tuple[CalibratedLimits, ...] = ()
    calibrate_share: Annotated[float, Field(gt=0, lt=0.5)]
    calibrate_margin: Annotated[float, Field(ge=0, le=2)]
    clip_scores: tuple[ClipScoreLimit, ...] = ()
    frechet: tuple[FrechetLimits, ...] = ()
    frechet_n_min: Annotated[int, Field(ge=2)]
    rejection: RejectionLimits
    privacy: PrivacyRules
    copies: CopyRules
    audit: AuditRules

    @property
    def policy_hash(self) -> str:
        """sha256 (64 hex digits) of the content: comments, order and spelling do not matter."""
        content = self.model_dump(mode="json", exclude_none=True)
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def calibration_for(
        self, frames: int, height_px: int, width_px: int, source: str | None = None
    ) -> CalibratedLimits | None:
        """The limits for clips of a size; the last in the file wins; None where there are none."""
        for limits in reversed(self.calibrated):
            size = (limits.frames, limits.height_px, limits.width_px)
            if size == (frames, height_px, width_px) and source in (None, limits.source):
                return limits
        return None

    def with_calibration(self, limits: CalibratedLimits) -> "GatePolicy":
        """This policy with limits from other clips; its version says from where, its hash changes."""
        kept = [each for each in self.calibrated if each.applies_to != limits.applies_to]
        base = self.version.partition("+")[0]
        return self.model_copy(update={"version": f"{base}+{limits.source}", "calibrated": (*kept, limits)})

    def frechet_for(self, extractor: str) -> FrechetLimits:
        """The limits on an extractor's distances.

        Raises:
            ExtractorUnknownError: For an extractor without limits, such as one of random weights.
        """
        for limits in self.frechet:
            if limits.extractor == extractor:
                return limits
        raise ExtractorUnknownError(extractor, tuple(each.extractor for each in self.frechet), "Frechet")

    def clip_score_for(self, extractor: str) -> float:
        """The least score by an extractor.

        Raises:
            ExtractorUnknownError: For an extractor without a limit, such as a tiny random one.
        """
        for limit in self.clip_scores:
            if limit.extractor == extractor:
                return limit.score_min
        raise ExtractorUnknownError(
            extractor, tuple(each.extractor for each in self.clip_scores), "CLIP score"
        )


class Limit(_Part):
    """The limits of one rule for one clip; `enforced` is the one that decides, None where none does."""

    side: Literal["min", "max"]
    reason: str
    stated: float | None
    calibrated: float | None
    enforced: float | None


def limits_for(policy: GatePolicy, *, frames: int, height_px: int, width_px: int) -> dict[RuleName, Limit]:
    """Every rule's limits for clips of a size; of several enforced ones the strictest decides."""
    calibration = policy.calibration_for(frames, height_px, width_px)
    found: dict[RuleName, Limit] = {}
    for rule, (side, reason) in CLIP_RULES.items():
        stated = policy.stated.get(rule)
        calibrated = calibration.limits.get(rule) if calibration else None
        enforced = stated.value if stated and stated.enforced else None
        deciding = [calibrated, policy.absolute.get(rule), enforced]
        given = [value for value in deciding if value is not None]
        stricter = max if side == "min" else min
        found[rule] = Limit(
            side=side,
            reason=reason,
            stated=stated.value if stated else None,
            calibrated=calibrated,
            enforced=stricter(given) if given else None,
        )
    return found


def read_gate_policy(text: str, source: str = "text") -> GatePolicy:
    """Read a policy from TOML, or from the JSON that `model_dump_json` wrote.

    Raises:
        GatePolicyError: With the first broken field and its limit.
    """
    try:
        content = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
        return GatePolicy.model_validate(content)
    except (tomllib.TOMLDecodeError, json.JSONDecodeError) as error:
        raise GatePolicyError(source, "file", f"is neither TOML nor JSON ({error})") from error
    except ValidationError as error:
        first, *others = error.errors(include_url=False)
        field = ".".join(str(part) for part in first["loc"])
        more = f" (and {len(others)} more broken fields)" if others else ""
        raise GatePolicyError(source, field, f"{first['msg']}, got {first['input']!r}{more}") from error


def load_gate_policy(path: Path | str | None = None) -> GatePolicy:
    """Read a policy file; the packaged v1 when no path is given.

    Raises:
        GatePolicyError: With the file, the first broken field and its limit.
    """
    path = Path(path) if path else POLICY_PATH
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise GatePolicyError(str(path), "file", f"cannot be read ({error})") from error
    return read_gate_policy(text, str(path))
