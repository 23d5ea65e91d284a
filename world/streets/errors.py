"""What can be wrong with streets and routes.

ValueError
  StreetsError    the streets of a city make no network
  RouteError      a route that nobody can drive
"""


class StreetsError(ValueError):
    """The corridors of a city make no street network."""


class RouteError(ValueError):
    """A route that cannot be driven; the message names the route and the waypoint."""
