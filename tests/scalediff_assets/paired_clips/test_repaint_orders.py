"""The launch form of a repaint: what becomes a job's spec, and what is refused in one sentence."""

from typing import Any

import polars as pl
import pytest

from scalediff_assets.paired_clips.repaint import RepaintConfig, RepaintOrderError, repaint_spec
from scalediff_contract.repaint import RepaintSpec, repaint_id

SESSIONS = pl.DataFrame(
    {"session_id": ["b", "a", "c"], "source_video_key": ["w/b_source.webm", "w/a_source.webm", None]}
)


def order(sessions: pl.DataFrame = SESSIONS, **form: Any) -> RepaintSpec | None:
    return repaint_spec(RepaintConfig(**form), sessions, raw_url="/raw", lake_url="/lake")


def test_every_session_with_a_source_is_painted_with_every_prompt() -> None:
    spec = order(prompts=["night", "heavy rain"])
    assert spec is not None
    assert [each.session_id for each in spec.sessions] == ["a", "b"]
    assert (spec.prompts, spec.painter, spec.raw_url) == (("night", "heavy rain"), "stylize", "/raw")
    assert spec.videos_url == "/lake/repainted_videos"


def test_the_same_order_is_the_same_job_and_another_one_is_not() -> None:
    first, again, other = (order(prompts=[text]) for text in ("night", "night", "snow"))
    assert first is not None and other is not None
    assert first == again
    assert first.output_url != other.output_url
    ids = [repaint_id(spec, spec.sessions[0], spec.prompts[0]) for spec in (first, other)]
    assert len(set(ids)) == 2


def test_nothing_ordered_is_no_job() -> None:
    assert order() is None
    assert order(SESSIONS.filter(session_id="c"), prompts=["night"]) is None


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"prompts": ["night"], "session_ids": ["c"]}, "c: not a valid session .* before painting"),
        ({"prompts": ["night"], "session_ids": ["zzz"]}, "zzz: not a valid session"),
        ({"prompts": ["night"], "painter": "oils"}, "painter is 'oils'"),
        ({"prompts": [""]}, "prompts.0 is ''"),
        ({"prompts": ["night"], "width_px": 8}, "width_px is 8"),
    ],
)
def test_an_order_that_cannot_be_names_the_field(form: dict[str, Any], words: str) -> None:
    with pytest.raises(RepaintOrderError, match=words):
        order(**form)
