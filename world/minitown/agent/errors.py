"""What can be wrong with an agent, as far as minitown tells it apart.

ValueError
  AgentNotFoundError     no agent of that name or file; nothing was run
  SensorsInvalidError    a sensor suite that the Leaderboard, or minitown, refuses
RuntimeError
  AgentCrashedError      it raised, or returned what is no control
  AgentHangsError        it took longer than it may
"""


class AgentNotFoundError(ValueError):
    """No agent of that name or file; the message says what was looked for."""


class SensorsInvalidError(ValueError):
    """A sensor suite against the rules; the message names the sensor."""


class AgentCrashedError(RuntimeError):
    """The agent returned what is no control, or was used before it was set up."""


class AgentHangsError(RuntimeError):
    """The agent took longer than it may."""
