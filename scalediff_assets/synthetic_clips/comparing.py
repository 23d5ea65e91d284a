"""Starts the job that makes features of a run's clips, and reads what they say."""

import dagster as dg

from resources.connections import Connections
from resources.jobs import JobLauncher
from scalediff_assets.synthetic_clips.likeness import Compared, compared, features_spec
from scalediff_assets.synthetic_clips.provenance import Sidecar
from scalediff_assets.video_models.record import learnt_from
from scalediff_contract.clip_manifests import ClipsPlace
from scalediff_contract.video_evaluation import EmbedClipsResult


def compare_with_training(
    context: dg.AssetExecutionContext,
    connections: Connections,
    jobs: JobLauncher,
    sidecars: list[Sidecar],
    extractor: str,
    *,
    skip: bool,
) -> Compared | None:
    """Features of clips beside those of all clips that their own model may remember.

    None where nobody asks, where there is no clip, or where nobody knows here what any of the models learnt
    from; a model of which only that is not known is left out. Then nobody compared, and the verdicts say so.
    """
    if skip:
        return None
    learnt: dict[str, tuple[ClipsPlace, ...]] = {}
    for version, release in sorted({(each.model_version, each.training_release or "") for each in sidecars}):
        places = learnt_from(connections, version, release)
        if places:
            learnt[version] = places
        else:
            context.log.warning("nobody knows what %s learnt from: copies are not looked for", version)
    if not learnt:
        return None
    spec = features_spec(connections, learnt, sidecars, extractor, f"gate-{context.run.run_id}")
    result = jobs.run(context, spec)
    assert isinstance(result, EmbedClipsResult)  # noqa: S101 -- of an EmbedClipsSpec
    return compared(connections, spec, result, learnt)
