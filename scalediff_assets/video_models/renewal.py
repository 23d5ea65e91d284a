"""New code, old data: how production's model is trained again from the top when the generation code changed.

What it learns from, its preset and what its launch form changed stay; what the preset means is the new
code's. A model that was fine-tuned is renewed from the full training that it came from, and measured as it
was measured then.
"""

import json
from typing import Any

from resources.connections import Connections
from resources.object_store import ObjectMissingError
from scalediff_assets.video_models.launch import FOLDER, VideoEvaluationConfig, read_note, read_notes
from scalediff_assets.video_models.record import read_training
from scalediff_assets.video_models.registry import Staged
from scalediff_contract.video_models import VIDEO_PRESETS

_KEPT = ("clip_set", "preset", "seed", "steps", "batch", "lr")
_MEASURED = frozenset(VideoEvaluationConfig.model_fields)


def knows_code(connections: Connections, code: str) -> bool:
    """Whether any training run began under this code."""
    return any(note.get("code") == code for note in read_notes(connections))


def trained_under(connections: Connections, staged: Staged) -> str | None:
    """The code that a model was trained with; None where nobody noted it."""
    note = read_note(staged.training_run, connections)
    return None if note is None else note.get("code")


def form_of(connections: Connections, training_run: str) -> dict[str, Any] | None:
    """The launch form of the full training behind a training run; None where it was not noted."""
    seen: set[str] = set()
    while training_run not in seen:
        seen.add(training_run)
        note = read_note(training_run, connections)
        if note is None or "form" not in note:
            return None
        form: dict[str, Any] = note["form"]
        if form["trainable"] == "all" or not form["initial"]:
            return {name: form[name] for name in _KEPT if form[name] is not None}
        training_run = form["initial"]
    return None


def renewal_form(connections: Connections, staged: Staged) -> dict[str, dict[str, Any]] | None:
    """The launch form of `model_release`: the `ops` of a run's configuration.

    None where nobody noted how the model was trained: a person has to say it once.
    """
    form = form_of(connections, staged.training_run)
    if form is None or form["preset"] not in VIDEO_PRESETS:
        return None
    before = read_training(connections, staged.training_run)[0].architecture
    same = before == VIDEO_PRESETS[form["preset"]].architecture
    training = form | {"change": "retrain" if same else "architecture", "trainable": "all"}
    steps = {"small_training": {"clip_set": form["clip_set"]}, "full_training": training}
    return {
        "video_models": {"ops": {step: {"config": config} for step, config in steps.items()}},
        "video_evaluations": {"config": _measured(connections, staged.training_run)},
    }


def _measured(connections: Connections, training_run: str) -> dict[str, Any]:
    """How its evaluation was made; the defaults where it has none."""
    try:
        spec = json.loads(connections.models().get(f"{FOLDER}/{training_run}/evaluation/spec.json"))
    except ObjectMissingError:
        return {}
    return {name: value for name, value in spec.items() if name in _MEASURED and value is not None}
