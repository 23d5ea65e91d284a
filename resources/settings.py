"""Every environment variable of the platform, read once, in one place.

| variable | meaning | default |
|---|---|---|
| SCALEDIFF_HOME | folder of the embedded stores, databases and the Dagster instance | .scalediff |
| SCALEDIFF_PROFILE | local, or production: nothing may lie in the home folder | local |
| SCALEDIFF_RAW_URL | store of the players' uploads | {home}/store/raw |
| SCALEDIFF_LAKE_URL | store of the graph's tables and frame shards | {home}/store/lake |
| SCALEDIFF_CLEAN_URL | store of the published datasets | {home}/store/clean |
| SCALEDIFF_MODELS_URL | store of checkpoints, results documents and films | {home}/store/models |
| SCALEDIFF_TRACKING_URI | MLflow: a server's URL, or a database | sqlite:///{home}/mlflow/mlflow.db |
| SCALEDIFF_ARTIFACTS_URL | MLflow's artifacts, where no server decides | {home}/mlflow/artifacts |
| SCALEDIFF_DAGSTER_URL | the Dagster UI, for links from MLflow | http://127.0.0.1:3000 |
| SCALEDIFF_CACHE_DIR | local folder of decoded frames | {home}/cache |
| SCALEDIFF_JOBS | where GPU jobs run: subprocess, kubernetes or ray | subprocess |
| SCALEDIFF_JOBS_IMAGE | container image of GPU jobs | none |
| SCALEDIFF_JOBS_NAMESPACE | their Kubernetes namespace | default |
| SCALEDIFF_RAY_ADDRESS | Ray's dashboard | none |
| CARLA_ROOT, LEADERBOARD_ROOT, SCENARIO_RUNNER_ROOT | installations of real CARLA; all three or none | none |
| SCALEDIFF_DIFFUSION_URL | the real-time painting service, for its health check | none |
| SCALEDIFF_S3_ENDPOINT_URL | another S3 endpoint (moto, MinIO) | none |
| SCALEDIFF_S3_REGION | region of the buckets | none |
| SCALEDIFF_QUEUE_URL | SQS queue of the raw bucket's events; none: the store's own listing | none |
| SCALEDIFF_DATABASE_URL | catalog; with Postgres, Dagster's state too | sqlite:///{home}/catalog.db |
| SCALEDIFF_DATABASE_SECRET | id of the AWS secret that holds the database URL; wins over the URL | none |
| SCALEDIFF_COMPUTE_LOGS_URL | s3://bucket/prefix of the runs' compute logs | local files |
| SCALEDIFF_WORKERS | worker processes | number of cores |
| SCALEDIFF_TASK_TIMEOUT_S | limit for one session in a worker | 120 |
| SCALEDIFF_UPLOAD_SECRET | the upload API's key, 32 characters or more | the file {home}/upload_secret |
| SCALEDIFF_UPLOAD_PUBLIC_URL | base of the upload API's own URLs | that of each request |
| SCALEDIFF_UPLOAD_ORIGINS | web origins that may use the upload API, with commas between | any |
| SCALEDIFF_GENERATION_URL | the generation service's API | http://127.0.0.1:8090 |
| SCALEDIFF_GENERATION_TOKEN | the graph's token there, of the scope admin | none |
| SCALEDIFF_TRUST_PROXY | 1: the upload API stands behind one proxy and believes its X-Forwarded-For | 0 |
| SCALEDIFF_SOLANA_URL | JSON-RPC endpoint of the chain that pays players | the one embedded in the home |
| SCALEDIFF_SOLANA_MINT | SPL token of 9 decimals to pay in | none: SOL |
| SCALEDIFF_SOLANA_EXPLORER_URL | page of a transaction, with {signature} in it | explorer.solana.com |
| SCALEDIFF_PAYER_KEYPAIR_FILE | key pair file of the wallet that pays, mode 0600 | none: nothing is paid |
| SCALEDIFF_PAYER_KEYPAIR | the key pair itself; wins over the file | none |
| SCALEDIFF_PAYER_SECRET | id of the AWS secret that holds the key pair | none |

The generation service runs apart and reads its own (`gpu_services.generation.service.config`).
A variable that is set to nothing counts as not set. Secrets are never settings: AWS credentials
come from the standard AWS chain. The two exceptions are the upload API's own key, which no service
hands out, and the payer's key pair, where no file and no secret manager is at hand; they are never printed.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_DATABASES = ("sqlite:///", "postgresql://", "postgresql+psycopg2://")
_SECRET_CHARS = 32
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,5})?")


class SettingsError(ValueError):
    """An environment variable holds something that cannot be used."""

    def __init__(self, variable: str, value: str, mend: str) -> None:
        self.variable = variable
        super().__init__(f"{variable}={value!r}: {mend}")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The platform's settings; see the module's table."""

    home: Path
    profile: str
    raw_url: str
    lake_url: str
    clean_url: str
    models_url: str
    tracking_uri: str
    artifacts_url: str
    dagster_url: str
    cache_dir: Path
    jobs: str
    jobs_image: str | None
    jobs_namespace: str
    ray_address: str | None
    carla_roots: tuple[str, str, str] | None
    s3_endpoint_url: str | None
    s3_region: str | None
    queue_url: str | None
    database_url: str
    database_secret: str | None
    compute_logs_url: str | None
    workers: int
    task_timeout_s: float
    upload_secret: str | None = field(repr=False)
    upload_public_url: str | None
    upload_origins: tuple[str, ...]
    trust_proxy: bool
    generation_url: str
    generation_token: str | None = field(repr=False)
    diffusion_url: str | None = None
    solana_url: str | None = field(default=None, repr=False)
    solana_mint: str | None = None
    solana_explorer_url: str | None = None
    payer_keypair_file: Path | None = None
    payer_keypair: str | None = field(default=None, repr=False)
    payer_secret: str | None = None

    @property
    def dagster_home(self) -> Path:
        """Folder of the Dagster instance."""
        return self.home / "dagster"


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of this process.

    Raises:
        SettingsError: Naming the variable, its value and what it must be.
    """
    given = os.environ if environment is None else environment
    env = {name: text for name, text in given.items() if name.startswith("SCALEDIFF_") and text.strip()}
    home = Path(env.get("SCALEDIFF_HOME", ".scalediff")).expanduser().resolve()
    profile = env.get("SCALEDIFF_PROFILE", "local")
    if profile not in ("local", "production"):
        raise SettingsError("SCALEDIFF_PROFILE", profile, "use local or production")
    settings = Settings(
        home=home,
        profile=profile,
        raw_url=env.get("SCALEDIFF_RAW_URL", str(home / "store" / "raw")),
        lake_url=env.get("SCALEDIFF_LAKE_URL", str(home / "store" / "lake")),
        clean_url=env.get("SCALEDIFF_CLEAN_URL", str(home / "store" / "clean")),
        models_url=env.get("SCALEDIFF_MODELS_URL", str(home / "store" / "models")),
        tracking_uri=env.get("SCALEDIFF_TRACKING_URI", f"sqlite:///{home / 'mlflow' / 'mlflow.db'}"),
        artifacts_url=env.get("SCALEDIFF_ARTIFACTS_URL", str(home / "mlflow" / "artifacts")),
        dagster_url=env.get("SCALEDIFF_DAGSTER_URL", "http://127.0.0.1:3000"),
        cache_dir=Path(env.get("SCALEDIFF_CACHE_DIR", str(home / "cache"))),
        jobs=_jobs(env),
        jobs_image=env.get("SCALEDIFF_JOBS_IMAGE"),
        jobs_namespace=env.get("SCALEDIFF_JOBS_NAMESPACE", "default"),
        ray_address=env.get("SCALEDIFF_RAY_ADDRESS"),
        carla_roots=_carla_roots(given),
        s3_endpoint_url=env.get("SCALEDIFF_S3_ENDPOINT_URL"),
        s3_region=env.get("SCALEDIFF_S3_REGION"),
        queue_url=env.get("SCALEDIFF_QUEUE_URL"),
        database_url=_database_url(env, home),
        database_secret=env.get("SCALEDIFF_DATABASE_SECRET"),
        compute_logs_url=_s3_url(env, "SCALEDIFF_COMPUTE_LOGS_URL"),
        workers=_workers(env),
        task_timeout_s=_task_timeout_s(env),
        upload_secret=_upload_secret(env),
        upload_public_url=_upload_public_url(env),
        upload_origins=_upload_origins(env),
        trust_proxy=_trust_proxy(env),
        generation_url=_generation_url(env),
        generation_token=env.get("SCALEDIFF_GENERATION_TOKEN"),
        diffusion_url=_diffusion_url(env),
        solana_url=_solana_url(env),
        solana_mint=env.get("SCALEDIFF_SOLANA_MINT"),
        solana_explorer_url=_explorer_url(env),
        payer_keypair_file=_payer_keypair_file(env),
        payer_keypair=env.get("SCALEDIFF_PAYER_KEYPAIR"),
        payer_secret=env.get("SCALEDIFF_PAYER_SECRET"),
    )
    if profile == "production":
        _check_production(settings)
    return settings


def _check_production(settings: Settings) -> None:
    """Refuse what would silently fall back to the home folder of one machine."""
    stores = {
        "SCALEDIFF_RAW_URL": settings.raw_url,
        "SCALEDIFF_LAKE_URL": settings.lake_url,
        "SCALEDIFF_CLEAN_URL": settings.clean_url,
        "SCALEDIFF_MODELS_URL": settings.models_url,
    }
    for variable, url in stores.items():
        if not url.startswith("s3://"):
            raise SettingsError(variable, url, "the production profile needs s3://bucket/prefix")
    if settings.tracking_uri.startswith("sqlite"):
        mend = "the production profile needs MLflow's server (https://...) or postgresql://..."
        raise SettingsError("SCALEDIFF_TRACKING_URI", "sqlite:///...", mend)
    if settings.queue_url is None:
        mend = "the production profile needs the SQS queue of the raw bucket's events"
        raise SettingsError("SCALEDIFF_QUEUE_URL", "", mend)
    if settings.database_secret is None and settings.database_url.startswith("sqlite"):
        mend = "the production profile needs postgresql://..., here or in SCALEDIFF_DATABASE_SECRET"
        raise SettingsError("SCALEDIFF_DATABASE_URL", "sqlite:///...", mend)


def _database_url(env: Mapping[str, str], home: Path) -> str:
    url = env.get("SCALEDIFF_DATABASE_URL", f"sqlite:///{home / 'catalog.db'}")
    if not any(url.startswith(start) and url != start for start in _DATABASES):
        # The value may hold a password: only its scheme is repeated.
        scheme = url.partition("://")[0] + "://..." if "://" in url else "..."
        mend = "use sqlite:///{path} or postgresql://{user}@{host}/{database}"
        raise SettingsError("SCALEDIFF_DATABASE_URL", scheme, mend)
    # SQLAlchemy 2.1 and dagster-postgres need the driver's name.
    return url.replace("postgresql://", "postgresql+psycopg2://", 1)


def _jobs(env: Mapping[str, str]) -> str:
    kind = env.get("SCALEDIFF_JOBS", "subprocess")
    needs = {"subprocess": None, "kubernetes": "SCALEDIFF_JOBS_IMAGE", "ray": "SCALEDIFF_RAY_ADDRESS"}
    if kind not in needs:
        raise SettingsError("SCALEDIFF_JOBS", kind, f"use {', '.join(needs)}")
    needed = needs[kind]
    if needed is not None and needed not in env:
        raise SettingsError("SCALEDIFF_JOBS", kind, f"set {needed}, too")
    return kind


def _carla_roots(given: Mapping[str, str]) -> tuple[str, str, str] | None:
    """The three installations, or None where none is set; some of them are no use."""
    names = ("CARLA_ROOT", "LEADERBOARD_ROOT", "SCENARIO_RUNNER_ROOT")
    roots = tuple(given.get(name, "").strip() for name in names)
    if not any(roots):
        return None
    if not all(roots):
        missing = names[roots.index("")]
        raise SettingsError(missing, "", f"real CARLA needs {', '.join(names)}; unset all for minitown")
    return roots[0], roots[1], roots[2]


def _s3_url(env: Mapping[str, str], variable: str) -> str | None:
    url = env.get(variable)
    if url is not None and not url.startswith("s3://"):
        raise SettingsError(variable, url, "use s3://bucket/prefix")
    return url


def _workers(env: Mapping[str, str]) -> int:
    text = env.get("SCALEDIFF_WORKERS")
    if text is None:
        return os.cpu_count() or 1
    if not (text.isascii() and text.isdigit() and int(text) >= 1):
        raise SettingsError("SCALEDIFF_WORKERS", text, "use a whole number of at least 1")
    return int(text)


def _task_timeout_s(env: Mapping[str, str]) -> float:
    text = env.get("SCALEDIFF_TASK_TIMEOUT_S", "120")
    try:
        value_s = float(text)
    except ValueError:
        value_s = 0.0
    if not 1 <= value_s < float("inf"):
        raise SettingsError("SCALEDIFF_TASK_TIMEOUT_S", text, "use a number of seconds, at least 1")
    return value_s


def _upload_secret(env: Mapping[str, str]) -> str | None:
    secret = env.get("SCALEDIFF_UPLOAD_SECRET")
    if secret is not None and len(secret) < _SECRET_CHARS:
        mend = f"{len(secret)} characters; use at least {_SECRET_CHARS} random ones"
        raise SettingsError("SCALEDIFF_UPLOAD_SECRET", "...", mend)
    return secret


def _upload_public_url(env: Mapping[str, str]) -> str | None:
    url = env.get("SCALEDIFF_UPLOAD_PUBLIC_URL")
    if url is None:
        return None
    if not _ORIGIN.match(url):
        raise SettingsError("SCALEDIFF_UPLOAD_PUBLIC_URL", url, "use https://{host}[:port][/path]")
    return url.rstrip("/")


def _upload_origins(env: Mapping[str, str]) -> tuple[str, ...]:
    text = env.get("SCALEDIFF_UPLOAD_ORIGINS", "*")
    origins = tuple(part.strip().rstrip("/") for part in text.split(",") if part.strip())
    if not origins or not all(origin == "*" or _ORIGIN.fullmatch(origin) for origin in origins):
        raise SettingsError("SCALEDIFF_UPLOAD_ORIGINS", text, "use https://{host}[:port],... or *")
    return origins


def _trust_proxy(env: Mapping[str, str]) -> bool:
    text = env.get("SCALEDIFF_TRUST_PROXY", "0")
    if text not in ("0", "1"):
        raise SettingsError("SCALEDIFF_TRUST_PROXY", text, "use 1 behind exactly one proxy, else 0")
    return text == "1"


def _diffusion_url(env: Mapping[str, str]) -> str | None:
    url = env.get("SCALEDIFF_DIFFUSION_URL")
    if url is None:
        return None
    if not _ORIGIN.match(url):
        raise SettingsError("SCALEDIFF_DIFFUSION_URL", url, "use http(s)://{host}[:port][/path]")
    return url.rstrip("/")


def _solana_url(env: Mapping[str, str]) -> str | None:
    url = env.get("SCALEDIFF_SOLANA_URL")
    if url is not None and not _ORIGIN.match(url):
        # Path and query of an endpoint hold providers' keys: the value is not repeated.
        raise SettingsError("SCALEDIFF_SOLANA_URL", "...", "use https://{host}[:port][/path]")
    return url


def _explorer_url(env: Mapping[str, str]) -> str | None:
    url = env.get("SCALEDIFF_SOLANA_EXPLORER_URL")
    if url is not None and not (_ORIGIN.match(url) and "{signature}" in url):
        mend = "use https://{host}/... with {signature} in it"
        raise SettingsError("SCALEDIFF_SOLANA_EXPLORER_URL", url, mend)
    return url


def _payer_keypair_file(env: Mapping[str, str]) -> Path | None:
    text = env.get("SCALEDIFF_PAYER_KEYPAIR_FILE")
    return None if text is None else Path(text).expanduser().resolve()


def _generation_url(env: Mapping[str, str]) -> str:
    url = env.get("SCALEDIFF_GENERATION_URL", "http://127.0.0.1:8090")
    if not _ORIGIN.match(url):
        raise SettingsError("SCALEDIFF_GENERATION_URL", url, "use http(s)://{host}[:port][/path]")
    return url.rstrip("/")
