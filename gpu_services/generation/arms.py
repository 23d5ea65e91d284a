"""One way of making clips, measured against held-out ones: distances, motion, copies."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from gpu_services.generation.clips import Clips, ClipSet
from gpu_services.generation.extractors import Features, VideoFeatureExtractor
from scalediff_contract.video_evaluation import ArmReport, FrechetFigure
from scoring.clips.defects import driving_error_analysis
from scoring.clips.measures import ClipMeasures, measure_clip
from scoring.clips.semantic import Memorisation, memorisation, nearest_distances
from scoring.frechet import FeatureSet, frechet_distance


@dataclass(frozen=True, kw_only=True)
class Arm:
    """Clips of one way of making them.

    Attributes:
        name: Of the arm.
        clips: `(n, T, H, W, 3) uint8` of each sampling seed.
        categories: Of the n clips, equal for every seed.
        clip_score: Mean cosine with the prompts, or None.
        diversity: Distinct clips retrieved, or None.
    """

    name: str
    clips: tuple[Clips, ...]
    categories: tuple[str, ...]
    clip_score: float | None = None
    diversity: float | None = None
    measures: tuple[ClipMeasures, ...] = field(default=(), compare=False)

    @property
    def by_category(self) -> dict[str, list[ClipMeasures]]:
        """Measures of all seeds' clips by category."""
        found: dict[str, list[ClipMeasures]] = defaultdict(list)
        for category, each in zip(self.categories * len(self.clips), self.measures, strict=True):
            found[category].append(each)
        return dict(found)


def measured(arm: Arm) -> Arm:
    """The arm with the measures of every clip."""
    return replace(arm, measures=tuple(measure_clip(clip) for clips in arm.clips for clip in clips))


class Comparison:
    """Held-out clips with the features that every arm is held against; all sets have one n."""

    def __init__(
        self,
        held_out: ClipSet,
        training: ClipSet,
        extractors: Sequence[VideoFeatureExtractor],
        *,
        seed: int = 0,
    ) -> None:
        """Extract what all arms need.

        Args:
            held_out: n clips.
            training: What the model learnt from.
            extractors: At least one; copies are looked for with the first.
            seed: Of noise and of the training clips that are compared.
        """
        rng = np.random.default_rng(seed)
        self.n = len(held_out)
        self.extractors = extractors
        noise = rng.integers(0, 256, held_out.frames.shape, np.uint8)
        some = rng.permutation(len(training))[: self.n]
        self._real = [extract(held_out.frames) for extract in extractors]
        self._floors = [
            (
                _distance(extract.name, real, extract(noise)),
                _distance(extract.name, real, extract(training.frames[some])),
            )
            for extract, real in zip(extractors, self._real, strict=True)
        ]
        self._training = extractors[0](training.frames)
        self._apart = self._training[clips_apart(training)]
        measures = {
            name: [measure_clip(held_out.frames[row]) for row in rows] for name, rows in _rows(held_out)
        }
        self._real_motion = _motion(measures)

    def report(self, arm: Arm) -> ArmReport:
        """An arm's figures."""
        gaps = {
            category: abs(motion - self._real_motion[category]) / max(self._real_motion[category], 1e-9)
            for category, motion in _motion(arm.by_category).items()
            if category in self._real_motion
        }
        features = [[extract(clips) for clips in arm.clips] for extract in self.extractors]
        errors = driving_error_analysis(arm.measures)
        return ArmReport(
            arm=arm.name,
            frechet=tuple(self._figure(place, each) for place, each in enumerate(features)),
            tcs=_mean(arm, "tcs"),
            tcs_flow_error=1.0 - _mean(arm, "tcs_flow"),
            sharpness=_mean(arm, "sharpness"),
            motion=_mean(arm, "motion"),
            motion_gap=max(gaps.values(), default=0.0),
            motion_gap_by_condition=gaps,
            memorised_share=self.copies(np.concatenate(features[0])).share,
            clip_score=arm.clip_score,
            diversity=arm.diversity,
            stated_defects={name: getattr(errors, name) for name in ("flicker", "static", "color_drift")},
        )

    def copies(self, features: Features) -> Memorisation:
        """Which clips are copies of training clips, by their features of the first extractor.

        The limit comes from training clips that share no picture; a copy may be of any of them.
        """
        found = memorisation(features, self._apart, extractor=self.extractors[0].name)
        distances, nearest = nearest_distances(features, self._training)
        return replace(
            found,
            n_training=len(self._training),
            distances=tuple(distances.tolist()),
            nearest=tuple(nearest.tolist()),
            copies=tuple(np.flatnonzero(distances <= found.limit).tolist()),
        )

    def _figure(self, place: int, per_seed: list[Features]) -> FrechetFigure:
        name, (noise, real) = self.extractors[place].name, self._floors[place]
        distances = tuple(_distance(name, self._real[place], features) for features in per_seed)
        value = float(np.mean(distances))
        return FrechetFigure(
            extractor=name,
            n=self.n,
            per_seed=distances,
            value=value,
            of_noise=value / max(noise, 1e-12),
            of_real=value / max(real, 1e-12),
            indicative=self.n < 256,
        )


def _distance(extractor: str, real: Features, other: Features) -> float:
    sets = (FeatureSet(extractor=extractor, values=values) for values in (real, other))
    return frechet_distance(*sets).value


def _motion(by_category: Mapping[str, Sequence[ClipMeasures]]) -> dict[str, float]:
    return {name: float(np.mean([each.motion for each in group])) for name, group in by_category.items()}


def _mean(arm: Arm, name: str) -> float:
    return float(np.mean([getattr(each, name) for each in arm.measures]))


def _rows(clips: ClipSet) -> list[tuple[str, list[int]]]:
    found: dict[str, list[int]] = defaultdict(list)
    for row, clip in enumerate(clips.clips):
        found[clip.category].append(row)
    return list(found.items())


def clips_apart(clips: ClipSet) -> list[int]:
    """Rows of clips that share no picture: overlapping ones would make every copy look usual."""
    rows: list[int] = []
    last: dict[str, int] = {}
    order = sorted(range(len(clips)), key=lambda row: (clips.clips[row].source, clips.clips[row].first_frame))
    for row in order:
        clip = clips.clips[row]
        if clip.source not in last or clip.first_frame - last[clip.source] >= clips.spec.frames:
            rows.append(row)
            last[clip.source] = clip.first_frame
    return rows if len(rows) > 1 else list(range(len(clips)))
