"""What the service is made of: places, keys, limits, clocks. Frozen; nothing else is read later.

| variable | meaning | default |
|---|---|---|
| SCALEDIFF_HOME | folder of the embedded forms | .scalediff |
| SCALEDIFF_GENERATION_DATABASE_URL | the jobs' table | sqlite:///{home}/generation/jobs.db |
| SCALEDIFF_GENERATION_QUEUE_URL | the queue, or redis:// | sqlite:///{home}/generation/queue.db |
| SCALEDIFF_LAKE_URL | store of the clips, under synthetic/ | {home}/store/lake |
| SCALEDIFF_MODELS_URL | where models may be loaded from | {home}/store/models |
| SCALEDIFF_GENERATION_SECRET | the key, 32 characters or more | the file {home}/generation/secret |
| SCALEDIFF_GENERATION_CALLBACK_HOSTS | hosts of callbacks, `*.example.org` too, with commas | none |
| SCALEDIFF_GENERATION_CALLBACK_NETWORKS | private networks of theirs that are allowed, CIDR | none |
| SCALEDIFF_GENERATION_IMAGE_BUCKETS | buckets that conditioning images may lie in | none |
| SCALEDIFF_S3_ENDPOINT_URL | another S3 endpoint (moto, MinIO) | none |
| SCALEDIFF_TRUST_PROXY | 1: one proxy stands in front and its X-Forwarded-For is believed | 0 |
| SCALEDIFF_PROFILE | production: nothing may lie in the home folder | local |

They are read here and not in `resources.settings`, because the service runs apart from the platform.
"""

import ipaddress
import os
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gpu_services.errors import JobError

_SECRET_CHARS = 32


class ServiceConfigError(JobError):
    """A variable of the service holds something that cannot be used."""


@dataclass(frozen=True, kw_only=True)
class ApiLimits:
    """How much one client may ask.

    Attributes:
        address_per_minute: Requests of one address.
        actor_per_minute: Requests of one token's holder.
        body_bytes: Largest body; a plan of a thousand orders has about 400 kB.
        body_s: Time for it to arrive.
        image_bytes: Largest conditioning image.
        image_px: Longest side of one.
        media_s: Life of a media URL.
        waiting: Most jobs that may wait; more are told to come back.
    """

    address_per_minute: int = 30_000
    actor_per_minute: int = 30_000
    body_bytes: int = 900_000
    body_s: float = 20.0
    image_bytes: int = 10_000_000
    image_px: int = 4_096
    media_s: int = 600
    waiting: int = 200_000


@dataclass(frozen=True, kw_only=True)
class WorkerLimits:
    """How a worker works.

    Attributes:
        batch: Most jobs computed together.
        lease_s: How long a silent worker keeps its jobs.
        beat_s: How often it shows itself, renews, and looks for orders to it.
        poll_s: How long it waits where there is nothing to do.
        attempts: After so many a job has failed.
        back_off_s: Before the second attempt; doubles with each.
        patience_s: How long one clip waits for the store to answer before its job is given back.
        reconcile_s: How often the queue is compared with the table.
        live_s: A worker that was not seen for so long counts as gone.
    """

    batch: int = 8
    lease_s: float = 60.0
    beat_s: float = 1.0
    poll_s: float = 0.2
    attempts: int = 3
    back_off_s: float = 5.0
    patience_s: float = 60.0
    reconcile_s: float = 30.0
    live_s: float = 15.0


def _wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, kw_only=True)
class ServiceConfig:
    """The service's configuration; see the module's table."""

    database_url: str
    queue_url: str
    store_url: str
    models_url: str
    secret: bytes = field(repr=False)
    callback_hosts: tuple[str, ...] = ()
    callback_networks: tuple[str, ...] = ()
    image_buckets: tuple[str, ...] = ()
    s3_endpoint_url: str | None = None
    trust_proxy: bool = False
    api: ApiLimits = field(default_factory=ApiLimits)
    worker: WorkerLimits = field(default_factory=WorkerLimits)
    now_ms: Callable[[], int] = _wall_clock_ms
    monotonic_s: Callable[[], float] = time.monotonic


def read_config(environment: Mapping[str, str] | None = None) -> ServiceConfig:
    """The configuration of this process.

    Raises:
        ServiceConfigError: Naming the variable and what it must be.
    """
    given = os.environ if environment is None else environment
    env = {name: text.strip() for name, text in given.items() if text.strip()}
    home = Path(env.get("SCALEDIFF_HOME", ".scalediff")).expanduser().resolve()
    local = home / "generation"
    config = ServiceConfig(
        database_url=env.get("SCALEDIFF_GENERATION_DATABASE_URL", f"sqlite:///{local / 'jobs.db'}"),
        queue_url=env.get("SCALEDIFF_GENERATION_QUEUE_URL", f"sqlite:///{local / 'queue.db'}"),
        store_url=env.get("SCALEDIFF_LAKE_URL", str(home / "store" / "lake")),
        models_url=env.get("SCALEDIFF_MODELS_URL", str(home / "store" / "models")),
        secret=_secret(env, local / "secret"),
        callback_hosts=_listed(env, "SCALEDIFF_GENERATION_CALLBACK_HOSTS"),
        callback_networks=_networks(env),
        image_buckets=_listed(env, "SCALEDIFF_GENERATION_IMAGE_BUCKETS"),
        s3_endpoint_url=env.get("SCALEDIFF_S3_ENDPOINT_URL"),
        trust_proxy=env.get("SCALEDIFF_TRUST_PROXY", "0") == "1",
    )
    if env.get("SCALEDIFF_PROFILE") == "production":
        _check_production(config)
    return config


def _check_production(config: ServiceConfig) -> None:
    wanted = {
        "SCALEDIFF_GENERATION_DATABASE_URL": (config.database_url, "postgresql"),
        "SCALEDIFF_GENERATION_QUEUE_URL": (config.queue_url, "redis"),
        "SCALEDIFF_LAKE_URL": (config.store_url, "s3"),
        "SCALEDIFF_MODELS_URL": (config.models_url, "s3"),
    }
    for variable, (url, scheme) in wanted.items():
        if not url.startswith(scheme):
            kind = url.partition("://")[0] if "://" in url else "a folder"
            raise ServiceConfigError(variable, f"is {kind}", f"the production profile needs {scheme}://...")


def _secret(env: Mapping[str, str], path: Path) -> bytes:
    variable = "SCALEDIFF_GENERATION_SECRET"
    given = env.get(variable)
    if given is not None:
        if len(given) < _SECRET_CHARS:
            raise ServiceConfigError(variable, f"{len(given)} characters", f"use at least {_SECRET_CHARS}")
        return given.encode()
    if env.get("SCALEDIFF_PROFILE") == "production":
        raise ServiceConfigError(variable, "is not set", "set the same for all processes")
    return _local_secret(path)


def _local_secret(path: Path) -> bytes:
    """The secret in a file, made at the first call; of many first callers one wins."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    if not path.exists():
        temporary.touch(mode=0o600)
        temporary.write_text(secrets.token_hex(_SECRET_CHARS))
        try:
            os.link(temporary, path)
        except FileExistsError:
            pass  # another was first
        finally:
            temporary.unlink()
    return path.read_bytes()


def _listed(env: Mapping[str, str], variable: str) -> tuple[str, ...]:
    return tuple(part.strip().lower() for part in env.get(variable, "").split(",") if part.strip())


def _networks(env: Mapping[str, str]) -> tuple[str, ...]:
    variable = "SCALEDIFF_GENERATION_CALLBACK_NETWORKS"
    found = _listed(env, variable)
    for text in found:
        try:
            ipaddress.ip_network(text)
        except ValueError as error:
            raise ServiceConfigError(variable, f"{text!r} ({error})", "use 10.1.0.0/16,...") from error
    return found
