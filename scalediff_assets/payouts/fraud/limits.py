"""The fraud part of the price policy: every limit of every rule; explained in `policies/v1.toml`."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

_Share = Annotated[float, Field(ge=0, le=1)]
_Positive = Annotated[float, Field(gt=0)]
_Count = Annotated[int, Field(ge=1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class CopiedDrive(_Part):
    """The same drive again: the way within a tolerance and the same keys, or a way that is closer still."""

    tolerance_m: _Positive
    way_min: _Share
    keys_min: _Share
    close_m: _Positive
    close_way_min: _Share
    marks_share_min: _Share


class CopiedPictures(_Part):
    """Share of a session's segments that the quality policy calls duplicates of another session's."""

    share_min: _Share


class ReplayedInputs(_Part):
    """The same keys again, whatever was driven with them."""

    keys_min: _Share
    overlap_min: _Share
    changes_min: _Count
    marks_share_min: _Share


class ScriptedInput(_Part):
    """Timing that no hand has."""

    beat_min: _Share
    presses_min: _Count
    few_presses_beat_min: _Share
    few_presses_min: _Count
    repeat_min: _Share
    changes_min: _Count
    metres_per_change_min: _Positive
    path_min_m: _Positive


class UnexplainedMotion(_Part):
    """Motion that the keys do not explain."""

    turning_min: _Share
    turned_min_rad: _Positive
    pace_min: _Share
    paced_min_mps: _Positive


class RepeatedVideo(_Part):
    """Pictures that stay, or come back, while the car drives on."""

    repeated_min: _Share
    distance_max: Annotated[int, Field(ge=0, le=256)]
    apart_min_m: _Positive
    hashes_min: _Count
    loop_min: _Share
    still_min: _Share
    still_change_max: _Share
    moving_min_s: _Positive


class FarmedScenario(_Part):
    """Sessions of a wallet in one scenario that earn on a day."""

    sessions_max: _Count
    free: tuple[str, ...]


class CrowdedNetwork(_Part):
    """Wallets of one network that earn on a day; where there are more, all are held until somebody looks."""

    wallets_max: _Count
    shared: tuple[str, ...]


class FraudLimits(_Part):
    """Every rule."""

    window_days: Annotated[int, Field(ge=0, le=366)]
    copied_drive: CopiedDrive
    copied_pictures: CopiedPictures
    replayed_inputs: ReplayedInputs
    scripted_input: ScriptedInput
    unexplained_motion: UnexplainedMotion
    repeated_video: RepeatedVideo
    farmed_scenario: FarmedScenario
    crowded_network: CrowdedNetwork
