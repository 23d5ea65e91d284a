"""A whole model: network, codec, conditioner, schedule; made new, or from a checkpoint.

The production network is diffusers' UNetMotionModel (SD 1.5's U-Net with attention over time: 1.31 B
parameters, 201 TFLOP a call at 40 x 90 x 160, computed).
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from gpu_services.checkpoint_files import Card, check_fit, latest_folder, read_checkpoint_card, read_weights
from gpu_services.generation.codec import LatentCodec, latent_shape, make_codec
from gpu_services.generation.conditions import Vocabulary
from gpu_services.generation.network import ConditionalVideoUNet, SimpleImageUNet
from gpu_services.generation.schedule import NoiseSchedule, cosine_noise_schedule
from gpu_services.generation.text import Conditioner, make_conditioner
from gpu_services.places import Place
from scalediff_contract.video_models import ClipSpec, VideoArchitecture, VideoDiffusionTrainConfig

_CODEC = "codec."


class VideoCard(Card):
    """What a checkpoint of a video model is.

    Attributes:
        version: Semantic version.
        spec: Size of its clips.
        architecture: The network.
        recipe: The training.
        terms: Its vocabulary.
        categories: How many of them are categories.
        slots: Most labels of a prompt.
        manifest_hash: Of the clips it was trained on.
    """

    version: str
    spec: ClipSpec
    architecture: VideoArchitecture
    recipe: VideoDiffusionTrainConfig
    terms: tuple[str, ...]
    categories: int
    slots: int
    manifest_hash: str

    @property
    def vocabulary(self) -> Vocabulary:
        """Of its labels."""
        return Vocabulary(terms=self.terms, categories=self.categories, slots=self.slots)


@dataclass(frozen=True, kw_only=True)
class VideoModel:
    """All that makes clips.

    Attributes:
        spec: Size of the clips.
        architecture: The network's.
        network: Says the noise.
        codec: Pictures to latents and back.
        conditioner: Prompts to conditions.
        schedule: Of the noise.
        vocabulary: Known labels.
    """

    spec: ClipSpec
    architecture: VideoArchitecture
    network: nn.Module
    codec: LatentCodec
    conditioner: Conditioner
    schedule: NoiseSchedule
    vocabulary: Vocabulary

    @property
    def latent_shape(self) -> tuple[int, int, int, int]:
        """`(T, C, h, w)`."""
        return latent_shape(self.spec, self.architecture)

    def weights(self, network: dict[str, Tensor] | None = None) -> dict[str, Tensor]:
        """What a checkpoint keeps: these weights of the network (or its own), and the codec's."""
        codec = {f"{_CODEC}{name}": value for name, value in self.codec.state().items()}
        return {**(network or self.network.state_dict()), **codec}


class MotionVideoUNet(nn.Module):
    """Diffusers' UNetMotionModel behind our call."""

    def __init__(self, architecture: VideoArchitecture, *, frames: int) -> None:
        super().__init__()
        import diffusers

        kind: Any = diffusers.UNetMotionModel
        self.architecture = architecture
        widths = tuple(architecture.width * multiplier for multiplier in architecture.multipliers)
        attended = len(widths) - 1
        self.inner = kind(
            in_channels=architecture.latent_channels,
            out_channels=architecture.latent_channels,
            down_block_types=("CrossAttnDownBlockMotion",) * attended + ("DownBlockMotion",),
            up_block_types=("UpBlockMotion",) + ("CrossAttnUpBlockMotion",) * attended,
            block_out_channels=widths,
            layers_per_block=architecture.residual_blocks,
            cross_attention_dim=architecture.context_channels or 768,
            num_attention_heads=architecture.heads,
            motion_num_attention_heads=architecture.heads,
            motion_max_seq_length=max(32, frames),
            norm_num_groups=min(32, widths[0] // 2),
        )

    def forward(
        self, noisy: Tensor, timesteps: Tensor, condition: Tensor, given: Tensor | None = None
    ) -> Tensor:
        """`(B, T, C, H, W)` to the same; given pictures are replaced in sampling, the network is not told."""
        del given
        each = condition.repeat_interleave(noisy.shape[1], 0)  # (B T, L, D): every picture attends to it
        said: Tensor = self.inner(noisy.transpose(1, 2), timesteps, encoder_hidden_states=each).sample
        return said.transpose(1, 2)  # (B, C, T, H, W) back

    def temporal_parameters(self) -> list[nn.Parameter]:
        """What `trainable: temporal` trains."""
        return [value for name, value in self.inner.named_parameters() if "motion_modules" in name]


def make_network(architecture: VideoArchitecture, spec: ClipSpec, labels: int) -> nn.Module:
    """A network with new weights."""
    if architecture.network == "motion":
        return MotionVideoUNet(architecture, frames=spec.frames)
    if architecture.network == "independent":
        return SimpleImageUNet(architecture, labels=labels)
    return ConditionalVideoUNet(architecture, frames=spec.frames, labels=labels)


def make_model(
    spec: ClipSpec,
    architecture: VideoArchitecture,
    vocabulary: Vocabulary,
    codec: LatentCodec,
    device: torch.device,
) -> VideoModel:
    """A model with new weights, on a device."""
    latent_shape(spec, architecture)  # refuses sizes that do not fit
    conditioner = make_conditioner(architecture, vocabulary)
    network = make_network(architecture, spec, len(vocabulary.terms))
    network.register_buffer("null_tokens", conditioner.null_tokens, persistent=False)
    return VideoModel(
        spec=spec,
        architecture=architecture,
        network=network.to(device),
        codec=codec,
        conditioner=conditioner,
        schedule=cosine_noise_schedule(
            architecture.num_train_timesteps,
            prediction=architecture.prediction,
            zero_terminal_snr=architecture.zero_terminal_snr,
            clip_range=codec.clip_range,
            shared_noise=architecture.shared_noise,
            sampled_shared_noise=architecture.sampled_shared_noise,
        ),
        vocabulary=vocabulary,
    )


def load_video_model(url: str, device: torch.device) -> tuple[VideoModel, VideoCard]:
    """The model of a checkpoint folder, or of the latest one of a training run's folder.

    Raises:
        CheckpointError: Where there is none, or a corrupt one.
    """
    place = Place(url)
    folder = latest_folder(place) or ""
    card = read_checkpoint_card(place, VideoCard, folder)
    weights = read_weights(place, card, folder)
    codec_state, network_state = split_weights(weights)
    codec = make_codec(card.architecture, state=codec_state, device=device)
    model = make_model(card.spec, card.architecture, card.vocabulary, codec, device)
    check_fit(model.network, network_state, name=url)
    model.network.load_state_dict(network_state)
    model.network.eval().requires_grad_(False)
    return model, card


def split_weights(weights: dict[str, Tensor]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """A checkpoint's weights as the codec's and the network's."""
    codec = {name.removeprefix(_CODEC): value for name, value in weights.items() if name.startswith(_CODEC)}
    return codec, {name: value for name, value in weights.items() if not name.startswith(_CODEC)}
