"""Which connection stands behind each resource: one function of the settings.

The embedded default needs nothing installed; production means S3, SQS and Postgres by their
settings, and the assets are the same. Making the resources opens no connection.
"""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from resources.connections import Connections
from resources.diffusion import DiffusionService
from resources.driving import DrivingPlaces
from resources.generation import GenerationService
from resources.jobs import JobLauncher
from resources.settings import Settings, SettingsError
from resources.solana.resource import Solana
from resources.tables import ParquetTables
from resources.tracking import Tracking


def resources_for(settings: Settings, *, worker_modules: Sequence[str] = ()) -> dict[str, Any]:
    """The resources of the code location, by the names that assets ask for.

    Args:
        settings: Places and sizes.
        worker_modules: Modules that the workers' fork server imports once.

    Raises:
        SettingsError: The database's URL is in a secret that nobody has read in this process or above.
    """
    if settings.database_secret is not None and settings.database_url.startswith("sqlite"):
        mend = "the URL is in a secret, which `scalediff` commands read; start through one, or set the URL"
        raise SettingsError("SCALEDIFF_DATABASE_URL", "sqlite:///...", mend)
    return {
        "connections": Connections(
            raw_url=settings.raw_url,
            lake_url=settings.lake_url,
            clean_url=settings.clean_url,
            models_url=settings.models_url,
            s3_endpoint_url=settings.s3_endpoint_url,
            s3_region=settings.s3_region,
            queue_url=settings.queue_url,
            database_url=settings.database_url,
            workers=settings.workers,
            task_timeout_s=settings.task_timeout_s,
            worker_modules=list(worker_modules),
        ),
        "jobs": JobLauncher(
            kind=settings.jobs,
            image=settings.jobs_image,
            namespace=settings.jobs_namespace,
            ray_address=settings.ray_address,
        ),
        "driving": DrivingPlaces(
            cache_dir=str(settings.cache_dir),
            carla_roots=list(settings.carla_roots or ()),
            workers=settings.workers,
        ),
        "generation": GenerationService(url=settings.generation_url, token=settings.generation_token),
        "tracking": Tracking(
            uri=settings.tracking_uri,
            artifacts_url=settings.artifacts_url,
            dagster_url=settings.dagster_url,
        ),
        "diffusion": DiffusionService(url=settings.diffusion_url),
        "solana": Solana.from_settings(settings),
        "io_manager": ParquetTables(
            lake_url=settings.lake_url,
            endpoint_url=settings.s3_endpoint_url,
            region=settings.s3_region,
        ),
    }


def executor() -> dg.ExecutorDefinition:
    """Runs execute in one process: a multiprocess step costs 23 to 41 times an in-process one."""
    return dg.in_process_executor
