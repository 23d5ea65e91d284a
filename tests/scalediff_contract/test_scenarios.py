"""The 23 categories, and the prompt that is read tolerantly and written strictly."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from scalediff_contract.scenarios import (
    CATALOGUE_PATH,
    CatalogueError,
    PromptError,
    ScenarioPrompt,
    UnknownScenarioError,
    accept_prompt,
    load_catalogue,
)

# The template, the API's example and the three that break the template: the words that the facts
# quote of each; what they leave out is filled in.
DOCUMENT_PROMPTS = {
    "dashcam view of tire debris during heavy traffic on interstate": "tire_debris",
    "dashcam view of tire debris on interstate during daytime": "tire_debris",
    "dashcam view of driving through a dense dust storm at dusk on a desert highway": "dust_storm",
    "dashcam view of an elk crossing on a two-lane highway at night": "animal_crossing",
    "dashcam view of normal driving during clear weather on highway": "clear_highway",
}


def test_the_catalogue_has_23_categories_of_at_least_20_different_prompts() -> None:
    catalogue = load_catalogue()
    assert len(set(catalogue.ids)) == 23
    for category in catalogue.categories:
        prompts = {prompt.render() for prompt in category.prompts()}
        assert len(prompts) == category.prompt_count >= 20


def test_every_prompt_of_the_catalogue_is_read_back_and_is_of_its_category() -> None:
    for category in load_catalogue().categories:
        for prompt in category.prompts():
            assert accept_prompt(prompt.render()) == (prompt, category)


def test_the_categories_say_what_the_document_names_and_what_we_wrote() -> None:
    categories = load_catalogue().categories
    assert {each.id for each in categories if each.source == "document"} == {
        "dust_storm",
        "tire_debris",
        "clear_highway",
    }
    assert sum(each.adot for each in categories) == 15


def test_every_game_scenario_that_a_category_names_exists() -> None:
    folder = Path(__file__).parents[2] / "world" / "data" / "scenarios"
    named = [each.game_scenario for each in load_catalogue().categories if each.game_scenario]
    assert named and all((folder / f"{name}.json").exists() for name in named)


@pytest.mark.parametrize(("text", "category"), DOCUMENT_PROMPTS.items())
def test_the_documents_prompts_are_accepted(text: str, category: str) -> None:
    assert accept_prompt(text)[1].id == category


def test_slots_are_read_in_any_order_and_may_be_missing() -> None:
    whole = ScenarioPrompt(
        event="a haboob", conditions="strong wind", road_type="interstate 10", time_of_day="night"
    )
    for text in (
        "dashcam view of a haboob during strong wind on interstate 10 at night",
        "A Dash-Cam  video of a haboob at night on Interstate 10 during strong wind.",
        "dashcam view of a haboob on interstate 10 during strong wind during the night",
    ):
        assert ScenarioPrompt.parse(text) == whole
    bare = ScenarioPrompt.parse("dashcam view of a haboob")
    assert (bare.conditions, bare.road_type, bare.time_of_day) == (None, None, None)


def test_an_on_that_leads_to_no_road_belongs_to_the_event() -> None:
    prompt = ScenarioPrompt.parse(
        "dashcam view of a mattress on the roof of a pickup during rain on a freeway"
    )
    assert prompt.event == "a mattress on the roof of a pickup"
    assert prompt.road_type == "a freeway"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a dust storm on interstate", "does not begin with"),
        ("dashcam view of on interstate", "no event"),
        ("dashcam view of during rain on interstate at night", "no event"),
        ("dashcam view of a haboob\u0000 on interstate", "holds"),
        ("dashcam view of <script>", "holds '<'"),
        ("dashcam view of a haboob; drop table jobs", "holds ';'"),
        ("", "does not begin with"),
        ("dashcam view of " + "dust storm " * 100_000, "1100016 characters (at most 400)"),
    ],
)
def test_texts_outside_the_template_are_refused(text: str, says: str) -> None:
    with pytest.raises(PromptError) as refusal:
        ScenarioPrompt.parse(text)
    assert says in str(refusal.value)
    assert len(str(refusal.value)) < 400


def test_a_prompt_of_no_category_is_refused_with_the_categories() -> None:
    with pytest.raises(UnknownScenarioError, match="none of the 23 categories: dust_storm"):
        accept_prompt("dashcam view of a unicorn during rain on interstate")
    with pytest.raises(UnknownScenarioError, match="is no category"):
        load_catalogue().category("unicorn")


_WORDS = st.lists(
    st.sampled_from(
        ["on", "during", "at", "night", "a", "road", "in", "the", "morning", "dust", "storm", "7", ","]
    ),
    min_size=1,
    max_size=6,
).map(" ".join)


@given(event=_WORDS, conditions=st.none() | _WORDS, road_type=st.none() | _WORDS)
def test_a_prompt_that_can_be_made_is_read_back_the_same(
    event: str, conditions: str | None, road_type: str | None
) -> None:
    try:
        prompt = ScenarioPrompt(event=event, conditions=conditions, road_type=road_type, time_of_day="dusk")
    except ValidationError:
        return
    assert ScenarioPrompt.parse(prompt.render()) == prompt


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_with_a_prompt_error(text: str) -> None:
    try:
        prompt = ScenarioPrompt.parse(f"dashcam view of {text}")
    except PromptError:
        return
    assert ScenarioPrompt.parse(prompt.render()) == prompt


def test_a_catalogue_that_is_not_whole_is_refused(tmp_path: Path) -> None:
    text = CATALOGUE_PATH.read_text()
    last = text.rindex("[[categories]]")
    (tmp_path / "short.toml").write_text(text[:last])
    with pytest.raises(CatalogueError, match=r"22 different categories \(exactly 23\)"):
        load_catalogue(tmp_path / "short.toml")
    one_time = text.replace('times_of_day = ["daytime", "morning"]', 'times_of_day = ["noon"]')
    one_time = one_time.replace('"interstate", "a four-lane highway"', '"a road"')
    (tmp_path / "thin.toml").write_text(one_time)
    with pytest.raises(CatalogueError, match=r"clear_highway has 12 prompts \(at least 20\)"):
        load_catalogue(tmp_path / "thin.toml")
    with pytest.raises(CatalogueError, match="cannot be read"):
        load_catalogue(tmp_path / "none.toml")
