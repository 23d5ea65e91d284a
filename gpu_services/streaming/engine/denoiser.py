"""The stock Wan transformer, made causal: one forward over the new frame of each session of a batch.

The model is diffusers' own; only the attention processors are replaced, the three projections of
self-attention fused into one, and matrix products kept apart per session (see `rows`). The model itself holds
no state of any stream.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from gpu_services.streaming.engine.attention import (
    PromptAttention,
    PromptMemory,
    RingAttention,
    moment_of,
)
from gpu_services.streaming.engine.config import EngineConfig, NetworkShape
from gpu_services.streaming.engine.ring import Ring
from gpu_services.streaming.engine.rope import window_turns
from gpu_services.streaming.engine.rows import keep_sessions_apart

P = TypeVar("P", RingAttention, PromptAttention)
_PREFERRED = [
    SDPBackend.CUDNN_ATTENTION,
    SDPBackend.FLASH_ATTENTION,
    SDPBackend.EFFICIENT_ATTENTION,
    SDPBackend.MATH,
]

_PROGRAMS = 256


def build_network(shape: NetworkShape) -> nn.Module:
    """The stock model of a shape, on the current default device."""
    from diffusers import WanTransformer3DModel

    model: nn.Module = WanTransformer3DModel(
        num_attention_heads=shape.heads,
        attention_head_dim=shape.head_width,
        in_channels=shape.latent_channels,
        out_channels=shape.latent_channels,
        text_dim=shape.text_width,
        freq_dim=shape.timestep_width,
        ffn_dim=shape.ffn_width,
        num_layers=shape.layers,
        cross_attn_norm=True,
        qk_norm="rms_norm_across_heads",
    )
    return model


def hollow_network(shape: NetworkShape) -> nn.Module:
    """The same on the meta device, to be given weights; its positions, which are no weights, are real."""
    with torch.device("meta"):
        model = build_network(shape)
    rope: Any = model.rope
    model.rope = type(rope)(rope.attention_head_dim, rope.patch_size, rope.max_seq_len)
    return model


class Denoiser:
    """Predicts the flow of each session's new latent frame from its memory and its prompt.

    Attributes:
        heads: Heads on this device.
        model: The transformer.
        dtype: Of memory and activations.
        device: Where the model is.
    """

    def __init__(self, model: Any, config: EngineConfig) -> None:
        self._config = config
        self.model = model.eval().requires_grad_(False)
        self.dtype = model.patch_embedding.weight.dtype
        self.device = model.patch_embedding.weight.device
        self.heads = int(model.blocks[0].attn1.heads)
        sums = torch.promote_types(self.dtype, torch.float32)
        self._turns = window_turns(model, window=config.window, latent_size=config.latent_size, dtype=sums)
        self._rings = [_replace(block.attn1, RingAttention()) for block in model.blocks]
        self._prompts = [_replace(block.attn2, PromptAttention()) for block in model.blocks]
        for block in model.blocks:
            _fuse(block.attn1)
        keep_sessions_apart(model, many_rows=not config.fold_sessions)
        if config.compile_blocks:
            compile_blocks(model)

    def flow(
        self, rings: Sequence[Ring], prompts: Sequence[PromptMemory], latents: Tensor, timesteps: Tensor
    ) -> Tensor:
        """The predicted flow, and the frame's keys and values in each ring.

        Args:
            rings: Memory of each session, after `begin_frame`.
            prompts: Prompt of each session.
            latents: `(sessions, channels, 1, height, width)`, noisy.
            timesteps: `(sessions,)`, 0 to 1000.

        Returns:
            Flow of the latents' shape.
        """
        moment = moment_of(rings, self._turns)
        for layer, (memory, text) in enumerate(zip(self._rings, self._prompts, strict=True)):
            memory.bind(moment, rings, layer)
            text.bind(prompts, layer)
        unused_text = latents.new_zeros(len(rings), 1, self._config.network.text_width)
        with _attention_backend(self.device):
            return cast(Tensor, self.model(latents, timesteps, unused_text, return_dict=False)[0])

    def prompt_memory(self, embedding: Tensor) -> PromptMemory:
        """Keys and values of a prompt's embedding `(1, text tokens, text_width)` in every layer."""
        text = self.model.condition_embedder.text_embedder(embedding.to(self.device, self.dtype))
        return [_prompt_pair(block.attn2, text) for block in self.model.blocks]


def compile_blocks(model: Any, **options: Any) -> None:
    """Compile the blocks: one program for all of them, for each fill of the rings and number of sessions."""
    torch._dynamo.config.recompile_limit = _PROGRAMS
    for block in model.blocks:
        block.compile(fullgraph=True, dynamic=False, **options)


def _prompt_pair(attn: Any, text: Tensor) -> tuple[Tensor, Tensor]:
    key, value = attn.norm_k(attn.to_k(text)), attn.to_v(text)
    split = (attn.heads, -1)
    return key.unflatten(2, split).contiguous(), value.unflatten(2, split).contiguous()


def _replace(attn: Any, processor: P) -> P:
    attn.set_processor(processor)
    return processor


def _fuse(attn: Any) -> None:
    attn.fuse_projections()
    del attn.to_q, attn.to_k, attn.to_v


@contextmanager
def _attention_backend(device: torch.device) -> Iterator[None]:
    """On a GPU cuDNN's attention first; no flash-attn wheel is assumed."""
    if device.type != "cuda":
        yield
        return
    with sdpa_kernel(_PREFERRED, set_priority=True):
        yield
