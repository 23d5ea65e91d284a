"""Which addresses a callback may go to: named hosts over https, and no private address behind the name.

Two looks: at the order, by the text alone (a dead name server must not hold up an order), and at the
delivery, by the addresses that the name has then. The connection goes to an address that was looked at,
so a name that changes in between gains nothing.
"""

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from urllib.parse import SplitResult, urlsplit

Resolve = Callable[[str, int], list[str]]
_PORTS = {443, 8443}


class ForbiddenAddressError(ValueError):
    """A callback may not go there.

    Attributes:
        url: As it was given, cut to 200 characters.
    """

    def __init__(self, url: str, problem: str) -> None:
        self.url = url[:200]
        super().__init__(f"callback_url {self.url!r}: {problem}")


@dataclass(frozen=True, kw_only=True)
class CallbackRules:
    """Where callbacks may go.

    Attributes:
        hosts: Host names, or `*.example.org` for all below one.
        networks: Networks that are not public and allowed all the same; http is allowed there, too.
    """

    hosts: tuple[str, ...]
    networks: tuple[str, ...] = ()

    def check(self, url: str) -> SplitResult:
        """Look at a URL's text.

        Raises:
            ForbiddenAddressError: With what is wrong and what is allowed.
        """
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").rstrip("."), parts.port
        except ValueError as error:
            raise ForbiddenAddressError(url, f"it is no URL ({error})") from error
        plain = bool(self.networks) and parts.scheme == "http"
        if parts.scheme != "https" and not plain:
            raise ForbiddenAddressError(url, f"its scheme is {parts.scheme!r}; use https")
        if parts.username is not None or parts.password is not None:
            raise ForbiddenAddressError(url, "it holds credentials; callbacks are signed instead")
        if not any(fnmatchcase(host, pattern) for pattern in self.hosts):
            allowed = ", ".join(self.hosts) or "none are"
            raise ForbiddenAddressError(url, f"host {host!r} is not allowed ({allowed})")
        if port is not None and port not in _PORTS and not self.networks:
            raise ForbiddenAddressError(url, f"port {port} is not allowed (443, 8443)")
        if _is_address(host):
            self.check_address(url, host)
        return parts

    def check_address(self, url: str, address: str) -> None:
        """Look at an address that the host's name has.

        Raises:
            ForbiddenAddressError: It is not public.
        """
        found = ipaddress.ip_address(address.partition("%")[0])
        mapped = getattr(found, "ipv4_mapped", None) or getattr(found, "sixtofour", None)
        for each in filter(None, (found, mapped)):
            allowed = any(each in ipaddress.ip_network(text) for text in self.networks)
            if not allowed and (not each.is_global or each.is_multicast):
                raise ForbiddenAddressError(url, f"{address} is not a public address")

    def resolve(self, url: str, resolve: Resolve) -> tuple[SplitResult, str, int]:
        """Look at a URL and at every address that its name has now.

        Returns:
            The URL's parts, the address to connect to, and the port.

        Raises:
            ForbiddenAddressError: One of the addresses is not public.
            OSError: The name has none.
        """
        parts = self.check(url)
        host = str(parts.hostname)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        addresses = resolve(host, port)
        for address in addresses:
            self.check_address(url, address)
        return parts, addresses[0], port


def resolve_name(host: str, port: int) -> list[str]:
    """The addresses of a host, by the system's resolver.

    Raises:
        OSError: It has none.
    """
    found: Sequence[tuple[object, ...]] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))  # type: ignore[index]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
