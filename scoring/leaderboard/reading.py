"""Reads fields out of decoded JSON and says exactly which one is wrong, in which file."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scoring.leaderboard.errors import ScoringInputError


def read_json(path: Path) -> "Field":
    """Decode a file.

    Args:
        path: The file.

    Raises:
        ScoringInputError: For a missing, unreadable, truncated or non-UTF-8 file.
    """
    source = str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ScoringInputError(
            "", f"{error.strerror or error}; name a readable file", source=source
        ) from error
    except UnicodeDecodeError as error:
        raise ScoringInputError(
            "", f"byte {error.start} is not UTF-8; is this JSON?", source=source
        ) from error
    if not text.strip():
        raise ScoringInputError("", "empty (0 values); the run that wrote it did not finish", source=source)
    try:
        return Field(source=source, path="$", value=json.loads(text))
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise ScoringInputError(where, f"not JSON or cut off ({error.msg})", source=source) from error
    except RecursionError as error:
        raise ScoringInputError("$", "nested too deeply to be read", source=source) from error


@dataclass(frozen=True, kw_only=True)
class Field:
    """A value in a JSON file that knows where it stands.

    Attributes:
        source: File name.
        path: JSON path, such as `$.cases[3].routes`.
        value: The decoded value.
    """

    source: str
    path: str
    value: Any

    def wrong(self, problem: str) -> ScoringInputError:
        """An error that names this field."""
        return ScoringInputError(self.path, problem, source=self.source)

    def __getitem__(self, key: str) -> "Field":
        """A required member of an object."""
        if key not in self.members():
            raise self.wrong(f"has no field {key!r}")
        return self._at(f".{key}", self.value[key])

    def get(self, key: str) -> "Field | None":
        """An optional member of an object."""
        return self[key] if key in self.members() else None

    def members(self) -> Mapping[str, Any]:
        """The value, which must be an object."""
        if not isinstance(self.value, dict):
            raise self.wrong(f"{_shown(self.value)} (must be an object)")
        return self.value

    def items(self, *, minimum: int = 0) -> "list[Field]":
        """The elements of the value, which must be a list."""
        if not isinstance(self.value, list):
            raise self.wrong(f"{_shown(self.value)} (must be a list)")
        if len(self.value) < minimum:
            raise self.wrong(f"{len(self.value)} elements (minimum {minimum})")
        return [self._at(f"[{number}]", value) for number, value in enumerate(self.value)]

    def text(self) -> str:
        """The value, which must be a string."""
        if not isinstance(self.value, str):
            raise self.wrong(f"{_shown(self.value)} (must be a string)")
        return self.value

    def flag(self) -> bool:
        """The value, which must be true or false."""
        if not isinstance(self.value, bool):
            raise self.wrong(f"{_shown(self.value)} (must be true or false)")
        return self.value

    def number(self, *, above: float | None = None) -> float:
        """The value, which must be a finite number; whole numbers stay whole."""
        value = self.value
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(f"{_shown(value)} (must be a number)")
        try:
            finite = math.isfinite(value)
        except OverflowError:
            finite = False
        if not finite:
            raise self.wrong(f"{_shown(value)} (must be a finite number)")
        if above is not None and value <= above:
            raise self.wrong(f"{value} (must be above {above:g})")
        return value

    def whole(self, *, minimum: int) -> int:
        """The value, which must be a whole number."""
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            raise self.wrong(f"{_shown(self.value)} (must be a whole number)")
        if self.value < minimum:
            raise self.wrong(f"{self.value} (minimum {minimum})")
        return self.value

    def numbers(self, *, counts: Sequence[int] | None = None) -> list[float]:
        """The value, which must be a list of finite numbers, of one of these lengths."""
        found = [item.number() for item in self.items()]
        if counts is not None and len(found) not in counts:
            raise self.wrong(f"{len(found)} numbers (must be {' or '.join(map(str, counts))})")
        return found

    def _at(self, step: str, value: object) -> "Field":
        return Field(source=self.source, path=self.path + step, value=value)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
