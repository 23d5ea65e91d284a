"""What the app is made of: places, key, limits, clocks. Frozen, and nothing else is read later."""

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from resources.settings import Settings, SettingsError
from resources.solana.links import transaction_link
from scalediff_contract.limits import BundleLimits
from upload_api.secret import local_secret


def _wall_clock_ms() -> float:
    return time.time_ns() / 1_000_000


def _no_link(_signature: str) -> None:
    return None


@dataclass(frozen=True, kw_only=True)
class UploadLimits:
    """How much one client may do, and for how long things live.

    Attributes:
        requests_per_minute: Of one address, to everything but `/healthz`.
        wallet_requests_per_minute: Of one signed-in wallet.
        wallet_sessions_per_hour: Sessions issued to one wallet.
        address_sessions_per_hour: Sessions issued to one address.
        address_uploads_at_once: Files that one address sends to the embedded store at one time; bounds
            the disk that unfinished uploads take.
        body_bytes: Largest JSON body.
        body_s: Time for a JSON body to arrive; a file has a URL's life.
        challenge_s: Life of a challenge.
        token_s: Life of a bearer token.
        session_s: Time from a session's issue in which its files may come.
        url_s: Life of an upload URL.
    """

    requests_per_minute: int = 600
    wallet_requests_per_minute: int = 600
    wallet_sessions_per_hour: int = 60
    address_sessions_per_hour: int = 240
    address_uploads_at_once: int = 16
    body_bytes: int = 64_000
    body_s: float = 20.0
    challenge_s: int = 300
    token_s: int = 1_800
    session_s: int = 24 * 3_600
    url_s: int = 600


@dataclass(frozen=True, kw_only=True)
class UploadConfig:
    """The app's configuration.

    Attributes:
        raw_url: Store of the uploads; anything but S3 is the embedded store.
        database_url: The catalog's database.
        secret: At least 32 bytes; whoever has it can sign in as anybody.
        s3_endpoint_url: Another S3 endpoint.
        s3_region: Region of the bucket.
        public_url: Base of the embedded store's URLs; None: that of each request.
        origins: Web origins that may call; `*` for any.
        trust_proxy: Believe the X-Forwarded-For of the one proxy in front.
        game_dir: Static files to serve at `/`.
        limits: Of clients.
        bundle_limits: Of bundles.
        transaction_link: The page of a transaction by its signature; None where there is none.
        now_ms: The wall clock, epoch ms.
        monotonic_s: The clock of the rates.
    """

    raw_url: str
    database_url: str
    secret: bytes = field(repr=False)
    s3_endpoint_url: str | None = None
    s3_region: str | None = None
    public_url: str | None = None
    origins: tuple[str, ...] = ("*",)
    trust_proxy: bool = False
    game_dir: Path | None = None
    limits: UploadLimits = field(default_factory=UploadLimits)
    bundle_limits: BundleLimits = field(default_factory=BundleLimits)
    transaction_link: Callable[[str], str | None] = _no_link
    now_ms: Callable[[], float] = _wall_clock_ms
    monotonic_s: Callable[[], float] = time.monotonic

    @property
    def domain(self) -> str:
        """The host that the message to be signed names."""
        return urlsplit(self.public_url).netloc if self.public_url else "localhost"


def config_from(
    settings: Settings, *, game_dir: Path | None = None, limits: UploadLimits | None = None
) -> UploadConfig:
    """The app's configuration by the platform's settings.

    Raises:
        SettingsError: In production without a secret.
    """
    return UploadConfig(
        raw_url=settings.raw_url,
        database_url=_database_url(settings),
        secret=_secret(settings),
        s3_endpoint_url=settings.s3_endpoint_url,
        s3_region=settings.s3_region,
        public_url=settings.upload_public_url,
        origins=settings.upload_origins,
        trust_proxy=settings.trust_proxy,
        game_dir=game_dir,
        limits=limits or UploadLimits(),
        transaction_link=functools.partial(
            transaction_link,
            home=settings.home,
            rpc_url=settings.solana_url,
            explorer_url=settings.solana_explorer_url,
        ),
    )


def _secret(settings: Settings) -> bytes:
    if settings.upload_secret is not None:
        return settings.upload_secret.encode()
    if settings.profile == "production":
        mend = "the production profile needs it: 32 or more random characters for all processes"
        raise SettingsError("SCALEDIFF_UPLOAD_SECRET", "", mend)
    return local_secret(settings.home / "upload_secret")


def _database_url(settings: Settings) -> str:
    if settings.database_secret is None:
        return settings.database_url
    from resources.secrets import read_secret

    return read_secret(settings.database_secret, settings)
