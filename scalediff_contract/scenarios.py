"""What a scenario clip is ordered by: the prompt template, and the catalogue of 23 categories.

The template is "dashcam view of [event] during [conditions] on [road type]", with a time of day
("at night", "during daytime") beside it. Three of the case study's own prompts do not keep it, so
reading is tolerant: slots after the event may come in any order and may be missing, "a dashcam
video of" is as good as "dashcam view of". What stays strict: the opening, the words for roads and
times of day, and that the event is one of a category of the catalogue.

The catalogue is `scenarios.toml` beside this module, read by the API, the worker and the graph.

    PromptError(ValueError)       a text that is no prompt; carries the text's start and the problem
    └── UnknownScenarioError      a prompt whose event is of no category
    CatalogueError(ValueError)    a catalogue file that cannot be used
"""

import functools
import re
import tomllib
import unicodedata
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

CATEGORIES = 23
PROMPTS_MIN = 20
MAX_PROMPT_CHARS = 400
CATALOGUE_PATH = Path(__file__).with_name("scenarios.toml")

_OPENING = re.compile(r"(?:an? |the )?dash[ -]?cam(?:era)? (?:view|video|footage|clip|shot) of (?P<rest>.+)")
_ROAD_WORDS = (
    "alley|arterial|avenue|boulevard|bridge|bypass|causeway|crossing|crossroads|curve|drive|expressway|"
    "freeway|grade|highway|interchange|interstate|intersection|junction|lane|lot|motorway|overpass|parkway|"
    "pass|ramp|road|roadway|roundabout|route|street|tunnel|underpass"
)
_TIME_PHRASES = {
    "daytime": "during daytime",
    "night": "at night",
    "dusk": "at dusk",
    "dawn": "at dawn",
    "noon": "at noon",
    "midnight": "at midnight",
    "sunrise": "at sunrise",
    "sunset": "at sunset",
    "morning": "in the morning",
    "afternoon": "in the afternoon",
    "evening": "in the evening",
}
_TIME_SYNONYMS = {"day": "daytime", "the day": "daytime", "the daytime": "daytime", "the night": "night",
                  "nighttime": "night", "midday": "noon", "twilight": "dusk"}  # fmt: skip
_TIME = re.compile(
    r" (?:at|during|in(?: the)?) "
    rf"(?P<time>{'|'.join(sorted((*_TIME_PHRASES, *_TIME_SYNONYMS), key=len, reverse=True))})"
    r"(?= (?:on|during) |$)"
)
_ROAD = re.compile(rf" on (?P<road>(?:(?! on | during ).)*\b(?:{_ROAD_WORDS})s?(?: \d+)?)(?= during |$)")
_CONDITIONS = re.compile(r" during (?P<conditions>(?:(?! during ).)+)$")
_CHARACTERS = re.compile(r"[a-z0-9 ,.'()/-]+")

_Slot = Annotated[str, StringConstraints(min_length=1, max_length=110)]
_Id = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,39}$")]


class PromptError(ValueError):
    """A text that is no prompt of the template."""

    def __init__(self, text: str, problem: str) -> None:
        self.text = text[:80]
        self.problem = problem
        super().__init__(
            f"prompt {self.text!r}: {problem}; "
            "write 'dashcam view of [event] during [conditions] on [road type]'"
        )


class UnknownScenarioError(PromptError):
    """A prompt whose event is of no category."""


class CatalogueError(ValueError):
    """A catalogue file that cannot be used; says which file and why."""

    def __init__(self, path: Path, problem: str) -> None:
        self.path = path
        super().__init__(f"scenario catalogue {path}: {problem}; mend the file")


class _Declared(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ScenarioPrompt(_Declared):
    """One scenario in the template's slots; lower case, and always readable back from `render()`.

    Attributes:
        event: What happens, `tire debris`.
        conditions: Weather or light, `heavy rain`.
        road_type: Where, `interstate`; ends in a word for a road.
        time_of_day: One of eleven words, `night`.
    """

    event: _Slot
    conditions: _Slot | None = None
    road_type: _Slot | None = None
    time_of_day: Literal[
        "daytime", "night", "dusk", "dawn", "noon", "midnight", "sunrise", "sunset", "morning", "afternoon",
        "evening",
    ] | None = None  # fmt: skip

    @model_validator(mode="after")
    def _reads_back(self) -> Self:
        if (found := _slots(self.render())) != self.model_dump():
            differing = [name for name, slot in self.model_dump().items() if found.get(name) != slot]
            raise ValueError(f"{differing[0]} cannot be told from the slots around it in {self.render()!r}")
        return self

    def render(self) -> str:
        """The prompt as the text encoder gets it."""
        parts = [f"dashcam view of {self.event}"]
        parts += [f"during {self.conditions}"] if self.conditions else []
        parts += [f"on {self.road_type}"] if self.road_type else []
        parts += [_TIME_PHRASES[self.time_of_day]] if self.time_of_day else []
        return " ".join(parts)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a prompt; case, spaces, a final dot and the order of the slots do not matter.

        Raises:
            PromptError: For a text outside the template, with what is wrong.
        """
        if len(text) > MAX_PROMPT_CHARS:
            raise PromptError(text, f"it has {len(text)} characters (at most {MAX_PROMPT_CHARS})")
        try:
            return cls.model_validate(_slots(_normalised(text)))
        except ValidationError as error:
            raise PromptError(text, error.errors(include_url=False)[0]["msg"]) from error


class Category(_Declared):
    """One scenario category; its prompts are the product of its authored phrases.

    Attributes:
        id: Partition key, `dust_storm`.
        title: For people.
        source: `document` where the case study names it, `ours` where we wrote it.
        rare: Whether it counts as a rare event.
        weight: Share of a weekly plan, relative to the others.
        adot: Whether it is one of the regulator's edge cases (our assignment).
        game_scenario: The game's scenario of the same situation.
        phrases: A prompt that holds one of these is of this category.
        events: Events, each holding a phrase.
        conditions: Conditions that fit.
        road_types: Roads that fit.
        times_of_day: Times that fit.
    """

    id: _Id
    title: str
    source: Literal["document", "ours"]
    rare: bool
    weight: Annotated[float, Field(gt=0, le=10)]
    adot: bool = False
    game_scenario: str | None = None
    phrases: Annotated[tuple[_Slot, ...], Field(min_length=1)]
    events: Annotated[tuple[_Slot, ...], Field(min_length=1)]
    conditions: Annotated[tuple[_Slot, ...], Field(min_length=1)]
    road_types: Annotated[tuple[_Slot, ...], Field(min_length=1)]
    times_of_day: Annotated[tuple[str, ...], Field(min_length=1)]

    def prompts(self) -> Iterator[ScenarioPrompt]:
        """Every prompt of the category, in a fixed order."""
        slots = product(self.events, self.conditions, self.road_types, self.times_of_day)
        for event, conditions, road_type, time in slots:
            yield ScenarioPrompt.model_validate(
                {"event": event, "conditions": conditions, "road_type": road_type, "time_of_day": time}
            )

    @property
    def prompt_count(self) -> int:
        """How many prompts the category has."""
        return len(self.events) * len(self.conditions) * len(self.road_types) * len(self.times_of_day)


class Catalogue(_Declared):
    """The scenario categories of one version of the file."""

    version: Annotated[str, StringConstraints(pattern=r"^v\d+[a-z0-9.-]*$")]
    categories: tuple[Category, ...]

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        ids = self.ids
        if len(ids) != CATEGORIES or len(set(ids)) != CATEGORIES:
            raise ValueError(f"{len(set(ids))} different categories (exactly {CATEGORIES})")
        for category in self.categories:
            if category.prompt_count < PROMPTS_MIN:
                raise ValueError(
                    f"{category.id} has {category.prompt_count} prompts (at least {PROMPTS_MIN})"
                )
        return self

    @property
    def ids(self) -> tuple[str, ...]:
        """The categories' ids in the file's order: the partition keys."""
        return tuple(category.id for category in self.categories)

    def category(self, category_id: str) -> Category:
        """The category of an id.

        Raises:
            UnknownScenarioError: For an id that the catalogue has not.
        """
        for category in self.categories:
            if category.id == category_id:
                return category
        raise UnknownScenarioError(category_id, f"is no category; the {CATEGORIES} are {', '.join(self.ids)}")

    def classify(self, prompt: ScenarioPrompt) -> Category:
        """The category whose phrase the prompt holds; the longest phrase wins, then the file's order.

        Raises:
            UnknownScenarioError: Where no category's phrase is in the prompt.
        """
        text = f" {prompt.render()} "
        found = [
            (len(phrase), category)
            for category in self.categories
            for phrase in category.phrases
            if _phrase(phrase).search(text)
        ]
        if not found:
            raise UnknownScenarioError(
                prompt.render(), f"its event is of none of the {CATEGORIES} categories: {', '.join(self.ids)}"
            )
        return max(found, key=lambda each: each[0])[1]


@functools.cache
def load_catalogue(path: Path = CATALOGUE_PATH) -> Catalogue:
    """Read a catalogue; the packaged one by default. Read once per process.

    Raises:
        CatalogueError: With the file and its first broken field.
    """
    try:
        return Catalogue.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise CatalogueError(path, f"cannot be read ({error})") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "file"
        raise CatalogueError(path, f"{where}: {first['msg']}") from error


def accept_prompt(text: str, catalogue: Catalogue | None = None) -> tuple[ScenarioPrompt, Category]:
    """What a request's prompt means: its slots and its category.

    Raises:
        PromptError: For a text outside the template; `UnknownScenarioError` outside the catalogue.
    """
    prompt = ScenarioPrompt.parse(text)
    return prompt, (catalogue or load_catalogue()).classify(prompt)


@functools.cache
def _phrase(phrase: str) -> re.Pattern[str]:
    """A phrase as whole words, in singular or plural."""
    return re.compile(rf"\b{re.escape(phrase)}(?:s|es)?\b")


def _normalised(text: str) -> str:
    """Lower case, single spaces, plain quotes and dashes, no dot at the end."""
    plain = unicodedata.normalize("NFKC", text).translate({0x2019: "'", 0x2013: "-", 0x2014: "-"})
    return " ".join(plain.lower().split()).rstrip(" .")


def _slots(text: str) -> dict[str, str | None]:
    """The slots of a normalised text; the event is what no other slot took.

    Raises:
        PromptError: Where the opening or the event is missing, or a character is not of a prompt.
    """
    if not (opened := _OPENING.fullmatch(text)):
        raise PromptError(text, "it does not begin with 'dashcam view of'")
    if not _CHARACTERS.fullmatch(text):
        wrong = next(each for each in text if not _CHARACTERS.fullmatch(each))
        raise PromptError(text, f"it holds {wrong!r}; letters, digits, spaces and ,.'()/- are allowed")
    slots: dict[str, str | None] = {}
    # A space in front, so that a text that is all slots is seen to have no event.
    rest = f" {opened['rest']}"
    for name, pattern in (("time", _TIME), ("road", _ROAD), ("conditions", _CONDITIONS)):
        if found := _last(pattern, rest):
            slots[name] = found[name].strip()
            rest = rest[: found.start()] + rest[found.end() :]
    if not (event := rest.strip(" ,")):
        raise PromptError(text, "it names no event")
    time = slots.get("time")
    return {
        "event": event,
        "conditions": slots.get("conditions"),
        "road_type": slots.get("road"),
        "time_of_day": _TIME_SYNONYMS.get(time, time) if time else None,
    }


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    found = None
    for found in pattern.finditer(text):  # noqa: B007 -- the last one is wanted
        pass
    return found
