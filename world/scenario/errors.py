"""What can be wrong with a scenario."""


class ScenarioError(ValueError):
    """A scenario file that cannot be played; the message names file and field."""

    def __init__(self, source: str, problem: str) -> None:
        self.source, self.problem = source, problem
        super().__init__(f"scenario {source}: {problem}")
