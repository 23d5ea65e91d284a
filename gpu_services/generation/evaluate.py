"""Holds a model against held-out clips, beside both baselines, with equal n, seeds and prompts.

Prompts are those of the held-out clips, so that every arm is asked for the same mixture of conditions.
The report is `report.json`; contact sheets, 100 clips of fixed seeds and a model card lie beside it.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import cycle, islice

import numpy as np

from gpu_services.generation.arms import Arm, Comparison, measured
from gpu_services.generation.baselines import RetrievalBaseline
from gpu_services.generation.card import model_card
from gpu_services.generation.clip_score import ClipScorer
from gpu_services.generation.clips import Clips, ClipSet, open_clips
from gpu_services.generation.extractors import make_extractor
from gpu_services.generation.generator import ClipRequest
from gpu_services.generation.resident import ResidentModel
from gpu_services.generation.service.film import encode_mp4
from gpu_services.generation.sheets import contact_sheet
from gpu_services.generation.train import train_video
from gpu_services.places import Place
from gpu_services.runtime import start_runtime
from scalediff_contract.tracking import TrackingTarget
from scalediff_contract.video_evaluation import ConditionReport, EvaluateVideoResult, EvaluateVideoSpec
from scalediff_contract.video_training import TrainVideoSpec
from scoring.clips.audit import ConditionAudit, per_condition_quality_audit
from scoring.clips.measures import measure_clip

REPORT, CARD = "report.json", "model_card.md"
_SHEET_ROWS = 6
_TOGETHER = 64
OnProgress = Callable[[str, int, int, str], None]


def evaluate_video(spec: EvaluateVideoSpec, on_progress: OnProgress) -> EvaluateVideoResult:
    """Evaluate one checkpoint.

    Raises:
        ClipDataError: For clips that are not what the spec names.
        CheckpointError: For a checkpoint that cannot be used.
        JobError: For an extractor that is not there.
    """
    return _Evaluation(spec, on_progress).run()


class _Evaluation:
    def __init__(self, spec: EvaluateVideoSpec, on_progress: OnProgress) -> None:
        self.spec, self._on_progress = spec, on_progress
        self._began_s = time.perf_counter()
        self._runtime = start_runtime("auto")
        self.output = Place(spec.output_url)
        library = open_clips(spec.clips)
        self.training, self.held_out = library.train, _spread(library.val, spec.n)
        self.model = ResidentModel.load(spec.checkpoint_url)
        self.scorer = ClipScorer(spec.clip_model_url) if spec.clip_model_url else None
        extractors = [make_extractor(name, self._runtime.device) for name in spec.extractors]
        self.comparison = Comparison(self.held_out, self.training, extractors)

    def run(self) -> EvaluateVideoResult:
        """Every arm, then the report."""
        spec = self.spec
        samples, latency_s = self._fixed_samples()
        arms = [self._model_arm(), self._independent_arm(), self._retrieval_arm(), self._real_arm()]
        audit = per_condition_quality_audit(arms[0].by_category)
        result = EvaluateVideoResult(
            status="finished",
            version=self.model.version,
            weights_sha256=self.model.card.model_sha256,
            manifest_hash=spec.clips.content_hash,
            n=len(self.held_out),
            seeds=spec.seeds,
            steps=spec.steps,
            guidance=spec.guidance,
            device=self._runtime.name,
            arms=tuple(self.comparison.report(arm) for arm in arms),
            conditions=_conditions(audit),
            worst=audit.worst,
            best=audit.best,
            gap=audit.gap,
            latency_s=latency_s,
            pictures=self._pictures(arms),
            samples=samples,
            seconds=round(time.perf_counter() - self._began_s, 2),
        )
        self.output.write(REPORT, result.model_dump_json(indent=1).encode())
        self.output.write(CARD, model_card(self.model.card, result).encode())
        return result

    def _requests(self, seed: int) -> list[ClipRequest]:
        return [
            self._request(clip.caption, clip.category, seed * 1_000_003 + row)
            for row, clip in enumerate(self.held_out.clips)
        ]

    def _request(self, prompt: str, category: str, seed: int) -> ClipRequest:
        spec = self.spec
        return ClipRequest(
            prompt=prompt, category=category, seed=seed, steps=spec.steps, guidance=spec.guidance
        )

    def _generated(self, name: str, model: ResidentModel) -> Arm:
        clips = []
        for number, seed in enumerate(self.spec.seeds):
            label = f"{name}, seed {number + 1} of {len(self.spec.seeds)}"
            tell = partial(self._tell, label)
            clips.append(np.stack(model.generate(self._requests(seed), tell)))
        return self._arm(name, clips)

    def _tell(self, label: str, done: int, total: int) -> None:
        self._on_progress(label, done, total, "steps")

    def _arm(self, name: str, clips: list[Clips], diversity: float | None = None) -> Arm:
        categories = tuple(clip.category for clip in self.held_out.clips)
        score = self._clip_score(clips)
        arm = Arm(name=name, clips=tuple(clips), categories=categories, clip_score=score, diversity=diversity)
        return measured(arm)

    def _clip_score(self, clips: list[Clips]) -> float | None:
        if self.scorer is None:
            return None
        captions = [clip.caption for clip in self.held_out.clips]
        pairs = [pair for each in clips for pair in zip(each, captions, strict=True)]
        return float(np.mean([self.scorer(clip, caption) for clip, caption in pairs]))

    def _model_arm(self) -> Arm:
        return self._generated("model", self.model)

    def _independent_arm(self) -> Arm:
        """Trained here, beside the report: a job that was killed goes on from its checkpoint."""
        spec, card = self.spec, self.model.card
        apart = {"network": "independent", "first_frame": False, "sampled_shared_noise": None}
        architecture = card.architecture.model_copy(update=apart)
        recipe = card.recipe.model_copy(
            update={"epochs": spec.baseline_epochs, "steps": spec.baseline_steps, "trainable": "all"}
        )
        baseline = TrainVideoSpec(
            training_run=f"{card.training_run}_frame_independent",
            version=card.version,
            architecture=architecture,
            recipe=recipe,
            clips=spec.clips,
            output_url=f"{spec.output_url}/frame_independent",
            tracking=TrackingTarget(uri=spec.tracking.uri),
        )
        train_video(baseline, self._on_progress)
        return self._generated("frame_independent", ResidentModel.load(baseline.output_url))

    def _retrieval_arm(self) -> Arm:
        baseline = RetrievalBaseline(self.training)
        clips = [np.stack(baseline.generate(self._requests(seed))) for seed in self.spec.seeds]
        return self._arm("retrieval_augmented", clips, baseline.diversity)

    def _real_arm(self) -> Arm:
        """Training clips in the others' place: what real is worth by every measure."""
        rows = np.random.default_rng(1).permutation(len(self.training))[: len(self.held_out)]
        rows = np.resize(rows, len(self.held_out))
        arm = Arm(
            name="real",
            clips=(self.training.frames[rows],),
            categories=tuple(self.training.clips[row].category for row in rows),
        )
        return measured(arm)

    def _fixed_samples(self) -> tuple[tuple[str, ...], dict[str, float]]:
        """Clips of seeds 0, 1, 2, ... over the known conditions, and the mean seconds of each stage."""
        prompts = sorted({(clip.category, clip.caption) for clip in self.training.clips})
        count = max(1, self.spec.fixed_samples)
        requests = [
            self._request(caption, category, seed)
            for seed, (category, caption) in enumerate(islice(cycle(prompts), count))
        ]
        stages: Counter[str] = Counter()
        keys: list[str] = []
        self.model.generate(requests[:1])  # the first call is the slowest
        began_s = time.perf_counter()
        for first in range(0, count, _TOGETHER):
            part = requests[first : first + _TOGETHER]
            clips = self.model.generate(part)
            stages.update(self.model.stage_s)
            with _clock(stages, "gate"):
                for clip in clips:
                    measure_clip(clip)
            with _clock(stages, "h264"):
                films = [encode_mp4(clip, self.model.spec.fps) for clip in clips]
            with _clock(stages, "store"):
                keys += [self._keep(request, film) for request, film in zip(part, films, strict=True)]
            self._on_progress("fixed samples", min(first + _TOGETHER, count), count, "")
        stages["wall"] = time.perf_counter() - began_s  # type: ignore[assignment]
        latency_s = {name: round(seconds / count, 6) for name, seconds in stages.items()}
        index = [{"key": key, **_described(request)} for key, request in zip(keys, requests, strict=True)]
        self.output.write_json("samples/index.json", index)
        return tuple(keys[: self.spec.fixed_samples]), latency_s

    def _keep(self, request: ClipRequest, film: bytes) -> str:
        key = f"samples/{request.seed:03d}.mp4"
        self.output.write(key, film)
        return key

    def _pictures(self, arms: list[Arm]) -> dict[str, str]:
        pictures = {}
        for arm in arms:
            shown = [(f"{arm.name}: {arm.categories[row]}", arm.clips[0][row]) for row in _by_category(arm)]
            pictures[arm.name] = self._draw(f"pictures/{arm.name}.png", shown)
        pictures["nearest_training_clips"] = self._draw("pictures/nearest.png", self._nearest(arms[0]))
        return pictures

    def _nearest(self, arm: Arm) -> list[tuple[str, Clips]]:
        """The generated clips that are most like a training clip, each above it."""
        extract = self.comparison.extractors[0]
        found = self.comparison.copies(extract(arm.clips[0]))
        rows = []
        for place in np.argsort(found.distances)[: _SHEET_ROWS // 2].tolist():
            row = found.nearest[place]
            distance, limit = found.distances[place], found.limit
            rows.append((f"generated, distance {distance:.3g} (copy under {limit:.3g})", arm.clips[0][place]))
            rows.append(
                (f"nearest training clip {self.training.clips[row].clip_id}", self.training.frames[row])
            )
        return rows

    def _draw(self, key: str, rows: list[tuple[str, Clips]]) -> str:
        self.output.write(key, contact_sheet(rows))
        return key


@contextmanager
def _clock(stages: Counter[str], name: str) -> Iterator[None]:
    began_s = time.perf_counter()
    yield
    stages[name] += time.perf_counter() - began_s  # type: ignore[assignment]


def _spread(clips: ClipSet, n: int) -> ClipSet:
    """At most n clips, spread evenly over the set."""
    return clips.rows(np.linspace(0, len(clips) - 1, min(n, len(clips))).round().astype(np.int64))


def _by_category(arm: Arm) -> list[int]:
    """Rows to show: the categories in turn."""
    first: dict[str, int] = {}
    for row, category in enumerate(arm.categories):
        first.setdefault(category, row)
    rest = [row for row in range(len(arm.categories)) if row not in first.values()]
    return [*first.values(), *rest][:_SHEET_ROWS]


def _conditions(audit: ConditionAudit) -> tuple[ConditionReport, ...]:
    return tuple(
        ConditionReport(
            condition=row.condition,
            n=row.n,
            coherence=row.coherence,
            sharpness=row.sharpness,
            motion=row.motion,
        )
        for row in audit.conditions
    )


def _described(request: ClipRequest) -> dict[str, object]:
    return {
        "prompt": request.prompt,
        "category": request.category,
        "seed": request.seed,
        "steps": request.steps,
        "guidance": request.guidance,
    }
