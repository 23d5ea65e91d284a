"""Frame by frame over the ring equals one forward over the whole video; and the test would notice if not."""

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
import torch
from diffusers.models.transformers.transformer_wan import WanAttnProcessor
from torch import Tensor

from gpu_services.streaming.engine import denoiser as denoiser_module
from gpu_services.streaming.engine.attention import Moment, moment_of
from gpu_services.streaming.engine.config import PRESETS, EngineConfig
from gpu_services.streaming.engine.denoiser import Denoiser, build_network
from gpu_services.streaming.engine.ring import Ring, begin_frame, empty_ring
from gpu_services.streaming.engine.rope import Turns

FRAMES = 10
TIMESTEP = 500.0
CONFIG = replace(PRESETS["tiny"], width_px=96, height_px=64, window=FRAMES, sinks=0)
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-12}


def network(dtype: torch.dtype) -> Any:
    torch.manual_seed(1)
    model = build_network(CONFIG.network).eval()
    torch.nn.Module.to(model, dtype)
    return model


def inputs(dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(2)
    latents = torch.randn(1, 16, FRAMES, *CONFIG.latent_size, generator=generator, dtype=torch.float64)
    text = torch.randn(1, CONFIG.network.text_tokens, CONFIG.network.text_width, generator=generator)
    return latents.to(dtype), text.to(dtype)


@torch.inference_mode()
def streamed(
    model: Any, config: EngineConfig, latents: Tensor, text: Tensor, *, forget: bool = False
) -> Tensor:
    """Flows frame by frame, with a junk pass before each; `forget` gives every frame an empty memory."""
    denoiser = Denoiser(copy.deepcopy(model), config)
    prompt = denoiser.prompt_memory(text)
    ring = new_ring(denoiser, config)
    flows = []
    for frame in torch.split(latents, 1, dim=2):
        if forget:
            ring = new_ring(denoiser, config)
        begin_frame(ring, window=config.window, sinks=config.sinks)
        times = torch.full((1,), TIMESTEP, dtype=torch.float64)
        denoiser.flow([ring], [prompt], frame * 3 - 1, times)
        flows.append(denoiser.flow([ring], [prompt], frame, times))
    return torch.cat(flows, dim=2)


def new_ring(denoiser: Denoiser, config: EngineConfig) -> Ring:
    return empty_ring(config, heads=denoiser.heads, device=denoiser.device, dtype=denoiser.dtype)


class Masked:
    """The stock processor with a mask over frames."""

    def __init__(self, mask: Tensor) -> None:
        self.stock = WanAttnProcessor()
        self.mask = mask

    def __call__(self, attn: Any, h: Tensor, text: object, mask: object, rope: object) -> Tensor:
        return cast(Tensor, self.stock(attn, h, text, self.mask, rope))


@torch.inference_mode()
def at_once(model: Any, latents: Tensor, text: Tensor) -> Tensor:
    """diffusers' own forward over the whole video under a block-causal mask."""
    frame_of_token = torch.arange(FRAMES).repeat_interleave(CONFIG.tokens_per_frame)
    mask = frame_of_token[:, None] >= frame_of_token[None, :]
    model = copy.deepcopy(model)
    for block in model.blocks:
        block.attn1.set_processor(Masked(mask))
    times = torch.full((1, len(frame_of_token)), TIMESTEP, dtype=torch.float64)
    return cast(Tensor, model(latents, times, text, return_dict=False)[0])


@pytest.mark.parametrize("dtype", TOLERANCE)
def test_frames_over_the_ring_equal_one_block_causal_forward(dtype: torch.dtype) -> None:
    model, (latents, text) = network(dtype), inputs(dtype)
    difference = streamed(model, CONFIG, latents, text) - at_once(model, latents, text)
    assert difference.abs().max().item() <= TOLERANCE[dtype]


def test_without_the_memory_they_do_not() -> None:
    model, (latents, text) = network(torch.float64), inputs(torch.float64)
    difference = streamed(model, CONFIG, latents, text, forget=True) - at_once(model, latents, text)
    assert difference.abs().max().item() > 1e-3


def test_with_wrong_positions_they_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def all_at_zero(rings: Sequence[Ring], turns: Turns) -> Moment:
        moment = moment_of(rings, turns)
        return replace(moment, query_turns=[turns.rows(0) for _ in rings])

    model, (latents, text) = network(torch.float64), inputs(torch.float64)
    monkeypatch.setattr(denoiser_module, "moment_of", all_at_zero)
    difference = streamed(model, CONFIG, latents, text) - at_once(model, latents, text)
    assert difference.abs().max().item() > 1e-3


class WholeVideo:
    """Attention of all frames at once under the ring's rule, with positions by age; written from the rule."""

    def __init__(self, config: EngineConfig, model: Any) -> None:
        self.config = config
        cos, sin = model.rope(torch.empty(1, 1, config.window, *config.latent_size))
        turns = torch.complex(cos[0, :, 0, 0::2].double(), sin[0, :, 0, 1::2].double())
        self.turns = torch.unflatten(turns, 0, (config.window, config.tokens_per_frame))

    def kept(self, frame: int) -> list[int]:
        """Frames that lie in the ring when a frame is painted, the oldest first."""
        window, sinks = self.config.window, self.config.sinks
        return [f for f in range(frame + 1) if f < sinks or f > frame - (window - sinks)]

    def turn(self, x: Tensor, rank: int) -> Tensor:
        pairs = torch.view_as_complex(torch.unflatten(x.double(), -1, (-1, 2)).contiguous())
        return torch.view_as_real(pairs * self.turns[rank][:, None]).flatten(-2)

    def __call__(self, attn: Any, h: Tensor, text: object, mask: object, rope: object) -> Tensor:
        split = (-1, self.config.tokens_per_frame)
        parts = (attn.norm_q(attn.to_q(h)), attn.norm_k(attn.to_k(h)), attn.to_v(h))
        q, k, v = (part[0].unflatten(1, (attn.heads, -1)).unflatten(0, split) for part in parts)
        rows = []
        for frame in range(q.shape[0]):
            kept = self.kept(frame)
            keys = torch.cat([self.turn(k[f], rank) for rank, f in enumerate(kept)])
            query, values = self.turn(q[frame], len(kept) - 1), torch.cat([v[f] for f in kept])
            scores = torch.einsum("qhc,khc->hqk", query, keys) / query.shape[-1] ** 0.5
            rows.append(torch.einsum("hqk,khc->qhc", scores.softmax(-1), values.double()).flatten(1))
        return cast(Tensor, attn.to_out[0](torch.cat(rows)[None].to(h.dtype)))


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize(("window", "sinks"), [(4, 1), (6, 3), (3, 0)])
def test_the_ring_with_eviction_equals_a_whole_forward_under_its_rule(
    dtype: torch.dtype, window: int, sinks: int
) -> None:
    model, (latents, text) = network(dtype), inputs(dtype)
    config = replace(CONFIG, window=window, sinks=sinks)
    reference = copy.deepcopy(model)
    for block in reference.blocks:
        block.attn1.set_processor(WholeVideo(config, reference))
    times = torch.full((1, FRAMES * config.tokens_per_frame), TIMESTEP, dtype=torch.float64)
    with torch.inference_mode():
        whole = reference(latents, times, text, return_dict=False)[0]
    difference = (streamed(model, config, latents, text) - whole).abs().max().item()
    assert difference <= TOLERANCE[dtype]
