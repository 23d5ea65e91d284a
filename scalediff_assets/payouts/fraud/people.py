"""Who uploaded, from where and how often: rules over rows, without any recording.

An address that does not name a household or a network tells nothing: a loopback, private or link-local one
(the demo's simulated players; a proxy in front of the upload API that is not trusted to name its clients) and
one that is not an IP address. Such sessions are counted, and not judged by their address. IPv6 networks are
taken by their first 64 bits, the smallest that a provider gives to a household.
"""

import ipaddress
from collections.abc import Sequence

import polars as pl


def network_of(address: str) -> str | None:
    """The network that an address stands for; None where it tells nothing.

    Example:
        network_of("93.184.216.34") == "93.184.216.34"; network_of("127.0.0.1") is None
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    if not found.is_global:
        return None
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((int(found) >> 64 << 64, 64)))
    return str(found)


def crowded_networks(issued: pl.DataFrame, wallets_max: int, shared: Sequence[str]) -> pl.DataFrame:
    """`session_id, wallet, value`: the sessions of networks from which more wallets than allowed upload.

    All of a crowded network's, not only the last to come: who has forty wallets must not keep six of them.

    Args:
        issued: `session_id, wallet, address, issued_ms` of the day's sessions.
        wallets_max: Wallets of a network that nobody asks about.
        shared: Networks that are known to be shared, such as a university's; they are not judged.
    """
    networks = {address: network_of(address) for address in issued["address"].unique().to_list()}
    named = issued.with_columns(
        network=pl.col("address").replace_strict(networks, default=None, return_dtype=pl.String)
    ).filter(pl.col("network").is_not_null() & ~pl.col("network").is_in(list(shared)))
    wallets = pl.col("wallet").n_unique().over("network").cast(pl.Float64)
    crowded = named.with_columns(value=wallets).filter(pl.col("value") > wallets_max)
    return crowded.select("session_id", "wallet", "value")


def farmed_scenarios(sessions: pl.DataFrame, sessions_max: int, free: Sequence[str]) -> pl.DataFrame:
    """`session_id, wallet, value`: sessions of a wallet in one scenario beyond the day's first ones.

    Args:
        sessions: `session_id, wallet, scenario_id, completed_ms` of the day.
        sessions_max: Sessions of a wallet in one scenario that earn.
        free: Names under which no situation is staged; null is one of them.
    """
    staged = sessions.filter(pl.col("scenario_id").is_not_null() & ~pl.col("scenario_id").is_in(list(free)))
    key = ["wallet", "scenario_id"]
    return (
        staged.sort("completed_ms", "session_id")
        .with_columns(place=pl.int_range(pl.len()).over(key), value=pl.len().over(key).cast(pl.Float64))
        .filter(pl.col("place") >= sessions_max)
        .select("session_id", "wallet", "value")
    )
