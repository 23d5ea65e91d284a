"""Copies are looked for in what each clip's own model learnt from, and in what it was made of."""

import io
import logging
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from resources.connections import Connections
from resources.profiles import resources_for
from resources.settings import read_settings
from scalediff_assets.synthetic_clips.comparing import compare_with_training
from scalediff_assets.synthetic_clips.judging import judged
from scalediff_assets.synthetic_clips.likeness import Compared
from scalediff_assets.synthetic_clips.provenance import Sidecar
from scalediff_assets.video_models.record import learnt_from
from scalediff_contract.clip_manifests import ClipsPlace
from scalediff_contract.tracking import TrackingTarget
from scalediff_contract.video_evaluation import EmbedClipsResult, EmbedClipsSpec, EmbeddedSet
from scalediff_contract.video_models import VIDEO_PRESETS
from scalediff_contract.video_training import TrainVideoSpec
from scoring.gate import load_gate_policy
from tests.scalediff_assets.synthetic_clips.conftest import MakeSidecar

OLD, NEW, MONTH = "a" * 64, "b" * 64, "c" * 64
# Where the clips of a release lie in feature space: far from each other's.
CENTRES = {OLD: 0.0, NEW: 100.0, MONTH: 200.0}
WEEK = "dust_storm|2026-11-16"


def training_clips(release: str) -> np.ndarray:
    """`(12, 2)` features, one apart from the next."""
    along = np.arange(12.0)
    return np.stack([CENTRES[release] + along, np.zeros(12)], axis=1)


@dataclass
class FakeEmbedding:
    """The embedding job: known features, stored as the real one stores them.

    Attributes:
        films: Content key -> features of a generated clip.
        asked: Specs that it was given.
    """

    connections: Connections
    films: dict[str, tuple[float, float]] = field(default_factory=dict)
    asked: list[EmbedClipsSpec] = field(default_factory=list)

    def run(self, _context: Any, spec: EmbedClipsSpec) -> EmbedClipsResult:
        self.asked.append(spec)
        sets = []
        for manifest in spec.manifests:
            features = training_clips(manifest.clips.content_hash)
            rows = tuple(f"{manifest.clips.content_hash[0]}:{row}" for row in range(len(features)))
            sets.append(self._kept(spec, manifest.name, rows, features))
        for films in spec.films:
            features = np.array([self.films[key.split("/")[-2]] for key in films.keys])
            sets.append(self._kept(spec, films.name, films.keys, features))
        return EmbedClipsResult(status="finished", extractor="fake-v1", sets=tuple(sets), seconds=0.0)

    def _kept(self, spec: EmbedClipsSpec, name: str, rows: Any, features: np.ndarray) -> EmbeddedSet:
        buffer = io.BytesIO()
        np.save(buffer, features)
        folder = spec.output_url.removeprefix(f"{self.connections.models().url}/")
        self.connections.models().put(f"{folder}/{name}.npy", buffer.getvalue())
        return EmbeddedSet(name=name, key=f"{name}.npy", rows=tuple(rows), apart=tuple(range(len(rows))))


@pytest.fixture
def connections(tmp_path: Path) -> Connections:
    found: Connections = resources_for(read_settings({"SCALEDIFF_HOME": str(tmp_path)}))["connections"]
    return found


@pytest.fixture
def embedding(connections: Connections) -> FakeEmbedding:
    return FakeEmbedding(connections=connections)


def train(connections: Connections, run: str, version: str, release: str, initial: str | None = None) -> None:
    """What a training run leaves of its order."""
    preset = VIDEO_PRESETS["tiny"]
    spec = TrainVideoSpec(
        training_run=run, version=version, architecture=preset.architecture, recipe=preset.recipe,
        clips=ClipsPlace(url=f"clips/{run}", key="manifest.json", content_hash=release), output_url="u",
        initial_weights=None if initial is None else f"models/video_models/{initial}",
        tracking=TrackingTarget(uri="m"),
    )  # fmt: skip
    connections.models().put(f"video_models/{run}/spec.json", spec.model_dump_json().encode())


def compare(embedding: FakeEmbedding, clips: list[Sidecar]) -> Compared | None:
    context: Any = SimpleNamespace(log=logging.getLogger("test"), run=SimpleNamespace(run_id="r1"))
    jobs: Any = embedding
    return compare_with_training(context, embedding.connections, jobs, clips, "fake-v1", skip=False)


def made_by(clip: Sidecar, version: str, release: str | None) -> Sidecar:
    return clip.model_copy(update={"model_version": version, "training_release": release})


def test_a_copy_by_an_older_model_is_found_in_what_that_model_learnt_from(
    connections: Connections, embedding: FakeEmbedding, sidecar: MakeSidecar
) -> None:
    train(connections, "old", "v1.0.0", OLD)
    train(connections, "new", "v1.1.0", NEW)
    clips = [made_by(sidecar(n), *of) for n, of in enumerate([("v1.0.0", OLD), ("v1.1.0", NEW)] * 2)]
    keys = [clip.content_key for clip in clips]
    at = [CENTRES[OLD] + 0.5, CENTRES[NEW] + 0.5, CENTRES[OLD] + 50, CENTRES[NEW] + 50]
    embedding.films = {key: (x, 0.0) for key, x in zip(keys, at, strict=True)}
    found = compare(embedding, clips)
    assert found is not None
    assert found.copies == {keys[0], keys[1]}
    assert (found.nearest[keys[0]][0], found.nearest[keys[1]][0]) == ("a", "b")
    tables = judged(WEEK, clips, load_gate_policy(), found)
    refused = tables.verdicts.filter(tables.verdicts["reasons"].list.contains("memorised"))
    assert set(refused["content_key"]) == {keys[0], keys[1]}
    assert tables.cohorts.select("model_version", "copies", "fvd_n").rows() == [
        ("v1.0.0", 1, 2),
        ("v1.1.0", 1, 2),
    ]


def test_a_clip_that_is_like_what_only_another_model_learnt_from_is_no_copy(
    connections: Connections, embedding: FakeEmbedding, sidecar: MakeSidecar
) -> None:
    train(connections, "old", "v1.0.0", OLD)
    train(connections, "new", "v1.1.0", NEW)
    clips = [made_by(sidecar(0), "v1.0.0", OLD), made_by(sidecar(1), "v1.1.0", NEW)]
    embedding.films = {
        clips[0].content_key: (CENTRES[NEW], 0.0),
        clips[1].content_key: (CENTRES[OLD], 0.0),
    }
    found = compare(embedding, clips)
    assert found is not None and found.copies == frozenset()


def test_a_fine_tuned_model_may_remember_what_it_was_made_of(
    connections: Connections, embedding: FakeEmbedding, sidecar: MakeSidecar
) -> None:
    train(connections, "base", "v1.0.0", OLD)
    train(connections, "tuned", "v1.1.0", MONTH, initial="base")
    clip = made_by(sidecar(0), "v1.1.0", MONTH)
    embedding.films = {clip.content_key: (CENTRES[OLD] + 3.1, 0.0)}
    found = compare(embedding, [clip])
    assert found is not None and found.copies == {clip.content_key}
    assert found.nearest[clip.content_key] == "a:3"
    (spec,) = embedding.asked
    held_out = [each.clips.content_hash for each in spec.manifests if each.split == "val"]
    assert held_out == [MONTH], "what it should be like now is its last training's"


def test_where_a_models_clips_are_not_known_nobody_compared_and_the_verdict_says_so(
    connections: Connections, embedding: FakeEmbedding, sidecar: MakeSidecar
) -> None:
    train(connections, "old", "v1.0.0", OLD)
    known, lost = made_by(sidecar(0), "v1.0.0", OLD), made_by(sidecar(1), "v0.9.0", None)
    embedding.films = {known.content_key: (50.0, 0.0)}
    found = compare(embedding, [known, lost])
    tables = judged(WEEK, [known, lost], load_gate_policy(), found)
    skipped = dict(tables.verdicts.select("content_key", "not_applied").iter_rows())
    assert "copy" in skipped[lost.content_key] and "copy" not in skipped[known.content_key]
    copies = dict(tables.cohorts.select("model_version", "copies").iter_rows())
    assert copies == {"v1.0.0": 0, "v0.9.0": None}
    assert compare(embedding, [lost]) is None
    assert compare(embedding, []) is None


def test_the_line_of_trainings_ends_where_it_is_not_known_or_bites_its_tail(connections: Connections) -> None:
    train(connections, "orphan", "v1.0.0", OLD, initial="gone")
    train(connections, "one", "v2.0.0", NEW, initial="two")
    train(connections, "two", "v2.1.0", MONTH, initial="one")
    train(connections, "same", "v3.0.0", NEW, initial="one")
    hashes = {
        version: [place.content_hash for place in learnt_from(connections, version, release)]
        for version, release in (("v1.0.0", OLD), ("v2.0.0", NEW), ("v3.0.0", NEW), ("v9.9.9", "d" * 64))
    }
    assert hashes == {"v1.0.0": [OLD], "v2.0.0": [NEW, MONTH], "v3.0.0": [NEW, MONTH], "v9.9.9": []}
