"""Weights on disk as the service reads them: safetensors under a manifest with every file's hash.

    FOLDER/weights.json              what it is, where from, licences, sizes and sha256; written last
    FOLDER/transformer.safetensors   the causal transformer, under diffusers' names
    FOLDER/tiny_codec.safetensors    the tiny codec, where it was added
    FOLDER/vae  text_encoder  tokenizer   as diffusers publishes them

No pickle is read here: a published `.pt` goes once through `convert`.
"""

import hashlib
from pathlib import Path

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from gpu_services.errors import CheckpointError
from gpu_services.streaming.engine.assembly import assembled, best_device, best_dtype, build_codec
from gpu_services.streaming.engine.config import CodecName, EngineConfig
from gpu_services.streaming.engine.denoiser import hollow_network
from gpu_services.streaming.engine.painter import Painter
from gpu_services.streaming.engine.prompts import published_text_model
from gpu_services.streaming.engine.sources import fetch_command, tiny_codec_command
from gpu_services.streaming.engine.split import Split

MANIFEST, TRANSFORMER, TINY_CODEC = "weights.json", "transformer.safetensors", "tiny_codec.safetensors"


class Origin(BaseModel):
    """Where a part comes from.

    Attributes:
        part: `transformer`, `base` or `tiny_codec`.
        source: Repository and path, or the file that was given.
        revision: The commit.
        licence: As its page states it.
        note: What one must know before shipping it.
        sha256: Of the published file, where it was one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    part: str
    source: str
    revision: str
    licence: str
    note: str = ""
    sha256: str | None = None


class FileMark(BaseModel):
    """How a file is recognised."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bytes: int
    sha256: str


class Manifest(BaseModel):
    """What a weights folder holds; `files` by path in the folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: str
    origins: tuple[Origin, ...]
    files: dict[str, FileMark]


def sha256_of(path: Path) -> str:
    """The hash of a file, read piece by piece."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_manifest(folder: Path, preset: str) -> Manifest:
    """The manifest of a folder with a preset's weights.

    Raises:
        CheckpointError: There is none, it cannot be read, or it is another preset's.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise CheckpointError(str(path), "there are no weights", f"run `{fetch_command(preset, folder)}`")
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        problem = f"it is no manifest ({error.errors()[0]['msg']})"
        raise CheckpointError(str(path), problem, f"run `{fetch_command(preset, folder)}` again") from error
    if manifest.preset != preset:
        problem = f"its preset is {manifest.preset}, not {preset}"
        raise CheckpointError(str(path), problem, f"choose {manifest.preset}, or another folder")
    return manifest


def verify(folder: Path, manifest: Manifest) -> None:
    """Compare every file with the manifest.

    Raises:
        CheckpointError: Names the first file that is missing or not what it was.
    """
    again = f"run `{fetch_command(manifest.preset, folder)}` again"
    for name, mark in manifest.files.items():
        path = folder / name
        if not path.is_file():
            raise CheckpointError(str(path), "it is missing", again)
        if path.stat().st_size != mark.bytes:
            raise CheckpointError(str(path), f"it has {path.stat().st_size} bytes, not {mark.bytes}", again)
        if sha256_of(path) != mark.sha256:
            raise CheckpointError(str(path), "its hash is not the manifest's, so it is corrupt", again)


def load_painter(
    config: EngineConfig,
    folder: Path,
    *,
    device: torch.device | None = None,
    dtype: torch.dtype | None = None,
    split: Split | None = None,
) -> Painter:
    """An engine with published weights.

    Args:
        config: What to build; its preset must be the folder's.
        folder: Of weights.
        device: Where to compute; None: the best there is.
        dtype: Of weights; None: bfloat16 on a GPU.
        split: This process' part of a shared transformer; None: all of it.

    Raises:
        CheckpointError: Weights are missing, corrupt, or of another shape; says the command that mends it.
    """
    device = device or best_device()
    dtype = dtype or best_dtype(device)
    manifest = read_manifest(folder, config.preset)
    names: set[CodecName] = {config.encoder, config.decoder}
    if "tiny" in names and TINY_CODEC not in manifest.files:
        mend = f"run `{tiny_codec_command(folder)}`, or choose the codec wan"
        raise CheckpointError(str(folder / TINY_CODEC), "the tiny codec's weights are missing", mend)
    verify(folder, manifest)
    network = hollow_network(config.network)
    fill(network, read_tensors(folder / TRANSFORMER), name=TRANSFORMER)
    return assembled(
        config,
        network=network,
        codecs={name: _codec(name, config, folder) for name in sorted(names)},
        prompts=published_text_model(folder, config.network, device, dtype),
        device=device,
        dtype=dtype,
        split=split,
    )


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file.

    Raises:
        CheckpointError: It is none.
    """
    try:
        return dict(load_file(path))
    except SafetensorError as error:
        raise CheckpointError(str(path), f"it is no safetensors file ({error})", "make it again") from error


def fill(network: nn.Module, tensors: dict[str, Tensor], *, name: str) -> None:
    """Give a network built on the meta device its weights.

    Raises:
        CheckpointError: Names and shapes are not the network's.
    """
    wanted = network.state_dict()
    check_shapes(wanted, tensors, name=name)
    network.load_state_dict(tensors, assign=True)


def check_shapes(wanted: dict[str, Tensor], given: dict[str, Tensor], *, name: str) -> None:
    """Compare names and shapes.

    Raises:
        CheckpointError: Names the first difference.
    """
    missing, extra = sorted(wanted.keys() - given.keys()), sorted(given.keys() - wanted.keys())
    other = [key for key in wanted.keys() & given.keys() if wanted[key].shape != given[key].shape]
    mend = "choose the checkpoint of this preset's architecture"
    if missing or extra:
        first = f"{missing[0]} is missing" if missing else f"{extra[0]} is not part of it"
        raise CheckpointError(name, f"{len(missing)} names missing, {len(extra)} too many: {first}", mend)
    if other:
        key = min(other)
        problem = f"{key} is {tuple(given[key].shape)}, not {tuple(wanted[key].shape)}"
        raise CheckpointError(name, problem, mend)


def _codec(name: CodecName, config: EngineConfig, folder: Path) -> nn.Module:
    if name == "wan":
        from diffusers import AutoencoderKLWan

        vae: nn.Module = AutoencoderKLWan.from_pretrained(
            folder / "vae", local_files_only=True, use_safetensors=True
        )
        return vae
    with torch.device("meta"):
        network = build_codec(name, config)
    fill(network, read_tensors(folder / TINY_CODEC), name=TINY_CODEC)
    return network
