"""Published checkpoints to a weights folder, once: `torch.load(weights_only=True)`, then never again.

A causal checkpoint of the StreamDiffusionV2, Self-Forcing or LongLive kind is a `.pt` with the original Wan
names under `generator_ema` or `generator`; diffusers' own converter gives them diffusers' names.
"""

import pickle
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from gpu_services.errors import CheckpointError
from gpu_services.streaming.engine.assembly import build_codec
from gpu_services.streaming.engine.config import PRESETS, EngineConfig, PresetName
from gpu_services.streaming.engine.denoiser import build_network
from gpu_services.streaming.engine.sources import BASE_PARTS
from gpu_services.streaming.engine.weights import (
    MANIFEST,
    TINY_CODEC,
    TRANSFORMER,
    FileMark,
    Manifest,
    Origin,
    check_shapes,
    read_manifest,
    sha256_of,
)

_GENERATORS = ("generator", "generator_ema", "state_dict", "model")
_WRAPPERS = re.compile(r"_fsdp_wrapped_module\.|_orig_mod\.|^module\.")
_IN_SINGLE = re.compile(r"time_embedder|scale_shift_table|\.norm[123]\.")


def read_pickle(path: Path) -> dict[str, Any]:
    """A published file's content; only tensors and plain containers are unpickled.

    Raises:
        CheckpointError: It is no such file, or holds anything else.
    """
    if not path.is_file():
        raise CheckpointError(str(path), "there is no such file", "download it first")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        first = str(error).partition("\n")[0]
        problem = f"it cannot be read as tensors alone ({type(error).__name__}: {first})"
        raise CheckpointError(
            str(path), problem, "use the published file; never load it otherwise"
        ) from error
    if not isinstance(content, dict):
        raise CheckpointError(str(path), f"it holds a {type(content).__name__}", "use a state dict")
    return content


def transformer_tensors(
    content: Mapping[str, Any], config: EngineConfig, *, name: str, ema: bool = False
) -> dict[str, Tensor]:
    """The transformer of a checkpoint under diffusers' names, in bfloat16 where diffusers allows it.

    Args:
        content: Of the published file.
        config: Whose architecture it must have.
        name: Of the file, for errors.
        ema: Take the averaged weights where the file has both.

    Raises:
        CheckpointError: It has another architecture.
    """
    from diffusers.loaders.single_file_utils import convert_wan_transformer_to_diffusers

    chosen = _generator(content, ema=ema)
    original = {_bare(key): value for key, value in chosen.items() if isinstance(value, Tensor)}
    tensors: dict[str, Tensor] = convert_wan_transformer_to_diffusers(original)
    with torch.device("meta"):
        wanted = build_network(config.network).state_dict()
    check_shapes(wanted, tensors, name=name)
    return {key: _lowered(key, tensor) for key, tensor in tensors.items()}


def _generator(content: Mapping[str, Any], *, ema: bool) -> Mapping[str, Any]:
    """The state dict in a checkpoint; the averaged one first, where that is asked for."""
    for key in sorted(_GENERATORS, key=lambda key: ema and key != "generator_ema"):
        if isinstance(content.get(key), Mapping):
            return _generator(content[key], ema=ema)
    return content


def _bare(key: str) -> str:
    return _WRAPPERS.sub("", key).removeprefix("model.")


def _lowered(key: str, tensor: Tensor) -> Tensor:
    kept = tensor.dtype if _IN_SINGLE.search(key) else torch.bfloat16
    return tensor.to(kept).contiguous()


def tiny_codec_tensors(content: Mapping[str, Any], config: EngineConfig, *, name: str) -> dict[str, Tensor]:
    """The tiny codec of a published file; layers that once grew more frames keep their last ones.

    Raises:
        CheckpointError: It has another architecture.
    """
    with torch.device("meta"):
        wanted = build_codec("tiny", config).state_dict()
    tensors = {key: value for key, value in content.items() if isinstance(value, Tensor)}
    for key in wanted.keys() & tensors.keys():
        rows = wanted[key].shape[0]
        if key.endswith(".conv.weight") and tensors[key].shape[0] > rows:
            tensors[key] = tensors[key][-rows:]
    check_shapes(wanted, tensors, name=name)
    return {key: tensor.contiguous() for key, tensor in tensors.items()}


def pack(
    *,
    preset: PresetName,
    checkpoint: Path,
    base: Path,
    into: Path,
    origins: tuple[Origin, ...],
    ema: bool = False,
) -> Manifest:
    """Make a weights folder.

    Args:
        preset: Whose architecture it is.
        checkpoint: The causal transformer's `.pt`.
        base: A diffusers folder with `vae`, `text_encoder` and `tokenizer`.
        into: The folder to make.
        origins: Of transformer and base.
        ema: Take the averaged weights where the file has both.

    Raises:
        CheckpointError: A file is missing or of another architecture; the folder then has no manifest.
    """
    into.mkdir(parents=True, exist_ok=True)
    (into / MANIFEST).unlink(missing_ok=True)
    tensors = transformer_tensors(read_pickle(checkpoint), PRESETS[preset], name=str(checkpoint), ema=ema)
    save_file(tensors, into / TRANSFORMER)
    for part in BASE_PARTS:
        _copy(base, part.partition("/")[0], into)
    return _write_manifest(into, preset, origins)


def add_tiny_codec(*, preset: PresetName, file: Path, into: Path, origin: Origin) -> Manifest:
    """Add the tiny codec's published weights to a weights folder."""
    manifest = read_manifest(into, preset)
    tensors = tiny_codec_tensors(read_pickle(file), PRESETS[preset], name=str(file))
    save_file(tensors, into / TINY_CODEC)
    others = tuple(one for one in manifest.origins if one.part != origin.part)
    return _write_manifest(into, preset, (*others, origin))


def _copy(base: Path, part: str, into: Path) -> None:
    if not (base / part).is_dir():
        raise CheckpointError(str(base / part), "there is no such folder", "name a diffusers folder of Wan")
    if (base / part).resolve() != (into / part).resolve():
        shutil.copytree(base / part, into / part, dirs_exist_ok=True, ignore=_pickles)


def _pickles(_folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name.endswith((".bin", ".pt", ".pth", ".ckpt", ".pkl"))]


def _write_manifest(into: Path, preset: str, origins: tuple[Origin, ...]) -> Manifest:
    found = [path for path in into.rglob("*") if path.is_file() and path.name != MANIFEST]
    names = sorted(path.relative_to(into).as_posix() for path in found)
    files = {
        name: FileMark(bytes=(into / name).stat().st_size, sha256=sha256_of(into / name)) for name in names
    }
    manifest = Manifest(preset=preset, origins=origins, files=files)
    part = into / f"{MANIFEST}.part"
    part.write_text(manifest.model_dump_json(indent=1))
    part.replace(into / MANIFEST)
    return manifest
