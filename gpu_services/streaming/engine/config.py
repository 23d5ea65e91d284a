"""What can be chosen about the engine: the network's shape, the memory, the steps. Loads no torch.

Presets: `wan-1.3b` and `wan-14b` are the published architectures at 832x480; `tiny` has the same parts
with a few random weights, for tests and for a machine without a GPU.
"""

from dataclasses import dataclass
from typing import Literal

FRAMES_PER_LATENT = 4
"""Video frames that one latent frame holds; the first latent frame of a stream holds one."""

CodecName = Literal["wan", "tiny"]
SinkRule = Literal["fixed", "adaptive"]
PresetName = Literal["wan-1.3b", "wan-14b", "tiny"]


@dataclass(frozen=True, kw_only=True)
class NetworkShape:
    """The transformer and the text encoder.

    Attributes:
        heads: Attention heads.
        head_width: Channels of a head.
        layers: Transformer blocks.
        ffn_width: Hidden channels of a block's feed-forward part.
        text_width: Channels of the text encoder.
        text_tokens: Tokens that a prompt is padded to.
        timestep_width: Channels of the sinusoidal embedding of the timestep.
        latent_channels: Channels of the codec's latents.
    """

    heads: int
    head_width: int
    layers: int
    ffn_width: int
    text_width: int = 4096
    text_tokens: int = 512
    timestep_width: int = 256
    latent_channels: int = 16

    @property
    def width(self) -> int:
        """Channels of the residual stream."""
        return self.heads * self.head_width


@dataclass(frozen=True, kw_only=True)
class CodecShape:
    """Channels of the two codecs.

    Attributes:
        wan_base: First width of the Wan VAE; 96 is published.
        tiny_encoder: Width of the tiny codec's encoder; 64 is published.
        tiny_decoder: Widths of its decoder's stages; (256, 128, 64, 64) is published.
    """

    wan_base: int = 96
    tiny_encoder: int = 64
    tiny_decoder: tuple[int, int, int, int] = (256, 128, 64, 64)


@dataclass(frozen=True, kw_only=True)
class EngineConfig:
    """A whole engine.

    Attributes:
        preset: Its name.
        network: The transformer.
        codecs: The codecs' widths.
        width_px: Width of the video; a multiple of 16.
        height_px: Height; a multiple of 16.
        encoder: Which codec makes latents.
        decoder: Which codec makes frames.
        window: Latent frames that the memory holds.
        sinks: How many of them are the stream's first ones, kept for good (or replaced, if adaptive).
        sink_rule: Whether a sink that has become unlike the present is replaced.
        sink_threshold: Cosine similarity under which an adaptive sink is replaced.
        timesteps: The denoising steps' timesteps out of 1000, from noisy to clean.
        steps: How many of them are taken: 1, 2 or 4.
        timestep_shift: Moves the timesteps towards noise, for checkpoints that were trained so.
        noise: Part of noise in the first step's input, 0 to 1.
        motion_rms: RMS difference of two frames (of values -1 to 1) that counts as full motion.
        clean_pass: One more forward per chunk that stores the clean frame in the memory, for checkpoints
            that were trained so.
        fold_sessions: All sessions in one matrix product. Off, each session has products of its own,
            whose bits cannot depend on who else is painted.
        compile_blocks: `torch.compile` for the transformer's blocks.
        cuda_graphs: Replay recorded CUDA graphs.
        prompts_kept: Prompts whose embeddings stay.
    """

    preset: PresetName
    network: NetworkShape
    codecs: CodecShape = CodecShape()
    width_px: int = 832
    height_px: int = 480
    encoder: CodecName = "tiny"
    decoder: CodecName = "tiny"
    window: int = 6
    sinks: int = 3
    sink_rule: SinkRule = "adaptive"
    sink_threshold: float = 0.2
    timesteps: tuple[int, ...] = (700, 500, 400, 200)
    steps: int = 2
    timestep_shift: float | None = None
    noise: float = 0.8
    motion_rms: float = 0.2
    clean_pass: bool = False
    fold_sessions: bool = False
    compile_blocks: bool = False
    cuda_graphs: bool = False
    prompts_kept: int = 256

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        for name in ("width_px", "height_px"):
            if getattr(self, name) % 16 or getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be a positive multiple of 16")
        if not 0 <= self.sinks < self.window:
            raise ValueError(f"sinks is {self.sinks}; it must be 0 to window - 1, which is {self.window - 1}")
        if self.steps not in {1, 2, 4} or self.steps > len(self.timesteps):
            raise ValueError(
                f"steps is {self.steps}; it must be 1, 2 or 4, of {len(self.timesteps)} timesteps"
            )
        if not 0 < self.noise <= 1:
            raise ValueError(f"noise is {self.noise}; it must be more than 0 and at most 1")

    @property
    def latent_size(self) -> tuple[int, int]:
        """Height and width of a latent frame."""
        return self.height_px // 8, self.width_px // 8

    @property
    def tokens_per_frame(self) -> int:
        """Tokens of one latent frame: one per 2x2 patch."""
        height, width = self.latent_size
        return (height // 2) * (width // 2)

    def ring_bytes(self, bytes_per_number: int = 2) -> int:
        """Memory of one session's keys and values."""
        tokens = self.window * self.tokens_per_frame
        return 2 * self.network.layers * tokens * self.network.width * bytes_per_number


PRESETS: dict[PresetName, EngineConfig] = {
    "wan-1.3b": EngineConfig(
        preset="wan-1.3b", network=NetworkShape(heads=12, head_width=128, layers=30, ffn_width=8960)
    ),
    "wan-14b": EngineConfig(
        preset="wan-14b", network=NetworkShape(heads=40, head_width=128, layers=40, ffn_width=13824)
    ),
    "tiny": EngineConfig(
        preset="tiny",
        network=NetworkShape(
            heads=4, head_width=24, layers=2, ffn_width=128, text_width=32, text_tokens=16, timestep_width=64
        ),
        codecs=CodecShape(wan_base=8, tiny_encoder=8, tiny_decoder=(16, 8, 8, 8)),
        width_px=96,
        height_px=64,
    ),
}
