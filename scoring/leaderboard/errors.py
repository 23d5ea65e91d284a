"""The one error of this package.

ValueError
  ScoringInputError    a file or a value that cannot be scored; the message names file and field
"""


class ScoringInputError(ValueError):
    """Input that cannot be scored.

    Args:
        field: What is wrong: a JSON path or a name.
        problem: Value, limit and mend in one line.
        source: File it was read from, if any.
    """

    def __init__(self, field: str, problem: str, *, source: str = "") -> None:
        self.field, self.problem, self.source = field, problem, source
        super().__init__(": ".join(part for part in (source, field, problem) if part))
