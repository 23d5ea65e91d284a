"""How like clips are to what their models learnt from: features of both sides, and the copies they show.

A model may remember the clips of its last training and those of the models that it started from; clips of
one model are never held against another's. Features come from a job; here they are compared.
"""

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from resources.connections import Connections
from scalediff_assets.synthetic_clips.lake import raw_keys
from scalediff_assets.synthetic_clips.provenance import Sidecar
from scalediff_contract.clip_manifests import ClipsPlace
from scalediff_contract.video_evaluation import (
    EmbedClipsResult,
    EmbedClipsSpec,
    EmbeddedSet,
    FilmsToEmbed,
    ManifestToEmbed,
)
from scoring.clips import memorisation, nearest_distances

TRAINING, HELD_OUT, FILMS = "training", "held_out", "films"


@dataclass(frozen=True, kw_only=True)
class Compared:
    """Features of a run's clips and of the real ones that each clip's own model learnt from.

    Attributes:
        extractor: Whose features.
        held_out: Model version -> `(n, D)` of held-out real clips of its last training.
        by_key: Content key -> its row among its model's clips; clips that nobody compared are not there.
        films: Model version -> `(n, D)` of its generated clips.
        copies: Content keys of memorised clips.
        nearest: Content key -> the training clip that is most like it.
    """

    extractor: str
    held_out: Mapping[str, np.ndarray]
    by_key: Mapping[str, int]
    films: Mapping[str, np.ndarray]
    copies: frozenset[str]
    nearest: Mapping[str, str]


def features_spec(
    connections: Connections,
    learnt: Mapping[str, Sequence[ClipsPlace]],
    sidecars: Iterable[Sidecar],
    extractor: str,
    name: str,
) -> EmbedClipsSpec:
    """The job that makes features of a run's clips and of the real ones.

    Args:
        connections: Lake and models.
        learnt: Model version -> what it learnt from, its last training first.
        sidecars: Of the clips; those of other models are left out.
        extractor: Whose features.
        name: Of the job's folder.
    """
    keys: dict[str, set[str]] = {version: set() for version in learnt}
    for each in sidecars:
        keys.get(each.model_version, set()).add(each.content_key)
    films = tuple(
        FilmsToEmbed(
            name=f"{FILMS}-{version}",
            store_url=connections.lake().url,
            keys=tuple(raw_keys(key).clip for key in sorted(own)),
        )
        for version, own in keys.items()
    )
    training = {_training(place): place for places in learnt.values() for place in places}
    held_out = {_held_out(places): places[0] for places in learnt.values()}
    manifests = (
        *(ManifestToEmbed(name=each, clips=place, split="train") for each, place in training.items()),
        *(ManifestToEmbed(name=each, clips=place, split="val") for each, place in held_out.items()),
    )
    return EmbedClipsSpec(
        manifests=manifests,
        films=films,
        extractor=extractor,
        output_url=f"{connections.models().url}/features/{name}",
    )


def compared(
    connections: Connections,
    spec: EmbedClipsSpec,
    result: EmbedClipsResult,
    learnt: Mapping[str, Sequence[ClipsPlace]],
) -> Compared:
    """What the job's features say of copies: each clip beside all that its own model learnt from."""
    sets = {each.name: each for each in result.sets}
    features = {name: read_features(connections, spec, each) for name, each in sets.items()}
    by_key: dict[str, int] = {}
    nearest: dict[str, tuple[float, str]] = {}
    copies: set[str] = set()
    for version, places in learnt.items():
        films = features[f"{FILMS}-{version}"]
        keys = [key.split("/")[-2] for key in sets[f"{FILMS}-{version}"].rows]
        by_key |= {key: row for row, key in enumerate(keys)}
        for name in map(_training, places):
            # The limit is that of clips that share no picture; a copy may be of any training clip.
            apart = features[name][list(sets[name].apart)]
            limit = memorisation(films, apart, extractor=result.extractor).limit
            far, rows = nearest_distances(films, features[name])
            copies |= {key for key, distance in zip(keys, far, strict=True) if distance <= limit}
            for key, distance, row in zip(keys, far, rows, strict=True):
                found = (float(distance), sets[name].rows[row])
                nearest[key] = min(found, nearest.get(key, found))
    return Compared(
        extractor=result.extractor,
        held_out={version: features[_held_out(places)] for version, places in learnt.items()},
        by_key=by_key,
        films={version: features[f"{FILMS}-{version}"] for version in learnt},
        copies=frozenset(copies),
        nearest={key: clip for key, (_, clip) in nearest.items()},
    )


def _training(place: ClipsPlace) -> str:
    return f"{TRAINING}-{place.content_hash[:16]}"


def _held_out(places: Sequence[ClipsPlace]) -> str:
    """Of the last training: what the model should be like now."""
    return f"{HELD_OUT}-{places[0].content_hash[:16]}"


def read_features(connections: Connections, spec: EmbedClipsSpec, embedded: EmbeddedSet) -> np.ndarray:
    """Features of a set, `(n, D)`."""
    folder = spec.output_url.removeprefix(f"{connections.models().url}/")
    content = connections.models().get(f"{folder}/{embedded.key}")
    values: np.ndarray = np.load(io.BytesIO(content), allow_pickle=False)
    return values
