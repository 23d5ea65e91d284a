"""StreamDiffusionV2's own code, run from a checkout of it, for comparison; none of it is in this project.

Its session interface is used as its demo uses it. Only what reads weights from disk is replaced, by random
weights of the same shapes: the transformer, the Wan VAE, TAEHV; the text encoder gives random rows, because a
prompt is encoded once and not measured. Attention, caches, batching and streams are its own. Without a
flash-attn wheel it falls back to PyTorch's attention by itself.

Needs what its own requirements name (einops, omegaconf, ftfy, torchvision). Two settings: its default (full
Wan VAE, window 6, 3 adaptive sinks) and its faster one (TAEHV decodes, window 5, 2 fixed sinks), without
TensorRT.
"""

import importlib
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from numpy.typing import NDArray

from gpu_services.streaming.engine.assembly import best_device
from gpu_services.streaming.engine.config import CodecShape, EngineConfig
from gpu_services.streaming.engine.tiny_codec import TinyVae

NOISE = 0.8
STEPS = 2
SETTINGS: dict[str, dict[str, Any]] = {
    "streamdiffusionv2_default": {"use_taehv": False},
    "streamdiffusionv2_faster": {
        "use_taehv": True,
        "num_kv_cache": 5,
        "num_sink_tokens": 2,
        "adapt_sink_threshold": -1,
    },
}


def rival_streams(root: str, config: EngineConfig) -> dict[str, Callable[[], object]]:
    """What paints one chunk, by setting; each is warm and its caches are full.

    Args:
        root: A checkout of StreamDiffusionV2.
        config: Size and steps to measure at; the transformer is always its own 1.3B.
    """
    sys.path.insert(0, root)
    return {name: Rival(root, config, changes) for name, changes in SETTINGS.items()}


class Rival:
    """One warm stream of StreamDiffusionV2."""

    def __init__(self, root: str, config: EngineConfig, changes: Mapping[str, Any]) -> None:
        self._device = best_device()
        rng = np.random.default_rng(0)
        self._frames = rng.integers(0, 256, (5, config.height_px, config.width_px, 3), dtype=np.uint8)
        with random_weights(self._device) as taehv:
            settings = {**changes, "taehv_checkpoint_path": taehv}
            self._pipeline = _pipeline(root, config, settings, self._device)
        first = self._numbers(self._frames)
        with torch.inference_mode():
            self._session, _ = self._pipeline.start_stream_session("a quiet street", first, NOISE)
        for _ in range(config.window + STEPS):
            self()

    @torch.inference_mode()
    def __call__(self) -> list[NDArray[np.uint8]]:
        """Paint the next chunk, from bytes to bytes."""
        videos = self._pipeline.run_stream_batch(self._session, self._numbers(self._frames[1:]))
        return [(video * 255).round().astype(np.uint8) for video in videos]

    def _numbers(self, frames: NDArray[np.uint8]) -> torch.Tensor:
        """`(T, H, W, 3) uint8` as `(1, 3, T, H, W)`, -1 to 1."""
        there = torch.from_numpy(frames).to(self._device)
        return (there.permute(3, 0, 1, 2)[None].to(torch.bfloat16) / 127.5 - 1).contiguous()


def _pipeline(root: str, config: EngineConfig, changes: Mapping[str, Any], device: torch.device) -> Any:
    inference = importlib.import_module("streamv2v.inference")
    given = {
        "height": config.height_px,
        "width": config.width_px,
        "step": STEPS,
        "noise_scale": NOISE,
        "model_type": "T2V-1.3B",
        "t2v": False,
        "profile": False,
        "use_tensorrt": False,
        "fast": False,
        **changes,
    }
    path = str(Path(root) / "streamv2v/configs/wan_causal_dmd_v2v.yaml")
    return inference.SingleGPUInferencePipeline(inference.merge_cli_config(path, given), device)


@contextmanager
def random_weights(device: torch.device) -> Iterator[str]:
    """While this lasts, its loaders find random weights; gives the path of TAEHV's."""
    wrapper = importlib.import_module("models.wan.wan_wrapper")
    vae = importlib.import_module("models.wan.wan_base.modules.vae")

    def transformer(_path: str) -> torch.nn.Module:
        with device:
            model: torch.nn.Module = wrapper.CausalWanModel(
                dim=1536, ffn_dim=8960, num_heads=12, num_layers=30
            )
        torch.nn.init.normal_(model.head.head.weight, std=0.02)  # type: ignore[union-attr, arg-type]
        return model.to(torch.bfloat16)

    def wan_vae(pretrained_path: str, z_dim: int) -> torch.nn.Module:
        del pretrained_path
        with device:
            model: torch.nn.Module = vae.WanVAE_(
                dim=96, z_dim=z_dim, dim_mult=[1, 2, 4, 4], temperal_downsample=[False, True, True]
            )
        return model

    with ExitStack() as patches, tempfile.TemporaryDirectory() as folder:
        taehv = Path(folder) / "taehv.pth"
        torch.save(TinyVae(CodecShape(), 16).state_dict(), taehv)
        patches.enter_context(mock.patch.object(wrapper.CausalWanModel, "from_pretrained", transformer))
        # Its causal wrapper builds the plain model first, and throws it away.
        patches.enter_context(mock.patch.object(wrapper.WanModel, "from_pretrained", _nothing))
        patches.enter_context(mock.patch.object(wrapper, "_video_vae", wan_vae))
        for name, stand_in in (("__init__", _no_text_encoder), ("forward", _random_rows)):
            setattr(wrapper.WanTextEncoder, name, stand_in)
        yield str(taehv)


def _nothing(_path: str) -> torch.nn.Module:
    return torch.nn.Identity()


def _no_text_encoder(self: torch.nn.Module, model_type: str = "") -> None:
    del model_type
    torch.nn.Module.__init__(self)


def _random_rows(self: torch.nn.Module, text_prompts: list[str]) -> dict[str, torch.Tensor]:
    del self
    rows = torch.randn(len(text_prompts), 512, 4096, device=best_device(), dtype=torch.bfloat16)
    return {"prompt_embeds": rows}
