"""What can be wrong with a routes file."""


class RoutesFileError(ValueError):
    """A routes file that cannot be driven; the message names file, route and element."""

    def __init__(self, source: str, problem: str, route_id: str | None = None) -> None:
        self.source, self.problem, self.route_id = source, problem, route_id
        route = f", route {route_id}" if route_id is not None else ""
        super().__init__(f"{source}{route}: {problem}")
