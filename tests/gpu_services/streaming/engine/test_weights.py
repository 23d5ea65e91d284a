"""Published files, made small: converted once, read back, and refused with one clear sentence when wrong."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import Tensor
from transformers import PreTrainedTokenizerFast, UMT5Config, UMT5EncoderModel

from gpu_services.errors import CheckpointError
from gpu_services.streaming import weights as command
from gpu_services.streaming.engine.assembly import build_codec
from gpu_services.streaming.engine.config import PRESETS, CodecShape
from gpu_services.streaming.engine.convert import (
    add_tiny_codec,
    pack,
    read_pickle,
    tiny_codec_tensors,
    transformer_tensors,
)
from gpu_services.streaming.engine.denoiser import build_network
from gpu_services.streaming.engine.weights import MANIFEST, TRANSFORMER, Origin, load_painter, read_manifest
from tests.gpu_services.streaming.engine.conftest import chunks_of, painted, same

TINY = PRESETS["tiny"]
SMALLEST = replace(TINY, width_px=16, height_px=16)
COMMIT = "0123456789abcdef0123456789abcdef01234567"
ORIGINAL_NAMES = (
    ("condition_embedder.time_embedder.linear_1", "time_embedding.0"),
    ("condition_embedder.time_embedder.linear_2", "time_embedding.2"),
    ("condition_embedder.text_embedder.linear_1", "text_embedding.0"),
    ("condition_embedder.text_embedder.linear_2", "text_embedding.2"),
    ("condition_embedder.time_proj", "time_projection.1"),
    ("attn1", "self_attn"),
    ("attn2", "cross_attn"),
    (".to_out.0.", ".o."),
    (".to_q.", ".q."),
    (".to_k.", ".k."),
    (".to_v.", ".v."),
    ("proj_out", "head.head"),
    ("ffn.net.0.proj", "ffn.0"),
    ("ffn.net.2", "ffn.2"),
    (".norm2.", ".normX."),
    (".norm3.", ".norm2."),
    (".normX.", ".norm3."),
)


def original_name(name: str) -> str:
    """The name that the causal checkpoints use, from diffusers' name."""
    if name == "scale_shift_table":
        return "head.modulation"
    for ours, theirs in ORIGINAL_NAMES:
        name = name.replace(ours, theirs)
    return name.replace("scale_shift_table", "modulation")


def tiny_network(seed: int = 4) -> Any:
    torch.manual_seed(seed)
    return build_network(TINY.network)


def checkpoint_file(path: Path, *, seed: int = 4) -> Path:
    """A checkpoint as the StreamDiffusionV2 and Self-Forcing repositories publish theirs."""
    state = {f"model.{original_name(k)}": v for k, v in tiny_network(seed).state_dict().items()}
    wrapped = {k.replace("blocks.0.", "blocks.0._fsdp_wrapped_module."): v * 0 for k, v in state.items()}
    torch.save({"generator": state, "generator_ema": wrapped, "step": 7}, path)
    return path


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A diffusers folder with a small codec, text encoder and tokenizer."""
    folder = tmp_path_factory.mktemp("base")
    torch.manual_seed(5)
    vae: Any = build_codec("wan", TINY)
    vae.save_pretrained(folder / "vae")
    config = UMT5Config(vocab_size=9, d_model=32, d_kv=8, d_ff=64, num_layers=1, num_heads=4)
    UMT5EncoderModel(config).save_pretrained(folder / "text_encoder")
    words = {"<pad>": 0, "</s>": 1, "<unk>": 2, "rain": 3, "at": 4, "night": 5}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>").save_pretrained(
        folder / "tokenizer"
    )
    (folder / "vae" / "old.bin").write_bytes(b"a pickle")
    return folder


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return checkpoint_file(tmp_path / "model.pt")


@pytest.fixture
def folder(tmp_path: Path, base: Path, checkpoint: Path) -> Path:
    """A weights folder with everything."""
    into = tmp_path / "weights"
    origins = tuple(
        Origin(part=p, source="x/y", revision=COMMIT, licence="MIT") for p in ("transformer", "base")
    )
    pack(preset="tiny", checkpoint=checkpoint, base=base, into=into, origins=origins)
    torch.save(build_codec("tiny", TINY).state_dict(), tmp_path / "taew2_1.pth")
    origin = Origin(part="tiny_codec", source="x/z", revision=COMMIT, licence="MIT")
    add_tiny_codec(preset="tiny", file=tmp_path / "taew2_1.pth", into=into, origin=origin)
    return into


def test_a_checkpoint_comes_back_under_diffusers_names(checkpoint: Path) -> None:
    tensors = transformer_tensors(read_pickle(checkpoint), TINY, name="model.pt")
    network = tiny_network()
    expected: dict[str, Tensor] = network.state_dict()
    assert tensors.keys() == expected.keys()
    for name, tensor in tensors.items():
        assert torch.equal(tensor, expected[name].to(tensor.dtype)), name
    assert tensors["blocks.0.attn1.to_q.weight"].dtype == torch.bfloat16
    assert tensors["blocks.0.scale_shift_table"].dtype == torch.float32


def test_the_averaged_weights_are_taken_where_asked_for(checkpoint: Path) -> None:
    tensors = transformer_tensors(read_pickle(checkpoint), TINY, name="model.pt", ema=True)
    assert not any(tensor.any() for tensor in tensors.values())


def test_a_folder_paints_what_its_checkpoint_holds(folder: Path, tmp_path: Path, base: Path) -> None:
    config = replace(TINY, width_px=16, height_px=16, encoder="wan", decoder="tiny")
    painter = load_painter(config, folder)
    pictures = painted(painter, painter.open("rain at night"), chunks_of(1, 2, SMALLEST))
    again = load_painter(config, folder)
    assert same(painted(again, again.open("rain at night"), chunks_of(1, 2, SMALLEST)), pictures)
    other = tmp_path / "other"
    checkpoint = checkpoint_file(tmp_path / "other.pt", seed=6)
    pack(preset="tiny", checkpoint=checkpoint, base=base, into=other, origins=())
    only_wan = replace(config, decoder="wan")
    two, one = load_painter(only_wan, other), load_painter(only_wan, folder)
    assert not same(
        painted(two, two.open("rain at night"), chunks_of(1, 2, SMALLEST)),
        painted(one, one.open("rain at night"), chunks_of(1, 2, SMALLEST)),
    )


def test_the_manifest_says_where_from_and_no_pickle_is_left(folder: Path) -> None:
    manifest = read_manifest(folder, "tiny")
    assert {origin.part for origin in manifest.origins} == {"transformer", "base", "tiny_codec"}
    assert all(origin.revision == COMMIT and origin.licence == "MIT" for origin in manifest.origins)
    suffixes = {path.suffix for path in folder.rglob("*") if path.is_file()}
    assert suffixes <= {".safetensors", ".json"}


def damage(folder: Path, how: str) -> None:
    path = folder / TRANSFORMER
    if how == "missing":
        path.unlink()
    elif how == "cut":
        path.write_bytes(path.read_bytes()[:-10])
    elif how == "changed":
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
    elif how == "manifest":
        (folder / MANIFEST).write_text("{}")
    else:
        (folder / MANIFEST).unlink()


@pytest.mark.parametrize(
    ("how", "problem"),
    [
        ("missing", "it is missing"),
        ("cut", "bytes, not"),
        ("changed", "so it is corrupt"),
        ("manifest", "it is no manifest"),
        ("nothing", "there are no weights"),
    ],
)
def test_damaged_weights_are_refused_with_the_command(folder: Path, how: str, problem: str) -> None:
    damage(folder, how)
    with pytest.raises(CheckpointError, match=problem) as refused:
        load_painter(TINY, folder)
    assert f"python -m gpu_services.streaming.weights fetch --preset tiny --into {folder}" in str(
        refused.value
    )


def test_another_presets_weights_are_refused(folder: Path) -> None:
    with pytest.raises(CheckpointError, match=r"its preset is tiny, not wan-1\.3b"):
        load_painter(PRESETS["wan-1.3b"], folder)


def test_a_folder_without_the_tiny_codec_says_how_to_add_it(
    tmp_path: Path, base: Path, checkpoint: Path
) -> None:
    pack(preset="tiny", checkpoint=checkpoint, base=base, into=tmp_path / "w", origins=())
    with pytest.raises(CheckpointError, match=r"add-tiny-codec --file taew2_1\.pth --revision COMMIT"):
        load_painter(TINY, tmp_path / "w")


def test_a_checkpoint_of_another_architecture_names_the_first_difference(checkpoint: Path) -> None:
    content = read_pickle(checkpoint)
    wider = replace(TINY, network=replace(TINY.network, ffn_width=256))
    with pytest.raises(CheckpointError, match=r"blocks\.0\.ffn.* is \(128,.*\), not \(256,"):
        transformer_tensors(content, wider, name="model.pt")
    deeper = replace(TINY, network=replace(TINY.network, layers=3))
    with pytest.raises(CheckpointError, match=r"names missing, 0 too many: blocks\.2\."):
        transformer_tensors(content, deeper, name="model.pt")


class Trap:
    """What a harmful pickle would hold."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return (print, ("run by unpickling",))


def test_a_pickle_that_holds_more_than_tensors_is_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.save({"generator": Trap()}, tmp_path / "model.pt")
    with pytest.raises(CheckpointError, match="it cannot be read as tensors alone"):
        read_pickle(tmp_path / "model.pt")
    assert "run by unpickling" not in capsys.readouterr().out


@pytest.mark.parametrize("content", [b"", b"not a checkpoint"])
def test_a_file_that_is_no_checkpoint_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.pt").write_bytes(content)
    with pytest.raises(CheckpointError, match="it cannot be read as tensors alone"):
        read_pickle(tmp_path / "model.pt")


def test_layers_that_grew_more_frames_keep_their_last_ones() -> None:
    config = replace(TINY, codecs=CodecShape(tiny_encoder=8, tiny_decoder=(16, 8, 8, 8)))
    state = build_codec("tiny", config).state_dict()
    grown = torch.cat([torch.zeros(16, 16, 1, 1), state["decoder.7.conv.weight"]])
    tensors = tiny_codec_tensors({**state, "decoder.7.conv.weight": grown}, config, name="x")
    assert torch.equal(tensors["decoder.7.conv.weight"], state["decoder.7.conv.weight"])


@pytest.fixture
def small_preset(monkeypatch: pytest.MonkeyPatch) -> None:
    """The published preset, as small as the files that are made here."""
    monkeypatch.setitem(PRESETS, "wan-1.3b", replace(TINY, preset="wan-1.3b"))


def test_the_command_converts_files_that_are_here(
    tmp_path: Path, base: Path, checkpoint: Path, small_preset: None
) -> None:
    into = tmp_path / "made"
    files = ["--checkpoint", str(checkpoint), "--base", str(base), "--into", str(into)]
    commits = ["--revision", COMMIT, "--base-revision", COMMIT]
    assert command.main(["convert", *files, *commits]) == 0
    origins = {origin.part: origin for origin in read_manifest(into, "wan-1.3b").origins}
    assert origins["transformer"].source == "jerryfeng/StreamDiffusionV2/wan_causal_dmd_v2v/model.pt"
    assert "CausVid" in origins["transformer"].note
    assert origins["base"].licence == "Apache-2.0"


def test_the_command_fetches_at_one_commit(
    tmp_path: Path, base: Path, small_preset: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = tmp_path / "hub" / "wan_causal_dmd_v2v"
    published.mkdir(parents=True)
    checkpoint_file(published / "model.pt")
    asked: list[tuple[str, str]] = []

    class FakeHub:
        """Knows one commit of every repository."""

        def model_info(self, name: str, revision: str) -> SimpleNamespace:
            return SimpleNamespace(sha=COMMIT)

    def fake_download(name: str, *, revision: str, allow_patterns: list[str]) -> str:
        asked.append((name, revision))
        return str(base if name.startswith("Wan-AI") else published.parent)

    monkeypatch.setattr("huggingface_hub.HfApi", FakeHub)
    monkeypatch.setattr("huggingface_hub.snapshot_download", fake_download)
    assert command.main(["fetch", "--into", str(tmp_path / "made")]) == 0
    assert asked == [("Wan-AI/Wan2.1-T2V-1.3B-Diffusers", COMMIT), ("jerryfeng/StreamDiffusionV2", COMMIT)]
    manifest = json.loads((tmp_path / "made" / MANIFEST).read_text())
    assert {origin["revision"] for origin in manifest["origins"]} == {COMMIT}


@pytest.mark.parametrize("revision", ["main", "0123"])
def test_a_branch_is_no_commit(
    tmp_path: Path, base: Path, checkpoint: Path, revision: str, caplog: pytest.LogCaptureFixture
) -> None:
    files = ["--checkpoint", str(checkpoint), "--base", str(base), "--into", str(tmp_path / "made")]
    assert command.main(["convert", *files, "--revision", revision, "--base-revision", COMMIT]) == 1
    assert f"{revision!r} is no commit" in caplog.text
