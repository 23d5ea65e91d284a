"""The home folder: where the embedded stores, the databases and the Dagster instance live.

`{home}/dagster` is an ordinary DAGSTER_HOME: `dagster dev` and `dg dev` use the same instance when
that variable names it.
"""

import os
from pathlib import Path

import dagster as dg

from resources.settings import Settings, read_settings

_INSTANCE_FILE = Path(__file__).parents[1] / "dagster.yaml"


def use_home(home: Path) -> Settings:
    """Make `home` the home of this process and of the processes that it starts.

    Creates the folder and the instance's configuration where they are missing.
    """
    os.environ["SCALEDIFF_HOME"] = str(home.expanduser().resolve())
    settings = read_settings()
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)
    configuration = instance_configuration(settings)
    target = settings.dagster_home / "dagster.yaml"
    if not target.exists() or target.read_text() != configuration:
        target.write_text(configuration)
    return settings


def instance_configuration(settings: Settings) -> str:
    """The text of the instance's dagster.yaml: the repository's, with storage where it is Postgres."""
    text = _INSTANCE_FILE.read_text()
    if not settings.database_url.startswith("postgresql"):
        return text
    # The URL stays in the environment: a password never lands in a file.
    return text + "storage:\n  postgres:\n    postgres_url:\n      env: SCALEDIFF_DATABASE_URL\n"


def instance(settings: Settings) -> dg.DagsterInstance:
    """The Dagster instance of the home folder."""
    return dg.DagsterInstance.from_config(str(settings.dagster_home))
