"""From `expert | noop | random | FILE.py[:CONFIG]` to something that drives."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from world.drivers.driver import Driver
from world.minitown.agent import stand_ins
from world.minitown.agent.errors import AgentNotFoundError

BUILT_IN = ("expert", "noop", "random")


def make_driver(agent: str) -> Driver:
    """The driver that an `--agent` value names.

    Args:
        agent: `expert`, `noop`, `random`, or a Python file in the Leaderboard's agent contract,
            optionally followed by `:` and the path of its configuration.

    Raises:
        AgentNotFoundError: Where there is no such agent.
    """
    if agent in BUILT_IN:
        return _built_in(agent)
    from world.minitown.agent.wrapped import WrappedAgent

    path, config = split_agent(agent)
    return WrappedAgent(load_agent_module(path), config=config)


def check_agent(agent: str) -> None:
    """Refuse what cannot be an agent, without running any of its code.

    Raises:
        AgentNotFoundError: Where there is no such agent or file.
    """
    if agent not in BUILT_IN:
        split_agent(agent)


def split_agent(agent: str) -> tuple[Path, str]:
    """File and configuration of `FILE.py[:CONFIG]`.

    Raises:
        AgentNotFoundError: Where the file is not there.
    """
    file, _, config = agent.partition(":")
    path = Path(file)
    if path.suffix != ".py":
        known = ", ".join(BUILT_IN)
        raise AgentNotFoundError(f"unknown agent {agent!r}; use {known}, or a Python file: FILE.py[:CONFIG]")
    if not path.is_file():
        raise AgentNotFoundError(f"agent file {path} does not exist")
    if config and not Path(config).exists():
        raise AgentNotFoundError(f"agent configuration {config} does not exist")
    return path, config


def load_agent_module(path: Path) -> ModuleType:
    """Import an agent's file; imports beside it work as in the Leaderboard.

    Raises:
        Exception: Whatever the file raises when imported.
    """
    stand_ins.install()
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise AgentNotFoundError(f"agent file {path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def agent_class(module: ModuleType) -> Any:
    """The class that the module's `get_entry_point()` names."""
    return getattr(module, module.get_entry_point())


def _built_in(name: str) -> Driver:
    from world.drivers.expert import ExpertDriver
    from world.drivers.simple import NoopDriver, RandomDriver

    drivers: dict[str, type[Driver]] = {"expert": ExpertDriver, "noop": NoopDriver, "random": RandomDriver}
    return drivers[name]()
