"""What a video model is and how it is trained: clip sizes, architectures, recipes, and their presets.

| | `tiny` | `demo` | `proto64` | `prod720` |
|---|---|---|---|---|
| for | tests | two CPU cores | one GPU, minutes | GPUs, days |
| clip | 2x16x16 | 8x64x64 | 8x64x64 | 40x720x1280 |
| latent | pixels | 8x8x20 by patches of 8 | pixels | 90x160x4 by AutoencoderKL |
| network | width 16 | width 64 | width 64 | UNetMotionModel, 1.31 B |
| prompt | labels | labels | labels | CLIP ViT-L/14, 77x768 |

A clip size of 8 x 64 x 64 in pixels takes about 20 s a step on two cores; `demo` computes in patches of 8,
where a wider network on fewer places learns a street in the steps in which patches of 4 learn its colours.
"""

from typing import Literal, Self

from pydantic import Field, model_validator

from scalediff_contract.driving import Declared

VideoPresetName = Literal["tiny", "demo", "proto64", "prod720"]
Codec = Literal["identity", "patch", "autoencoder_kl"]


class ClipSpec(Declared):
    """The size of a clip.

    Attributes:
        frames: Pictures of a clip.
        height_px: Height of a picture.
        width_px: Width of a picture.
        fps: Pictures a second.
    """

    frames: int = Field(ge=2, le=256)
    height_px: int = Field(ge=8, le=2160)
    width_px: int = Field(ge=8, le=3840)
    fps: float = Field(default=10.0, gt=0, le=120)

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """`(T, H, W, 3)` of its pictures."""
        return self.frames, self.height_px, self.width_px, 3


class VideoArchitecture(Declared):
    """A video diffusion network and the latents it works in.

    Attributes:
        network: `factorized`: attention over space and time in turn; `independent`: the same without
            time, the baseline; `motion`: diffusers' UNetMotionModel.
        codec: How pictures become latents: as they are, by principal components of patches, by VAE.
        patch_px: Side of a patch that becomes one latent position.
        latent_channels: Channels of a latent.
        autoencoder_url: Folder of an AutoencoderKL; None: one with random weights, for measuring.
        text: What a prompt becomes: labels of a vocabulary, or tokens of CLIP's text encoder.
        text_encoder_url: Folder of a CLIP text encoder and its tokenizer, for `clip`.
        context_channels: Channels of its tokens, for `clip`.
        width: Channels of the first level.
        multipliers: Channels of each level, in widths; the picture halves from level to level.
        residual_blocks: Per level and direction.
        attention_from: First level with attention over space.
        heads: Of every attention.
        first_frame: Learn to go on from a given first picture, told by a channel of the input.
        prediction: What the network says: the noise, or v (Salimans and Ho 2022).
        num_train_timesteps: Steps of the noise schedule.
        zero_terminal_snr: End the schedule in pure noise; with `v_prediction` only.
        shared_noise: Share of the noise's variance that a clip's pictures have in common, in training.
        sampled_shared_noise: The same where clips are made; None: as in training. A network of few steps
            does not yet hold its pictures together: a larger share does.
    """

    network: Literal["factorized", "independent", "motion"] = "factorized"
    codec: Codec = "identity"
    patch_px: int = Field(default=1, ge=1, le=16)
    latent_channels: int = Field(default=3, ge=1, le=64)
    autoencoder_url: str | None = None
    text: Literal["labels", "clip"] = "labels"
    text_encoder_url: str | None = None
    context_channels: int | None = None
    width: int = Field(default=64, ge=8, le=640)
    multipliers: tuple[int, ...] = (1, 2, 4)
    residual_blocks: int = Field(default=1, ge=1, le=4)
    attention_from: int = Field(default=1, ge=0)
    heads: int = Field(default=4, ge=1, le=32)
    first_frame: bool = True
    prediction: Literal["epsilon", "v_prediction"] = "epsilon"
    num_train_timesteps: int = Field(default=200, ge=2, le=4000)
    zero_terminal_snr: bool = False
    shared_noise: float = Field(default=0.0, ge=0, lt=1)
    sampled_shared_noise: float | None = Field(default=None, ge=0, lt=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.zero_terminal_snr and self.prediction == "epsilon":
            raise ValueError("zero_terminal_snr needs prediction v_prediction: pure noise says nothing of it")
        if self.codec == "identity" and (self.patch_px, self.latent_channels) != (1, 3):
            raise ValueError("codec identity keeps pixels: patch_px must be 1 and latent_channels 3")
        if self.text == "clip" and self.context_channels is None:
            raise ValueError("text clip needs context_channels, e.g. 768 for ViT-L/14")
        return self


class VideoDiffusionTrainConfig(Declared):
    """How a video model is trained; the defaults are the case study's.

    Attributes:
        epochs: Times that each clip is seen.
        steps: Optimiser steps; None: as many as the epochs need.
        batch: Clips of a step.
        lr: Learning rate at the start.
        lr_end: At the end of the cosine.
        warmup_steps: Steps of the linear rise to `lr`.
        weight_decay: Decoupled (AdamW).
        clip_norm: Most that the gradient's norm may be.
        p_uncond: Share of labels dropped, for classifier-free guidance.
        p_first_frame: Share of clips whose first picture is given, where the network can be told.
        trainable: All parameters, or those of attention over time only (fine-tuning after drift).
        ema_decay: Of the averaged weights that are published; 0: the last weights.
        bf16: Mixed precision: always, never, or where the machine has instructions for it.
        validate_every: Steps between two looks at held-out clips.
        save_every: Steps between two checkpoints.
        seed: Of weights, batches, noise and dropped labels.
        drill: Break the loss on purpose, to see that the small training stops it.
    """

    epochs: int = Field(default=40, ge=1)
    steps: int | None = Field(default=None, ge=1)
    batch: int = Field(default=8, ge=1)
    lr: float = Field(default=3e-4, gt=0)
    lr_end: float = Field(default=1e-5, ge=0)
    warmup_steps: int = Field(default=0, ge=0)
    weight_decay: float = Field(default=0.01, ge=0)
    clip_norm: float = Field(default=1.0, gt=0)
    p_uncond: float = Field(default=0.1, ge=0, lt=1)
    p_first_frame: float = Field(default=0.1, ge=0, le=1)
    trainable: Literal["all", "temporal"] = "all"
    ema_decay: float = Field(default=0.999, ge=0, lt=1)
    bf16: Literal["auto", "always", "never"] = "auto"
    validate_every: int = Field(default=500, ge=1)
    save_every: int = Field(default=500, ge=1)
    seed: int = Field(default=0, ge=0)
    drill: Literal["none", "flipped_loss"] = "none"

    def total_steps(self, clips: int) -> int:
        """Optimiser steps on so many clips; a last short batch of an epoch counts as one.

        442 clips at batch 8 are 56 steps an epoch, 2,240 in 40 epochs.
        """
        return self.steps or self.epochs * -(-clips // self.batch)


class VideoPreset(Declared):
    """A named clip size, network and recipe.

    Attributes:
        spec: Size of the clips.
        architecture: The network.
        recipe: The training.
    """

    spec: ClipSpec
    architecture: VideoArchitecture
    recipe: VideoDiffusionTrainConfig


VIDEO_PRESETS: dict[VideoPresetName, VideoPreset] = {
    "tiny": VideoPreset(
        spec=ClipSpec(frames=2, height_px=16, width_px=16),
        architecture=VideoArchitecture(width=16, multipliers=(1, 2), heads=2),
        recipe=VideoDiffusionTrainConfig(steps=60, batch=8, lr=2e-3, lr_end=1e-4, ema_decay=0.9),
    ),
    "demo": VideoPreset(
        spec=ClipSpec(frames=8, height_px=64, width_px=64),
        architecture=VideoArchitecture(
            codec="patch",
            patch_px=8,
            latent_channels=20,
            width=64,
            multipliers=(1, 2),
            prediction="v_prediction",
            shared_noise=0.5,
            # Clips then move about as much as real ones do (0.038 to 0.035); with 0.5 they flicker.
            sampled_shared_noise=0.9,
        ),
        recipe=VideoDiffusionTrainConfig(
            # Few steps want a high rate, and bfloat16 loses what a narrow network learns from them.
            steps=400,
            lr=2e-3,
            lr_end=5e-5,
            warmup_steps=20,
            ema_decay=0.98,
            validate_every=200,
            bf16="never",
        ),
    ),
    "proto64": VideoPreset(
        spec=ClipSpec(frames=8, height_px=64, width_px=64),
        architecture=VideoArchitecture(),
        recipe=VideoDiffusionTrainConfig(),
    ),
    "prod720": VideoPreset(
        spec=ClipSpec(frames=40, height_px=720, width_px=1280),
        architecture=VideoArchitecture(
            network="motion",
            codec="autoencoder_kl",
            patch_px=8,
            latent_channels=4,
            text="clip",
            context_channels=768,
            width=320,
            multipliers=(1, 2, 4, 4),
            residual_blocks=2,
            heads=8,
            first_frame=False,
            num_train_timesteps=1000,
        ),
        recipe=VideoDiffusionTrainConfig(lr=1e-4, lr_end=1e-6, epochs=1, batch=1),
    ),
}
