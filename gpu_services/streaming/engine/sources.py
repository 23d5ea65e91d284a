"""Where published weights come from, and under which licence. Loads no torch.

Names and licences as their pages state them; see facts of issue 6. Nothing is downloaded while serving.
"""

from dataclasses import dataclass

from gpu_services.streaming.engine.config import PresetName

COMMAND = "python -m gpu_services.streaming.weights"


@dataclass(frozen=True, kw_only=True)
class Published:
    """A published file or folder.

    Attributes:
        repository: `owner/name` on the model hub.
        path: The file in it; empty for a whole diffusers folder.
        licence: As its page states it.
        note: What one must know before shipping it.
    """

    repository: str
    path: str = ""
    licence: str
    note: str = ""


BASES: dict[PresetName, Published] = {
    "wan-1.3b": Published(repository="Wan-AI/Wan2.1-T2V-1.3B-Diffusers", licence="Apache-2.0"),
    "wan-14b": Published(repository="Wan-AI/Wan2.1-T2V-14B-Diffusers", licence="Apache-2.0"),
}
"""Codec and text encoder."""

CHECKPOINTS: dict[str, Published] = {
    "streamdiffusionv2": Published(
        repository="jerryfeng/StreamDiffusionV2",
        path="wan_causal_dmd_v2v/model.pt",
        licence="Apache-2.0 (model card)",
        note="derived from CausVid, whose licence was not checked: check it before shipping",
    ),
    "self-forcing": Published(
        repository="gdhe17/Self-Forcing",
        path="checkpoints/self_forcing_dmd.pt",
        licence="Apache-2.0 (repository)",
        note="text to video; fetch it with --ema, paint with clean_pass and a timestep_shift",
    ),
}
"""Causal transformers of 1.3 billion parameters."""

TINY_CODEC = Published(repository="madebyollin/taehv", path="taew2_1.pth", licence="MIT")
"""On GitHub, not on the model hub: its file is given by hand."""

BASE_PARTS = ("vae/*", "text_encoder/*", "tokenizer/*")


def fetch_command(preset: str, folder: object) -> str:
    """What makes a weights folder."""
    chosen = " --checkpoint FILE.pt" if preset == "wan-14b" else ""
    return f"{COMMAND} fetch --preset {preset}{chosen} --into {folder}"


def tiny_codec_command(folder: object) -> str:
    """What adds the tiny codec to a weights folder."""
    return f"{COMMAND} add-tiny-codec --file {TINY_CODEC.path} --revision COMMIT --into {folder}"
