"""Makes features of clips, for distances, copies and drift: the graph compares them without torch."""

import io
import time
from collections.abc import Callable

import numpy as np

from gpu_services.generation.arms import clips_apart
from gpu_services.generation.clips import open_clips
from gpu_services.generation.extractors import Features, VideoFeatureExtractor, make_extractor
from gpu_services.generation.film import decode_mp4
from gpu_services.places import Place
from scalediff_contract.video_evaluation import (
    EmbedClipsResult,
    EmbedClipsSpec,
    EmbeddedSet,
    FilmsToEmbed,
    ManifestToEmbed,
)

OnProgress = Callable[[str, int, int, str], None]


def embed_clips(spec: EmbedClipsSpec, on_progress: OnProgress) -> EmbedClipsResult:
    """Make features of every set.

    Raises:
        ClipDataError: For clips that are not what the spec names.
        JobError: For an extractor that is not there.
    """
    began_s = time.perf_counter()
    extract, output = make_extractor(spec.extractor), Place(spec.output_url)
    total = len(spec.manifests) + len(spec.films)
    done: list[EmbeddedSet] = []
    wanted: list[ManifestToEmbed | FilmsToEmbed] = [*spec.manifests, *spec.films]
    for each in wanted:
        on_progress("features", len(done), total, each.name)
        made = _manifest(each, extract) if isinstance(each, ManifestToEmbed) else _films(each, extract)
        kept, features = made
        _write(output, kept.key, features)
        done.append(kept)
    on_progress("features", total, total, "")
    return EmbedClipsResult(
        status="finished",
        extractor=extract.name,
        sets=tuple(done),
        seconds=round(time.perf_counter() - began_s, 2),
    )


def _manifest(asked: ManifestToEmbed, extract: VideoFeatureExtractor) -> tuple[EmbeddedSet, Features]:
    library = open_clips(asked.clips)
    sets = {"train": [library.train], "val": [library.val], None: [library.train, library.val]}[asked.split]
    rows = tuple(clip for each in sets for clip in each.clips)
    apart, before = [], 0
    for each in sets:
        apart += [before + row for row in clips_apart(each)]
        before += len(each)
    embedded = EmbeddedSet(
        name=asked.name,
        key=f"{asked.name}.npy",
        rows=tuple(clip.clip_id for clip in rows),
        categories=tuple(clip.category for clip in rows),
        apart=tuple(apart),
    )
    return embedded, np.concatenate([extract(each.frames) for each in sets])


def _films(asked: FilmsToEmbed, extract: VideoFeatureExtractor) -> tuple[EmbeddedSet, Features]:
    place = Place(asked.store_url)
    clips = np.stack([decode_mp4(place.read(key)) for key in asked.keys])
    embedded = EmbeddedSet(
        name=asked.name, key=f"{asked.name}.npy", rows=asked.keys, apart=tuple(range(len(asked.keys)))
    )
    return embedded, extract(clips)


def _write(output: Place, key: str, features: Features) -> None:
    buffer = io.BytesIO()
    np.save(buffer, features, allow_pickle=False)
    output.write(key, buffer.getvalue())
