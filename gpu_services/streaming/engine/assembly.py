"""Puts an engine together: with published weights, or with random ones of the same shapes."""

from collections.abc import Mapping
from typing import cast

import torch
from torch import nn

from gpu_services.streaming.engine.config import CodecName, EngineConfig
from gpu_services.streaming.engine.denoiser import Denoiser, build_network
from gpu_services.streaming.engine.painter import Painter
from gpu_services.streaming.engine.prompts import HashedPrompts, PromptCache, TextModel, tiny_text_model
from gpu_services.streaming.engine.split import Split, split_network
from gpu_services.streaming.engine.tiny_codec import TinyCodec, TinyVae
from gpu_services.streaming.engine.wan_codec import WanCodec, build_wan_vae


def best_device() -> torch.device:
    """The first GPU, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def best_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 on a GPU, single precision on a CPU."""
    return torch.bfloat16 if device.type == "cuda" else torch.float32


def random_painter(
    config: EngineConfig,
    *,
    device: torch.device | None = None,
    dtype: torch.dtype | None = None,
    seed: int = 0,
    split: Split | None = None,
) -> Painter:
    """An engine of the true shapes with random weights: right for tests and for measuring speed.

    What it paints is noise shaped by the input. The same seed gives the same engine, also a split one.
    """
    device = device or best_device()
    dtype = dtype or best_dtype(device)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []), device:
        torch.manual_seed(seed)
        network = build_network(config.network)
        codecs = {name: build_codec(name, config) for name in sorted({config.encoder, config.decoder})}
        for module in codecs.values():
            _make_visible(module)
        tiny = config.preset == "tiny"
        prompts = tiny_text_model(config.network, dtype) if tiny else HashedPrompts(config.network)
    return assembled(
        config, network=network, codecs=codecs, prompts=prompts, device=device, dtype=dtype, split=split
    )


def assembled(
    config: EngineConfig,
    *,
    network: nn.Module,
    codecs: Mapping[CodecName, nn.Module],
    prompts: TextModel,
    device: torch.device,
    dtype: torch.dtype,
    split: Split | None = None,
) -> Painter:
    """An engine of networks that hold their weights.

    Args:
        config: What to build.
        network: The transformer as diffusers makes it.
        codecs: The codecs' networks by name; those that the configuration names.
        prompts: The text model.
        device: Where to compute.
        dtype: Of weights and activations; what diffusers keeps in single precision stays so.
        split: This process' part of a transformer that several processes share; None: all of it.
    """
    if split is not None:
        split_network(network, split)
    ready = {name: codec_of(nn.Module.to(module, device, dtype)) for name, module in codecs.items()}
    nn.Module.to(network, device, dtype)  # diffusers' own `to` warns of what is mended below
    if dtype in {torch.bfloat16, torch.float16}:
        _keep_in_single(network)
    return Painter(
        config,
        denoiser=Denoiser(network, config),
        encoder=ready[config.encoder],
        decoder=ready[config.decoder],
        prompts=PromptCache(prompts, kept=config.prompts_kept),
        total=split.total if split is not None else torch.clone,
    )


def build_codec(name: CodecName, config: EngineConfig) -> nn.Module:
    """A codec's network, on the current default device."""
    channels = config.network.latent_channels
    return build_wan_vae(config.codecs, channels) if name == "wan" else TinyVae(config.codecs, channels)


def codec_of(network: nn.Module) -> WanCodec | TinyCodec:
    """The codec that runs a network."""
    return TinyCodec(network) if isinstance(network, TinyVae) else WanCodec(network)


def _keep_in_single(network: nn.Module) -> None:
    for name, module in network.named_modules():
        if name.endswith(("time_embedder", "norm1", "norm2", "norm3")):
            module.float()
    for name, parameter in network.named_parameters():
        if name.endswith("scale_shift_table"):
            parameter.data = parameter.data.float()


def _make_visible(network: nn.Module) -> None:
    """Give a random tiny decoder pictures around grey; as it is drawn, they are nearly all black."""
    if isinstance(network, TinyVae):
        last = cast(nn.Conv2d, network.decoder[-1])
        nn.init.constant_(cast(nn.Parameter, last.bias), 0.5)
        last.weight.data *= 16
