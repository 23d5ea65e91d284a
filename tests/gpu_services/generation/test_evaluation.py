"""Evaluation beside both baselines, the smoke gate, codecs, text encoders, retrieval."""

import json
import warnings
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch

from gpu_services.errors import JobError
from gpu_services.generation import diffusion
from gpu_services.generation import learner as learner_module
from gpu_services.generation.baselines import RetrievalBaseline, jittered, with_rain
from gpu_services.generation.clips import open_clips
from gpu_services.generation.codec import AutoencoderCodec, PatchCodec, make_codec, to_pixels
from gpu_services.generation.evaluate import evaluate_video
from gpu_services.generation.extractors import RANDOM, make_extractor
from gpu_services.generation.generator import ClipRequest
from gpu_services.generation.smoke import smoke_video
from scalediff_contract.clip_manifests import ClipsPlace
from scalediff_contract.tracking import TrackingTarget
from scalediff_contract.video_evaluation import EvaluateVideoSpec
from scalediff_contract.video_models import VideoArchitecture
from scalediff_contract.video_training import SmokeVideoSpec
from scoring.frechet import FeatureSet, frechet_distance
from tests.gpu_services.generation.conftest import moving_square, quiet


@pytest.mark.slow
def test_the_report_holds_the_model_against_both_baselines(
    trained: str, squares: ClipsPlace, tmp_path: Path
) -> None:
    spec = EvaluateVideoSpec(
        checkpoint_url=trained, clips=squares, n=8, seeds=(0, 1), steps=3, baseline_steps=4,
        fixed_samples=3, output_url=str(tmp_path), tracking=TrackingTarget(uri="unused"),
    )  # fmt: skip
    report = evaluate_video(spec, quiet)
    assert [arm.arm for arm in report.arms] == ["model", "frame_independent", "retrieval_augmented", "real"]
    for arm in report.arms:
        figure = arm.frechet[0]
        assert (figure.extractor, figure.n, figure.indicative) == (RANDOM, 8, True)
        assert figure.value > 0
    assert len(report.arms[0].frechet[0].per_seed) == 2
    real = report.arms[-1]
    assert real.memorised_share == 1.0, "training clips are copies of training clips"
    assert real.frechet[0].of_real < report.arms[0].frechet[0].of_real
    assert {row.condition for row in report.conditions} == {"fire_truck", "snow_plough"}
    stages = [report.latency_s[name] for name in ("encode", "denoise", "decode", "gate", "h264", "store")]
    assert sum(stages) == pytest.approx(report.latency_s["wall"], rel=0.05)
    assert json.loads((tmp_path / "report.json").read_text())["n"] == 8
    assert all((tmp_path / key).read_bytes()[:4] == b"\x89PNG" for key in report.pictures.values())
    with av.open(str(tmp_path / report.samples[2])) as film:
        assert film.streams.video[0].codec_context.name == "h264"
        assert sum(1 for _ in film.decode(video=0)) == 2
    assert "indicative: n is 8, under 256" in (tmp_path / "model_card.md").read_text()


@pytest.mark.slow
def test_a_small_training_passes_the_gate_and_a_broken_loss_does_not(
    squares: ClipsPlace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = SmokeVideoSpec(clips=squares, output_url=str(tmp_path))
    good = smoke_video(spec, quiet)
    assert (good.status, good.detail) == ("finished", "")
    true_step = diffusion.training_step

    def wrong_sign(*args: object, **options: object) -> torch.Tensor:
        return -true_step(*args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(learner_module, "training_step", wrong_sign)
    bad = smoke_video(spec.model_copy(update={"steps": 40}), quiet)
    assert bad.status == "failed"
    assert "does not learn" in bad.detail or "training stopped" in bad.detail


def test_random_features_tell_noise_from_clips() -> None:
    extract = make_extractor(RANDOM)
    real, other = (
        np.stack([moving_square("fire_truck", seed) for seed in range(first, first + 12)])
        for first in (0, 50)
    )
    noise = np.random.default_rng(0).integers(0, 256, real.shape, np.uint8)
    sets = [FeatureSet(extractor=RANDOM, values=extract(clips)) for clips in (real, other, noise)]
    assert frechet_distance(sets[0], sets[2]).value > 5 * frechet_distance(sets[0], sets[1]).value
    assert np.array_equal(extract(real), make_extractor(RANDOM)(real)), "the weights never change"


def test_an_extractor_from_a_file_is_called_by_its_own_name(tmp_path: Path) -> None:
    class Mean(torch.nn.Module):
        def forward(self, videos: torch.Tensor) -> torch.Tensor:
            return videos.mean([2, 3, 4])

    path = tmp_path / "mean.pt"
    trace: Any = torch.jit.trace
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        trace(Mean(), torch.zeros(1, 3, 2, 224, 224)).save(str(path))
    extract = make_extractor(f"torchscript:mean-colour={path}")
    assert extract.name == "mean-colour"
    white = np.full((2, 2, 16, 16, 3), 255, np.uint8)
    assert extract(white) == pytest.approx(np.ones((2, 3)))


@pytest.mark.parametrize("name", ["i3d", "torchscript:", "torchscript:a=/nowhere.pt"])
def test_an_extractor_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(JobError, match=name):
        make_extractor(name)


def test_the_patch_codec_brings_pictures_back() -> None:
    pixels = to_pixels(np.concatenate([moving_square("fire_truck", seed) for seed in range(8)]))
    codec = PatchCodec.fit(pixels, 4, 24)
    latents = codec.encode(pixels)
    assert latents.shape == (16, 24, 4, 4)
    error = float(((codec.decode(latents) - pixels) ** 2).mean())
    assert 10 * np.log10(4 / error) > 30, "PSNR in dB"
    state = codec.state()
    again = PatchCodec(state["basis"], state["mean"], state["scale"], 4)
    assert torch.equal(again.encode(pixels), latents)
    whole = PatchCodec.fit(pixels, 4, 48)
    assert torch.allclose(whole.decode(whole.encode(pixels)), pixels, atol=1e-4)


@pytest.mark.slow
def test_the_autoencoder_codec_makes_latents_picture_by_picture() -> None:
    architecture = VideoArchitecture(codec="autoencoder_kl", patch_px=4, latent_channels=4)
    codec = make_codec(architecture)
    assert isinstance(codec, AutoencoderCodec)
    pixels = to_pixels(moving_square("fire_truck", 0))
    latents = codec.encode(pixels)
    assert latents.shape == (2, 4, 4, 4)
    assert torch.allclose(latents[1:], codec.encode(pixels[1:]), atol=1e-6)
    assert codec.decode(latents).shape == pixels.shape


def test_retrieval_finds_the_category_and_changes_the_clip(squares: ClipsPlace) -> None:
    training = open_clips(squares).train
    baseline = RetrievalBaseline(training)
    asked = [
        ClipRequest(prompt="dashcam view of a snow plough", category="snow_plough", seed=seed)
        for seed in range(8)
    ]
    made = baseline.generate(asked)
    assert all(training.clips[row].category == "snow_plough" for row in baseline.retrieved)
    assert 0 < baseline.diversity <= 1
    assert all(clip.shape == training.spec.shape for clip in made)
    assert not any((clip == frames).all() for clip in made for frames in training.frames)
    assert np.array_equal(made[0], RetrievalBaseline(training).generate(asked[:1])[0])


def test_rain_falls_and_darkens() -> None:
    clip, rng = moving_square("fire_truck", 0), np.random.default_rng(0)
    wet = with_rain(clip, rng)
    assert wet.shape == clip.shape
    assert wet.mean() < clip.mean()
    assert not np.array_equal(wet[0], wet[1])
    assert jittered(clip, rng).shape == clip.shape
