"""JSON as the standard means it, from bytes that nobody has checked.

Refused: other encodings than UTF-8, NaN and Infinity, a key that occurs twice in one object, and
nesting beyond a limit. The depth is counted on the bytes before any parser recurses, so a depth bomb
costs one linear scan. What the values mean is not this module's business.
"""

import json
from collections.abc import Callable, Iterator, Sequence

import numpy as np

_QUOTE = ord('"')
_STEP = np.zeros(256, dtype=np.int8)  # by byte: +1 opens, -1 closes, 0 is no bracket
_STEP[list(b"[{")] = 1
_STEP[list(b"]}")] = -1
_IS_MARK = (_STEP != 0) | (np.arange(256) == _QUOTE)


class StrictJsonError(ValueError):
    """Bytes that are not strict JSON; the message says what and where."""


class _Repeated:
    """Stands where a key occurred twice."""


_REPEATED = _Repeated()


def nesting_depth(data: bytes) -> int:
    """Deepest nesting of arrays and objects; exact for valid JSON and for every valid beginning."""
    # Pairs of backslashes go first, so that only true escapes of a quote are left to blank.
    chars = np.frombuffer(data.replace(b"\\\\", b"__").replace(b'\\"', b"__"), dtype=np.uint8)
    marks = chars[_IS_MARK[chars]]
    outside = np.cumsum(marks == _QUOTE, dtype=np.int32) % 2 == 0
    depth = np.cumsum(_STEP[marks[outside]], dtype=np.int32)
    return int(depth.max(initial=0))


def parse_strict_json(data: bytes, *, max_depth: int) -> object:
    """Parse bytes as strict JSON.

    Args:
        data: The whole document.
        max_depth: Deepest nesting of arrays and objects that is read.

    Raises:
        StrictJsonError: For anything else than strict UTF-8 JSON within the depth.
    """
    if (depth := nesting_depth(data)) > max_depth:
        raise StrictJsonError(f"nested {depth} deep (limit {max_depth})")
    repeated: list[str] = []
    try:
        value: object = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_object_hook(repeated),
            parse_constant=_refuse_constant,
        )
    except StrictJsonError:
        raise
    except UnicodeDecodeError as error:
        raise StrictJsonError(f"byte {error.start} is not UTF-8") from error
    except ValueError as error:  # JSONDecodeError, and integers of thousands of digits
        raise StrictJsonError(str(error)) from error
    if repeated:
        raise StrictJsonError(f"{_path_of_repeated(value)} occurs twice")
    return value


def field_path(root: str, location: Sequence[int | str]) -> str:
    """A readable path: `camera`, (17, "pos", 1) gives `camera[17].pos[1]`."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step[:64]}" for step in location)
    return root + "".join(steps)


def _object_hook(repeated: list[str]) -> Callable[[list[tuple[str, object]]], dict[str, object]]:
    def build(pairs: list[tuple[str, object]]) -> dict[str, object]:
        made = dict(pairs)
        if len(made) == len(pairs):
            return made
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                repeated.append(key)
                made[key] = _REPEATED
            seen.add(key)
        return made

    return build


def _refuse_constant(name: str) -> None:
    raise StrictJsonError(f"{name} is not a JSON number")


def _path_of_repeated(value: object) -> str:
    first = next(_repeated_paths(value, ()), ())
    return field_path("", first).lstrip(".")


def _repeated_paths(value: object, here: tuple[int | str, ...]) -> Iterator[tuple[int | str, ...]]:
    if isinstance(value, _Repeated):
        yield here
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _repeated_paths(item, (*here, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _repeated_paths(item, (*here, index))
