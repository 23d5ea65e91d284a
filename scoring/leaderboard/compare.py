"""Names every difference of two JSON documents; key order and the kind of number count."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One place where two documents differ.

    Attributes:
        path: JSON path, such as `$._checkpoint.records[0].status`.
        ours: What we have there, as text.
        genuine: What should be there.
    """

    path: str
    ours: str
    genuine: str

    def __str__(self) -> str:
        return f"{self.path}: ours {self.ours}, genuine {self.genuine}"


_ABSENT = "absent"


def differences(ours: object, genuine: object, path: str = "$") -> Iterator[Difference]:
    """Yield every difference, outermost first.

    Args:
        ours: Decoded JSON.
        genuine: Decoded JSON that it should equal; 1 and 1.0 are not equal, two NaN are.
        path: JSON path of the two.
    """
    if isinstance(ours, Mapping) and isinstance(genuine, Mapping):
        yield from _of_objects(ours, genuine, path)
    elif _is_list(ours) and _is_list(genuine):
        yield from _of_lists(ours, genuine, path)  # type: ignore[arg-type]
    elif not _same(ours, genuine):
        yield Difference(path=path, ours=_shown(ours), genuine=_shown(genuine))


def _of_objects(ours: Mapping[str, object], genuine: Mapping[str, object], path: str) -> Iterator[Difference]:
    if list(ours) != list(genuine) and set(ours) == set(genuine):
        yield Difference(path=f"{path} (key order)", ours=_shown(list(ours)), genuine=_shown(list(genuine)))
    for key in {**genuine, **ours}:
        at = f"{path}.{key}"
        if key not in ours:
            yield Difference(path=at, ours=_ABSENT, genuine=_shown(genuine[key]))
        elif key not in genuine:
            yield Difference(path=at, ours=_shown(ours[key]), genuine=_ABSENT)
        else:
            yield from differences(ours[key], genuine[key], at)


def _of_lists(ours: Sequence[object], genuine: Sequence[object], path: str) -> Iterator[Difference]:
    for number in range(max(len(ours), len(genuine))):
        at = f"{path}[{number}]"
        if number >= len(ours):
            yield Difference(path=at, ours=_ABSENT, genuine=_shown(genuine[number]))
        elif number >= len(genuine):
            yield Difference(path=at, ours=_shown(ours[number]), genuine=_ABSENT)
        else:
            yield from differences(ours[number], genuine[number], at)


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple)


def _same(ours: object, genuine: object) -> bool:
    if isinstance(ours, float) and isinstance(genuine, float) and math.isnan(ours):
        return math.isnan(genuine)
    return type(ours) is type(genuine) and ours == genuine


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}..."
