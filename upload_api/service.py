"""What every endpoint works with, made once per app, and who is asking."""

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from resources.database import migrate
from resources.ledger import Ledger
from resources.object_store import ObjectStore, S3Signer, S3Store, UploadSigner, open_store
from scalediff_contract.sessions import ObjectKey
from scalediff_contract.tokens import token_key
from scalediff_contract.web.problems import too_many
from scalediff_contract.web.rates import InFlight, TokenBuckets, address_of
from upload_api.config import UploadConfig
from upload_api.object_urls import ObjectUrls
from upload_api.records import FileRecord, Records
from upload_api.secret import key_for
from upload_api.token import wallet_of


@dataclass(frozen=True, kw_only=True)
class Service:
    """The connections and keys of one app.

    Attributes:
        config: As given.
        records: The database.
        ledger: What players earned.
        store: The raw store.
        signer: Signs its upload URLs.
        object_urls: Checks the embedded store's URLs; None with S3, which checks its own.
        wallet_rates: Requests of signed-in wallets.
        uploads: Files that are arriving, by address.
    """

    config: UploadConfig
    records: Records
    ledger: Ledger
    store: ObjectStore
    signer: UploadSigner
    object_urls: ObjectUrls | None
    wallet_rates: TokenBuckets
    uploads: InFlight

    def now_ms(self) -> int:
        """The wall clock."""
        return int(self.config.now_ms())

    def key_for(self, purpose: str) -> bytes:
        """The key of one purpose."""
        return key_for(self.config.secret, purpose)

    def is_stored(self, key: ObjectKey, record: FileRecord) -> bool:
        """Whether a declared file has arrived.

        Args:
            key: Its logical key, which is its name in S3.
            record: Its row, which knows its hour folder in the embedded store.
        """
        store_key = str(key) if self.object_urls is None else record.store_key
        found = None if store_key is None else self.store.head(store_key)
        return found is not None and found.size_bytes == record.size_bytes


def make_service(config: UploadConfig) -> Service:
    """Open the database, migrated, and the store."""
    migrate(config.database_url)
    store = open_store(config.raw_url, endpoint_url=config.s3_endpoint_url, region=config.s3_region)
    urls = None if isinstance(store, S3Store) else ObjectUrls(key_for(config.secret, "urls"), config.now_ms)
    signer: UploadSigner = S3Signer(store) if isinstance(store, S3Store) else cast(ObjectUrls, urls)
    return Service(
        config=config,
        records=Records(config.database_url),
        ledger=Ledger(config.database_url),
        store=store,
        signer=signer,
        object_urls=urls,
        wallet_rates=TokenBuckets(config.limits.wallet_requests_per_minute, config.monotonic_s),
        uploads=InFlight(config.limits.address_uploads_at_once),
    )


async def _service(request: Request) -> Service:
    return cast(Service, request.app.state.service)


ServiceDep = Annotated[Service, Depends(_service)]
_bearer = HTTPBearer(auto_error=False, description="The token of POST /v1/sign-in")


async def _signed_in(
    service: ServiceDep, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> str:
    token = None if credentials is None else credentials.credentials
    wallet = wallet_of(token_key(service.config.secret), token, now_ms=service.config.now_ms())
    if (wait_s := service.wallet_rates.take(wallet)) > 0:
        limit = service.config.limits.wallet_requests_per_minute
        raise too_many(f"this wallet passed its {limit} requests a minute", wait_s)
    return wallet


async def _address(request: Request, service: ServiceDep) -> str:
    return address_of(request.scope, trust_proxy=service.config.trust_proxy)


SignedInWallet = Annotated[str, Depends(_signed_in)]
ClientAddress = Annotated[str, Depends(_address)]
