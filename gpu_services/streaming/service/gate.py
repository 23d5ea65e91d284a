"""Who may come in: tokens, and how many sockets and streams one client may have. For one event loop."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.datastructures import Headers, QueryParams
from starlette.types import Scope

from gpu_services.streaming.service.refusals import RefusalError
from gpu_services.streaming.service.session import Visitor
from gpu_services.streaming.service.settings import StreamSettings
from scalediff_contract.tokens import TokenError, wallet_of
from scalediff_contract.web.rates import InFlight, TokenBuckets, address_of


class Gate:
    """Counts sockets and streams.

    Args:
        settings: The limits and the tokens' key.
        clock_s: Monotonic seconds, for rates.
        now_ms: Epoch ms, for tokens.
    """

    def __init__(
        self,
        settings: StreamSettings,
        *,
        clock_s: Callable[[], float] = time.monotonic,
        now_ms: Callable[[], float] = lambda: time.time() * 1000,
    ) -> None:
        self._settings, self._now_ms = settings, now_ms
        self._rates = TokenBuckets(settings.limits.connects_per_minute, clock_s)
        self._addresses = InFlight(settings.limits.address_sockets)
        self._wallets: Counter[str] = Counter()
        self.sockets = 0

    @contextmanager
    def socket(self, scope: Scope) -> Iterator[str]:
        """Count a socket while it is open; gives its address.

        Raises:
            RefusalError: There are too many.
        """
        limits = self._settings.limits
        address = address_of(scope, trust_proxy=self._settings.trust_proxy)
        if (wait_s := self._rates.take(address)) > 0:
            detail = f"this address passed its {limits.connects_per_minute} connections a minute"
            raise RefusalError("too-many-connects", detail, status=429, retry_after_s=wait_s)
        if self.sockets >= limits.sockets:
            detail = f"all {limits.sockets} sockets are open; try again in a minute"
            raise RefusalError("too-many-sockets", detail, status=503, retry_after_s=60)
        with self._addresses.enter(address) as has_place:
            if not has_place:
                detail = f"this address has {limits.address_sockets} sockets open already; close some"
                raise RefusalError("too-many-sockets", detail, status=429, retry_after_s=5)
            self.sockets += 1
            try:
                yield address
            finally:
                self.sockets -= 1

    def visitor(self, scope: Scope, address: str) -> Visitor:
        """Who is there.

        Raises:
            RefusalError: The token is missing, wrong or expired.
        """
        key = self._settings.token_key
        if key is None:
            return Visitor(address=address, wallet=None)
        try:
            return Visitor(address=address, wallet=wallet_of(key, token_of(scope), now_ms=self._now_ms()))
        except TokenError as error:
            raise RefusalError(error.fault, str(error), status=401) from error

    @contextmanager
    def stream(self, visitor: Visitor) -> Iterator[None]:
        """Count a wallet's stream while it lasts.

        Raises:
            RefusalError: The wallet streams already: a second tab, or somebody else with its token.
        """
        wallet, limit = visitor.wallet, self._settings.limits.wallet_sessions
        if wallet is None:
            yield
            return
        if self._wallets[wallet] >= limit:
            detail = f"wallet {wallet[:4]}…{wallet[-4:]} has {limit} stream open already; close it first"
            raise RefusalError("wallet-busy", detail, status=409, retry_after_s=5)
        self._wallets[wallet] += 1
        try:
            yield
        finally:
            self._wallets[wallet] -= 1
            if not self._wallets[wallet]:
                del self._wallets[wallet]


def token_of(scope: Scope) -> str | None:
    """The token: a header where the client can set one, else `token` or Decart's `api_key` in the query."""
    scheme, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip()
    query = QueryParams(scope["query_string"])
    return query.get("token") or query.get("api_key")
