"""What can be wrong with a city file or with the footprints that one is made from.

ValueError
  CityError                  any of them; the command line prints its message
    CityFileError            a city file that is missing, is no JSON or breaks the format
    FootprintsError          a GeoJSON file of which no building can be used

A single bad footprint is no exception: it is a `Refusal` in the conversion's report.
"""

from pathlib import Path


class CityError(ValueError):
    """A city that cannot be read or made; the message names the file and the field or feature."""

    def __init__(self, path: Path | str, problem: str) -> None:
        super().__init__(f"{path}: {problem}")
        self.path = str(path)
        self.problem = problem


class CityFileError(CityError):
    """A city file that is missing, is no JSON or breaks the format."""


class FootprintsError(CityError):
    """A footprints file that holds no usable building."""
