"""boto3 clients: one per process and place, with limits on time and retries.

A client is made at its first use, never when definitions load, and again in each process: its
connections must not be shared across a fork. Credentials come from the standard AWS chain.
"""

import functools
import os
import threading
from dataclasses import dataclass
from typing import Any

_MAKING = threading.Lock()
_MAX_CONNECTIONS = 32


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where a service is and how long to wait for it.

    Attributes:
        url: Another endpoint than Amazon's.
        region: The region.
        connect_timeout_s: Limit for one connection.
        read_timeout_s: Limit for a silence in one answer.
        max_attempts: Calls per request, the first included (botocore's standard retry mode).
    """

    url: str | None = None
    region: str | None = None
    connect_timeout_s: float = 5.0
    read_timeout_s: float = 30.0
    max_attempts: int = 5


def aws_client(service: str, endpoint: Endpoint) -> Any:
    """This process's client of `service` (boto3 ships no types)."""
    with _MAKING:
        return _client(service, endpoint, os.getpid())


@functools.lru_cache(maxsize=32)
def _client(service: str, endpoint: Endpoint, _pid: int) -> Any:
    import boto3
    from botocore.config import Config

    config = Config(
        connect_timeout=endpoint.connect_timeout_s,
        read_timeout=endpoint.read_timeout_s,
        retries={"mode": "standard", "total_max_attempts": endpoint.max_attempts},
        max_pool_connections=_MAX_CONNECTIONS,
    )
    return boto3.session.Session().client(
        service, endpoint_url=endpoint.url, region_name=endpoint.region, config=config
    )
