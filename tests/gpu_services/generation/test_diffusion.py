"""The formulas: noise, loss, dropped labels, guidance, sampling."""

import diffusers
import pytest
import torch
from torch import Tensor, nn

from gpu_services.generation.conditions import Vocabulary, drop_condition
from gpu_services.generation.diffusion import (
    generate_independent_video,
    guided,
    sample_videos,
    training_step,
)
from gpu_services.generation.network import ConditionalVideoUNet, SimpleImageUNet
from gpu_services.generation.schedule import NoiseSchedule, cosine_noise_schedule
from scalediff_contract.video_models import VIDEO_PRESETS
from tests.gpu_services.generation.test_network import awake

TINY = VIDEO_PRESETS["tiny"].architecture
SHAPE = (2, 3, 16, 16)


class _Watcher(nn.Module):
    """Says zero and remembers what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.conditions: list[Tensor] = []
        self.times: list[Tensor] = []

    def forward(
        self, noisy: Tensor, timesteps: Tensor, condition: Tensor, given: Tensor | None = None
    ) -> Tensor:
        self.conditions.append(condition)
        self.times.append(timesteps)
        return torch.zeros_like(noisy)


def test_a_quarter_of_the_variance_left_halves_a_value() -> None:
    schedule = cosine_noise_schedule(200)
    step = int((schedule.alpha_bar - 0.25).abs().argmin())
    object.__setattr__(schedule, "alpha_bar", torch.full((200,), 0.25))
    value, noise = torch.full((1, 1), 0.8), torch.ones(1, 1)
    noisy = schedule.add_noise(value, noise, torch.tensor([step]))
    assert float(noisy - 0.4) == pytest.approx(0.8660254, abs=1e-6)


def test_noise_is_added_as_diffusers_does() -> None:
    schedule = cosine_noise_schedule(200)
    reference = diffusers.DDPMScheduler(num_train_timesteps=200, beta_schedule="squaredcos_cap_v2")
    video, noise = torch.randn(4, *SHAPE), torch.randn(4, *SHAPE)
    times = torch.tensor([0, 50, 150, 199])
    theirs = reference.add_noise(video, noise, times)
    assert torch.allclose(schedule.add_noise(video, noise, times), theirs, atol=1e-6)


def test_v_is_what_diffusers_calls_velocity() -> None:
    schedule = cosine_noise_schedule(200, prediction="v_prediction")
    reference = diffusers.DDPMScheduler(num_train_timesteps=200, beta_schedule="squaredcos_cap_v2")
    video, noise, times = torch.randn(2, *SHAPE), torch.randn(2, *SHAPE), torch.tensor([10, 180])
    assert torch.allclose(
        schedule.target(video, noise, times), reference.get_velocity(video, noise, times), atol=1e-6
    )


def test_fifty_steps_begin_where_the_noise_of_training_ends() -> None:
    times = cosine_noise_schedule(200).scheduler(50).timesteps
    assert len(times) == 50
    assert int(times[0]) == 199
    assert set((times[:-1] - times[1:]).tolist()) == {4}


def test_a_schedule_may_end_in_pure_noise() -> None:
    pure = NoiseSchedule(prediction="v_prediction", zero_terminal_snr=True)
    assert float(pure.alpha_bar[-1]) < 1e-6


def test_a_tenth_of_the_labels_is_dropped() -> None:
    watcher = _Watcher()
    for seed in range(4):
        training_step(
            watcher,
            torch.zeros(5_000, 1, 1, 1, 1),
            torch.ones(5_000, dtype=torch.int64),
            cosine_noise_schedule(200),
            0.1,
            generator=torch.Generator().manual_seed(seed),
        )
    told = torch.cat(watcher.conditions)
    assert float((told == -1).float().mean()) == pytest.approx(0.1, abs=0.01)
    times = torch.cat(watcher.times)
    assert (int(times.min()), int(times.max())) == (0, 199)


def test_the_loss_of_saying_nothing_is_the_variance_of_the_noise() -> None:
    loss = training_step(
        _Watcher(), torch.zeros(64, *SHAPE), torch.zeros(64, dtype=torch.int64), cosine_noise_schedule(200),
        generator=torch.Generator().manual_seed(0),
    )  # fmt: skip
    assert float(loss) == pytest.approx(1.0, abs=0.02)


def test_tokens_are_dropped_to_those_of_the_empty_prompt() -> None:
    tokens, null = torch.ones(3, 4, 5), torch.zeros(4, 5)
    dropped = drop_condition(tokens, torch.tensor([False, True, False]), null)
    assert dropped.sum((1, 2)).tolist() == [20.0, 0.0, 20.0]
    with pytest.raises(ValueError, match="empty prompt"):
        drop_condition(tokens, torch.tensor([True, True, True]))


def network() -> nn.Module:
    return awake(ConditionalVideoUNet(TINY, frames=2, labels=3))


def test_guidance_of_one_is_the_conditional_prediction_itself() -> None:
    model, video = network(), torch.randn(2, *SHAPE)
    times, labels = torch.tensor([50, 50]), torch.tensor([0, 2])
    assert torch.equal(guided(model, video, times, labels, 1.0, None), model(video, times, labels))


def test_guidance_is_both_predictions_in_one_batch() -> None:
    model, video = network(), torch.randn(2, *SHAPE)
    times, labels = torch.tensor([50, 50]), torch.tensor([0, 2])
    without = model(video, times, torch.tensor([-1, -1]))
    wanted = without + 4.0 * (model(video, times, labels) - without)
    assert torch.allclose(guided(model, video, times, labels, 4.0, None), wanted, atol=1e-4)


@pytest.mark.parametrize("sampler", ["ddim", "ddpm"])
def test_a_seed_fixes_a_clip_whatever_else_is_in_the_batch(sampler: str) -> None:
    model, schedule = network(), cosine_noise_schedule(200)

    def draw(labels: list[int], seeds: list[int]) -> Tensor:
        return sample_videos(
            model,
            torch.tensor(labels),
            schedule,
            shape=SHAPE,
            seeds=seeds,
            steps=4,
            sampler=sampler,  # type: ignore[arg-type]
        )

    alone, together = draw([1], [7]), draw([0, 1, 2], [3, 7, 9])
    assert torch.equal(alone, draw([1], [7]))
    assert torch.allclose(alone[0], together[1], atol=2e-3)
    assert not torch.allclose(alone[0], draw([1], [8])[0], atol=1e-2)


def test_a_given_first_picture_is_the_first_picture() -> None:
    first = torch.rand(2, 3, 16, 16) * 2 - 1
    made = sample_videos(
        network(), torch.tensor([0, 1]), cosine_noise_schedule(200),
        shape=SHAPE, seeds=[1, 2], steps=3, first_frames=first,
    )  # fmt: skip
    assert torch.equal(made[:, 0], first)
    assert made[:, 1].abs().max() <= 1.0 + 1e-5


def test_independent_pictures_make_a_clip_of_the_same_shape() -> None:
    model = awake(SimpleImageUNet(TINY, labels=3))
    made = generate_independent_video(
        model, torch.tensor([0, 1]), cosine_noise_schedule(200), shape=SHAPE, seeds=[1, 2], steps=3
    )
    assert made.shape == (2, *SHAPE)


def test_a_vocabulary_knows_categories_and_words_and_leaves_out_the_rest() -> None:
    vocabulary = Vocabulary.of([("elk", "dashcam view of an elk at night"), ("rain", "heavy rain")])
    labels = vocabulary.labels([("elk", "night rain"), ("tornado", "a tornado")])
    terms = [[vocabulary.terms[place] for place in row if place >= 0] for row in labels.tolist()]
    assert terms == [["elk", "word:night", "word:rain"], []]


def test_pictures_of_a_clip_may_share_half_of_their_noise() -> None:
    schedule = cosine_noise_schedule(200, shared_noise=0.5)
    noise = schedule.draw_noise((2, 4, 3, 64, 64), torch.Generator().manual_seed(0))
    assert float(noise.var()) == pytest.approx(1.0, abs=0.02)
    assert float((noise[:, 0] * noise[:, 3]).mean()) == pytest.approx(0.5, abs=0.02)
    assert float((noise[0] * noise[1]).mean()) == pytest.approx(0.0, abs=0.02)


def test_clips_may_be_made_from_noise_that_is_more_alike_than_that_of_training() -> None:
    schedule = cosine_noise_schedule(200, shared_noise=0.5, sampled_shared_noise=0.9)
    learnt, start = (draw((4, 3, 64, 64)) for draw in (schedule.draw_noise, schedule.draw_start))
    assert float((learnt[0] * learnt[3]).mean()) == pytest.approx(0.5, abs=0.05)
    assert float((start[0] * start[3]).mean()) == pytest.approx(0.9, abs=0.05)
    alike = cosine_noise_schedule(200, shared_noise=0.5)
    generators = [torch.Generator().manual_seed(1) for _ in range(2)]
    assert torch.equal(alike.draw_start(SHAPE, generators[0]), alike.draw_noise(SHAPE, generators[1]))
