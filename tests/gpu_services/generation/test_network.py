"""Shapes, and who may see whom: pictures within space, positions within time."""

import pytest
import torch
from torch import nn

from gpu_services.generation.blocks import (
    FactorizedSpaceTimeBlock,
    MultiHeadSelfAttention,
    SpatialAttentionBlock,
    TemporalAttentionBlock,
)
from gpu_services.generation.learner import trained_parameters
from gpu_services.generation.model import MotionVideoUNet
from gpu_services.generation.network import ConditionalVideoUNet, SimpleImageUNet
from scalediff_contract.video_models import VIDEO_PRESETS, VideoArchitecture

TINY = VIDEO_PRESETS["tiny"].architecture


def awake(module: nn.Module) -> nn.Module:
    """The module with random weights everywhere: fresh blocks are the identity, which proves nothing."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.2)
    return module.eval()


def clip(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


def test_a_picture_does_not_see_another_in_the_spatial_block() -> None:
    block = awake(SpatialAttentionBlock(8, 2))
    before = clip(2, 4, 8, 6, 6)
    after = before.clone()
    after[:, 2] += 1.0
    one, other = block(before), block(after)
    assert torch.equal(one[:, [0, 1, 3]], other[:, [0, 1, 3]])
    assert not torch.equal(one[:, 2], other[:, 2])


def test_a_position_does_not_see_another_in_the_temporal_block() -> None:
    block = awake(TemporalAttentionBlock(8, 2, frames=4))
    before = clip(2, 4, 8, 6, 6)
    after = before.clone()
    after[:, 1, :, 3, 4] += 1.0
    changed = (block(before) != block(after)).any(2).any(1)  # (B, H, W)
    assert changed[:, 3, 4].all()
    assert changed.sum() == 2, "one position in each of two clips"


def test_the_temporal_block_knows_the_order_of_pictures() -> None:
    block = awake(TemporalAttentionBlock(8, 2, frames=4))
    video = clip(1, 4, 8, 2, 2)
    assert not torch.allclose(block(video).flip(1), block(video.flip(1)), atol=1e-4)


def test_more_frames_than_were_trained_are_refused() -> None:
    with pytest.raises(ValueError, match="the clip has 5 frames, the model's most is 4"):
        TemporalAttentionBlock(8, 2, frames=4)(clip(1, 5, 8, 2, 2))


def test_the_factorized_block_attends_to_the_prompt() -> None:
    block = awake(FactorizedSpaceTimeBlock(8, 2, frames=4, context_channels=12))
    video = clip(2, 4, 8, 4, 4)
    one, other = block(video, clip(2, 7, 12)), block(video, clip(2, 7, 12) + 1)
    assert one.shape == video.shape
    assert not torch.equal(one, other)


def test_heads_must_divide_channels() -> None:
    with pytest.raises(ValueError, match="channels is 10, not a multiple of heads 4"):
        MultiHeadSelfAttention(10, 4)


@pytest.mark.parametrize("size", [(2, 16, 16), (3, 15, 10)])
def test_the_network_keeps_the_clip_shape_even_odd_ones(size: tuple[int, int, int]) -> None:
    frames, height, width = size
    model = awake(ConditionalVideoUNet(TINY, frames=frames, labels=3))
    video = clip(2, frames, 3, height, width)
    assert model(video, torch.tensor([0, 199]), torch.tensor([1, -1])).shape == video.shape


def test_labels_and_times_change_what_the_network_says() -> None:
    model = awake(ConditionalVideoUNet(TINY, frames=2, labels=3))
    video, time = clip(1, 2, 3, 16, 16), torch.tensor([7])
    said = model(video, time, torch.tensor([1]))
    assert not torch.equal(said, model(video, time, torch.tensor([2])))
    assert not torch.equal(said, model(video, time, torch.tensor([-1])))
    assert not torch.equal(said, model(video, torch.tensor([8]), torch.tensor([1])))


def test_several_labels_compose_and_missing_ones_do_not_count() -> None:
    model = awake(ConditionalVideoUNet(TINY, frames=2, labels=3))
    video, time = clip(1, 2, 3, 16, 16), torch.tensor([7])
    one = model(video, time, torch.tensor([1]))
    assert torch.equal(one, model(video, time, torch.tensor([[1, -1, -1]])))
    assert not torch.equal(one, model(video, time, torch.tensor([[1, 2, -1]])))


def test_the_image_network_does_not_see_other_pictures() -> None:
    model = awake(SimpleImageUNet(TINY, labels=3))
    before = clip(1, 2, 3, 16, 16)
    after = before.clone()
    after[:, 1] += 1.0
    time, label = torch.tensor([7]), torch.tensor([1])
    assert torch.equal(model(before, time, label)[:, 0], model(after, time, label)[:, 0])


def test_temporal_training_touches_attention_over_time_only() -> None:
    model = ConditionalVideoUNet(TINY, frames=2, labels=3)
    trained = {id(parameter) for parameter in trained_parameters(model, "temporal")}
    names = {name for name, parameter in model.named_parameters() if id(parameter) in trained}
    assert names
    assert all(".temporal." in name for name in names)
    assert len(trained) < len(list(model.parameters()))


SMALL_MOTION = VideoArchitecture(
    network="motion", codec="autoencoder_kl", patch_px=2, latent_channels=4, text="clip", context_channels=16,
    width=16, multipliers=(1, 2), heads=2, first_frame=False,
)  # fmt: skip


@pytest.mark.slow
def test_the_production_network_takes_odd_latents_and_trains_its_motion_modules() -> None:
    model = MotionVideoUNet(SMALL_MOTION, frames=3)
    video = clip(2, 3, 4, 9, 10)
    said = model(video, torch.tensor([0, 500]), clip(2, 77, 16))
    assert said.shape == video.shape
    trained = trained_parameters(model, "temporal")
    assert 0 < len(trained) < len(list(model.parameters()))
