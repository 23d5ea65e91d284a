"""The home folder: where the embedded stores, the databases and the Dagster instance live.

`{home}/dagster` is an ordinary DAGSTER_HOME: `dagster dev` and `dg dev` use the same instance when
that variable names it.
"""

import os
from pathlib import Path
from urllib.parse import urlsplit

import dagster as dg

from resources.settings import Settings, read_settings

_INSTANCE_FILE = Path(__file__).parents[1] / "dagster.yaml"


def use_home(home: Path) -> Settings:
    """Make `home` the home of this process and of the processes that it starts.

    Creates the folder and the instance's configuration where they are missing.
    """
    os.environ["SCALEDIFF_HOME"] = str(home.expanduser().resolve())
    settings = read_settings()
    if settings.database_secret is not None:
        from resources.secrets import read_secret

        os.environ["SCALEDIFF_DATABASE_URL"] = read_secret(settings.database_secret, settings)
        settings = read_settings()
    if settings.database_url.startswith("postgresql"):
        # Dagster's storage reads the variable, so it needs the driver's name there, too.
        os.environ["SCALEDIFF_DATABASE_URL"] = settings.database_url
    settings.dagster_home.mkdir(parents=True, exist_ok=True)
    os.environ["DAGSTER_HOME"] = str(settings.dagster_home)
    configuration = instance_configuration(settings)
    target = settings.dagster_home / "dagster.yaml"
    if not target.exists() or target.read_text() != configuration:
        target.write_text(configuration)
    return settings


def use_generation(url: str, token: str) -> Settings:
    """Make a generation service the one of this process and of the processes that it starts."""
    os.environ["SCALEDIFF_GENERATION_URL"] = url
    os.environ["SCALEDIFF_GENERATION_TOKEN"] = token
    return read_settings()


def instance_configuration(settings: Settings) -> str:
    """The text of the instance's dagster.yaml: the repository's, with what the settings add."""
    text = _INSTANCE_FILE.read_text()
    if settings.database_url.startswith("postgresql"):
        # The URL stays in the environment: a password never lands in a file.
        text += "storage:\n  postgres:\n    postgres_url:\n      env: SCALEDIFF_DATABASE_URL\n"
    if settings.compute_logs_url is not None:
        text += _compute_logs(settings.compute_logs_url, settings)
    return text


def _compute_logs(url: str, settings: Settings) -> str:
    parts = urlsplit(url)
    lines = [
        "compute_logs:",
        "  module: dagster_aws.s3.compute_log_manager",
        "  class: S3ComputeLogManager",
        "  config:",
        f"    bucket: {parts.netloc}",
        f"    prefix: {parts.path.strip('/') or 'compute_logs'}",
        "    skip_empty_files: true",
    ]
    if settings.s3_endpoint_url is not None:
        lines.append(f"    endpoint_url: {settings.s3_endpoint_url}")
    return "\n".join(lines) + "\n"


def instance(settings: Settings) -> dg.DagsterInstance:
    """The Dagster instance of the home folder."""
    return dg.DagsterInstance.from_config(str(settings.dagster_home))
