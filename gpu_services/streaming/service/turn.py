"""Which STUN and TURN servers a client may use; TURN users are made up on the spot and expire.

The rule is coturn's `use-auth-secret` (draft-uberti-behave-turn-rest): the user name is an expiry time and
the password its HMAC-SHA1 under a secret that the service and the TURN server share.
"""

import base64
import hashlib
import hmac

from gpu_services.streaming.service.settings import Transport
from scalediff_contract.streaming import IceServer, IceServers


def ice_servers(transport: Transport, *, visitor: str, now_ms: float) -> IceServers:
    """The servers, with a TURN user for one visitor.

    Args:
        transport: The addresses and the shared secret.
        visitor: Whom the user stands for, in the TURN server's log.
        now_ms: Epoch ms.
    """
    servers = [IceServer(urls=url) for url in transport.stun_urls]
    if transport.turn_secret is None or not transport.turn_urls:
        return IceServers(ice_servers=tuple(servers))
    expires_s = int(now_ms // 1000) + transport.turn_s
    username = f"{expires_s}:{visitor}"
    digest = hmac.digest(transport.turn_secret.encode(), username.encode(), hashlib.sha1)
    credential = base64.b64encode(digest).decode()
    servers += [IceServer(urls=url, username=username, credential=credential) for url in transport.turn_urls]
    return IceServers(ice_servers=tuple(servers), expires_ms=expires_s * 1000)
