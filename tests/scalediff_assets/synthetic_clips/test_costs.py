"""Costs, and every number of the case study that can be computed (facts/generation.md, section 2)."""

import pytest

from scalediff_assets.synthetic_clips.capacity import clips_per_week, gpus_needed, video_hours, weeks_for
from scalediff_assets.synthetic_clips.costs import (
    DeviceUnknownError,
    Production,
    clip_costs,
    gb_months,
    load_prices,
)

PRICES = load_prices()
DOCUMENT = PRICES.document
CLIP_GPU_S = 198.25
T, H, W = 40, 720, 1280
LATENT = T * (H // 8) * (W // 8)


def near(value: float, rel: float = 5e-3) -> object:
    return pytest.approx(value, rel=rel)


def test_attention_is_forty_times_cheaper_in_scores_only() -> None:
    full, space, time = LATENT**2, T * (LATENT // T) ** 2, (LATENT // T) * T**2
    assert (LATENT, full, space, time) == (576_000, near(3.3e11, 6e-3), near(8.3e9), near(2.3e7, 3e-3))
    assert full / (space + time) == near(39.9)
    assert (T // 4 + 1) * (H // 16) * (W // 16) == 39_600


def test_the_latent_is_48_times_smaller_and_has_64_times_fewer_positions() -> None:
    assert (T * H * W * 3, LATENT * 4) == (110_592_000, 2_304_000)
    assert T * H * W * 3 / (LATENT * 4) == 48
    assert T * H * W / LATENT == 64


def test_the_fleets_figures_are_miles_and_do_not_fit_each_other() -> None:
    assert near(143.5) == 500_000 * 0.001 * 0.287
    shifts = 200 / 1.5
    assert (round(shifts), round(shifts / 45)) == (133, 3)
    assert 500_000 / shifts == near(3_750)
    assert near(11_111) == 500_000 / 45


def test_ten_thousand_real_hours_cost_180_million() -> None:
    assert 10_000 * DOCUMENT.real_video_hour_usd == 180e6


def test_training_takes_21504_gpu_hours() -> None:
    assert 64 * 14 * 24 == DOCUMENT.training_gpu_hours == 21_504


@pytest.mark.parametrize(
    ("clip_gpu_s", "hours", "use", "clips"),
    [
        (CLIP_GPU_S, 168, 1.0, 24_406),
        (CLIP_GPU_S, 168, 0.5, 12_203),
        (CLIP_GPU_S, 108, 1.0, 15_689),
        (300.0, 168, 0.5, 8_064),
    ],
)
def test_eight_gpus_make_ten_thousand_clips_but_not_at_the_latency_limit(
    clip_gpu_s: float, hours: float, use: float, clips: int
) -> None:
    made = clips_per_week(gpus=8, clip_gpu_s=clip_gpu_s, hours=hours, use=use)
    assert round(made) == clips
    assert (made > 10_000) == (clip_gpu_s < 300)


def test_ten_thousand_clips_need_3_gpus_and_a_quarter() -> None:
    needed = gpus_needed(clips=10_000, clip_gpu_s=CLIP_GPU_S)
    assert needed == near(3.28)
    assert needed / 8 == near(0.41, 1e-2)
    assert gpus_needed(clips=10_000, clip_gpu_s=CLIP_GPU_S, rejected_share=0.15) == near(3.86)
    with pytest.raises(ValueError, match="no number of GPUs"):
        gpus_needed(clips=1, clip_gpu_s=1, rejected_share=1.0)


def test_ten_thousand_hours_take_seventeen_years_at_the_planned_rate() -> None:
    assert video_hours(10_000, 4.0) == near(11.1)
    weeks = weeks_for(10_000, clips_per_week=10_000, clip_s=4.0)
    assert weeks == near(900)
    assert weeks / 52 == near(17.3)
    rate = 10_000 * weeks / 52
    assert rate == near(173_000)
    assert gpus_needed(clips=rate, clip_gpu_s=CLIP_GPU_S) == near(57, 1e-2)


def test_half_a_percent_of_the_real_data_is_45000_clips() -> None:
    hours = 0.005 * 10_000
    assert hours * DOCUMENT.real_video_hour_usd == 900_000
    assert hours * 3600 / 4 == 45_000
    assert weeks_for(hours, clips_per_week=10_000, clip_s=4) == near(4.5)


def test_generated_video_costs_1329_an_hour() -> None:
    assert sum(DOCUMENT.monthly_usd.values()) == 64_000
    assert video_hours(DOCUMENT.clips_per_month, DOCUMENT.clip_s) == near(48.1)
    assert DOCUMENT.video_hour_usd == near(1_329)
    assert DOCUMENT.real_video_hour_usd / DOCUMENT.video_hour_usd == near(13.5)
    assert 64_000 / DOCUMENT.clips_per_month == near(1.48)


def test_the_implied_price_of_a_gpu_hour_varies() -> None:
    assert DOCUMENT.training_usd / DOCUMENT.training_gpu_hours == near(6.98)
    assert DOCUMENT.monthly_usd["fine_tuning"] / DOCUMENT.fine_tuning_gpu_hours == near(12.15)
    around_the_clock = DOCUMENT.monthly_usd["inference"] / (DOCUMENT.inference_gpus * 730)
    assert around_the_clock == near(8.22)
    assert around_the_clock / 0.5 == near(16.4)
    assert 6.98 * DOCUMENT.fine_tuning_gpu_hours == near(8_040)


def test_storage_is_small_as_video_and_large_as_raw_frames() -> None:
    rate = PRICES.ours.storage_gb_month_usd
    assert (50_000 * rate, 50 * 1024 * rate) == (near(1_150), near(1_178))
    clip_bytes = 5e6 / 8 * 4
    assert clip_bytes == 2.5e6
    assert 10_000 * 52 * clip_bytes / 1e12 == near(1.3)
    assert near(110.6) == T * H * W * 3 / 1e6
    assert near(14.2) == 10_000 / 7 * 90 * T * H * W * 3 / 1e12


def test_accepted_clips_carry_the_refused_ones() -> None:
    production = Production(
        device="h200", gpu_s={"generation": 100 * 60.0, "evaluation": 600.0}, made=100,
        accepted=80, clip_s=4.0, stored_gb_months=gb_months(10**10, 90),
    )  # fmt: skip
    costs = clip_costs(production, PRICES)
    hour_usd = PRICES.ours.gpu_hour_usd["h200"]
    storage = 30 * PRICES.ours.storage_gb_month_usd
    assert costs.by_stage_usd == pytest.approx({
        "generation": 100 / 60 * hour_usd, "evaluation": hour_usd / 6, "storage": storage,
    })  # fmt: skip
    assert costs.total_usd == pytest.approx(sum(costs.by_stage_usd.values()))
    assert costs.made_clip_usd == pytest.approx(costs.total_usd / 100)
    assert costs.accepted_clip_usd == pytest.approx(costs.total_usd / 80)
    assert costs.video_hour_usd == pytest.approx(costs.total_usd / (80 * 4 / 3600))
    assert costs.cheaper_than_real == pytest.approx(18_000 / (costs.video_hour_usd or 0))


def test_without_accepted_clips_there_is_no_price_of_one() -> None:
    nothing = Production(device="cpu", gpu_s={"generation": 36.0}, made=0, accepted=0, clip_s=0.8)
    costs = clip_costs(nothing, PRICES)
    assert costs.total_usd > 0
    assert (costs.made_clip_usd, costs.accepted_clip_usd, costs.cheaper_than_real) == (None, None, None)


def test_a_device_without_a_price_is_refused() -> None:
    with pytest.raises(DeviceUnknownError, match="no price for a 'tpu' hour"):
        clip_costs(Production(device="tpu", gpu_s={}, made=1, accepted=1, clip_s=4), PRICES)
