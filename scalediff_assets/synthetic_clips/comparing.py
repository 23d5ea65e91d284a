"""Starts the job that makes features of a run's clips, and reads what they say."""

import dagster as dg

from resources.connections import Connections
from resources.jobs import JobLauncher
from scalediff_assets.synthetic_clips.judging import Compared, compared, features_spec
from scalediff_assets.synthetic_clips.provenance import Sidecar
from scalediff_assets.video_models.record import place_of_release
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
    """Features of clips beside those of the clips that their model learnt from.

    None where nobody asks, where there is no clip, or where the clips that the newest model learnt from are
    not known here: then nobody compared, and the verdicts say so.
    """
    releases = {each.training_release for each in sidecars if each.training_release}
    if skip or not releases:
        return None
    newest = max(sidecars, key=lambda each: each.model_version).training_release
    place = place_of_release(connections, newest) if newest else None
    if place is None:
        context.log.warning("nobody knows the clips %s: copies are not looked for", newest)
        return None
    keys = sorted({each.content_key for each in sidecars if each.training_release == newest})
    spec = features_spec(connections, place, keys, extractor, f"gate-{context.run.run_id}")
    result = jobs.run(context, spec)
    assert isinstance(result, EmbedClipsResult)  # noqa: S101 -- of an EmbedClipsSpec
    return compared(connections, spec, result)
