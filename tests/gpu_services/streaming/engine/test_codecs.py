"""A codec a chunk at a time equals the same codec over the whole video."""

import torch
from torch import Tensor, nn

from gpu_services.streaming.engine.codec import CodecMemory, Decoder, Encoder, from_bytes, to_bytes
from gpu_services.streaming.engine.config import PRESETS, CodecShape
from gpu_services.streaming.engine.tiny_codec import Memory, TinyCodec, TinyVae
from gpu_services.streaming.engine.wan_codec import WanCodec, build_wan_vae

SHAPE = PRESETS["tiny"].codecs
CHUNKS = 4


def video(seed: int) -> Tensor:
    frames = 1 + 4 * (CHUNKS - 1)
    return torch.rand(1, 3, frames, 16, 16, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def chunks(frames: Tensor) -> list[Tensor]:
    return list(torch.split(frames, [1] + [4] * (CHUNKS - 1), dim=2))


def wan() -> WanCodec:
    torch.manual_seed(3)
    return WanCodec(build_wan_vae(SHAPE, 16))


def tiny() -> TinyCodec:
    torch.manual_seed(3)
    return TinyCodec(TinyVae(SHAPE, 16))


def encoded(codec: Encoder, frames: Tensor) -> Tensor:
    memory: CodecMemory = []
    return torch.cat([codec.encode(chunk, memory) for chunk in chunks(frames)], dim=2)


def decoded(codec: Decoder, latents: Tensor) -> Tensor:
    memory: CodecMemory = []
    return torch.cat([codec.decode(latent, memory) for latent in torch.split(latents, 1, dim=2)], dim=2)


@torch.inference_mode()
def test_the_wan_codec_streamed_equals_diffusers_whole_encode_and_decode() -> None:
    codec, frames = wan(), video(1)
    vae = codec._vae
    mean, std = (
        torch.tensor(n).view(1, -1, 1, 1, 1) for n in (vae.config.latents_mean, vae.config.latents_std)
    )
    latents = encoded(codec, frames)
    assert torch.equal(latents, (vae.encode(frames).latent_dist.mode() - mean) / std)
    assert torch.equal(decoded(codec, latents), vae.decode(latents * std + mean).sample)


def whole(layers: nn.Sequential, x: Tensor) -> Tensor:
    """All frames at once, each memory block with the frame before, nothing before the first."""
    for layer in layers:
        x = layer(x, torch.cat([torch.zeros_like(x[:1]), x[:-1]])) if isinstance(layer, Memory) else layer(x)
    return x


@torch.inference_mode()
def test_the_tiny_codec_streamed_equals_a_whole_encode_and_decode() -> None:
    codec, frames = tiny(), video(1)
    pictures = (frames[0].transpose(0, 1) + 1) / 2
    latents = whole(codec._vae.encoder, torch.cat([pictures[:1]] * 3 + [pictures]))
    streamed = encoded(codec, frames)[0].transpose(0, 1)
    assert (streamed - latents).abs().max() < 1e-6
    back = whole(codec._vae.decoder, streamed)[3:]
    again = decoded(codec, encoded(codec, frames))[0].transpose(0, 1)
    assert again.shape == pictures.shape
    assert (again - (back * 2 - 1).clamp(-1, 1)).abs().max() < 1e-6


@torch.inference_mode()
def test_two_streams_through_one_codec_do_not_meet() -> None:
    for codec in (wan(), tiny()):
        alone, other = encoded(codec, video(1)), video(2)
        mine: CodecMemory = []
        theirs: CodecMemory = []
        latents = []
        for one, two in zip(chunks(video(1)), chunks(other), strict=True):
            latents.append(codec.encode(one, mine))
            codec.encode(two, theirs)
        assert torch.equal(torch.cat(latents, dim=2), alone)


def test_the_tiny_codec_has_the_published_size_and_names() -> None:
    with torch.device("meta"):
        vae = TinyVae(CodecShape(), 16)
    shapes = {name: tuple(value.shape) for name, value in vae.state_dict().items()}
    assert round(sum(value.numel() for value in vae.parameters()) / 1e6, 1) == 11.3
    assert shapes["encoder.0.weight"] == (64, 3, 3, 3)
    assert shapes["encoder.2.conv.weight"] == (64, 128, 1, 1)
    assert shapes["encoder.4.conv.0.weight"] == (64, 128, 3, 3)
    assert shapes["encoder.17.bias"] == (16,)
    assert shapes["decoder.1.weight"] == (256, 16, 3, 3)
    assert shapes["decoder.7.conv.weight"] == (256, 256, 1, 1)
    assert shapes["decoder.13.conv.weight"] == (256, 128, 1, 1)
    assert shapes["decoder.22.weight"] == (3, 64, 3, 3)


def test_bytes_become_numbers_and_bytes_again() -> None:
    frames = torch.arange(2 * 4 * 4 * 3, dtype=torch.uint8).view(2, 4, 4, 3)
    numbers = from_bytes(frames, torch.float32)
    assert -1 <= numbers.min() <= numbers.max() <= 1
    assert torch.equal(to_bytes(numbers.transpose(0, 1)[None]), frames)
