"""How much work a chunk of video diffusion is, and how fast it could be at most: formulas, no torch.

Per layer, n new tokens that attend kv tokens (multiply and add are two operations):
linear `2 n (4 d^2 + 2 d f)`, cross-attention `2 n (2 d^2) + 4 n text d` (its keys and values are kept), self-
attention `4 n kv d`. The codecs' work at 832x480 was counted once, operation by operation, and scales with
the pixels. Source: facts of issue 6, section 2.
"""

from gpu_services.streaming.engine.config import CodecName, EngineConfig

_PIXELS = 832 * 480
ENCODE_TFLOP: dict[CodecName, float] = {"wan": 8.05, "tiny": 0.24}
DECODE_TFLOP: dict[CodecName, float] = {"wan": 13.55, "tiny": 0.54}
FRAMES = 4


def forward_tflop(config: EngineConfig) -> float:
    """One forward of one latent frame over a full ring."""
    network, new = config.network, config.tokens_per_frame
    width, seen = network.width, config.window * new
    linear = 2 * new * (4 * width**2 + 2 * width * network.ffn_width)
    cross = 2 * new * 2 * width**2 + 4 * new * network.text_tokens * width
    return network.layers * (linear + cross + 4 * new * seen * width) / 1e12


def chunk_tflop(config: EngineConfig, steps: int) -> float:
    """A chunk of 4 frames: encode, so many forwards, decode. The codecs at their published widths."""
    size = config.width_px * config.height_px / _PIXELS
    codec = ENCODE_TFLOP[config.encoder] + DECODE_TFLOP[config.decoder]
    forwards = steps + config.clean_pass
    return codec * size + forwards * forward_tflop(config)


def ceiling_fps(config: EngineConfig, steps: int, *, tflop_per_s: float) -> float:
    """Frames a second at a rate of operations."""
    return FRAMES * tflop_per_s / chunk_tflop(config, steps)
