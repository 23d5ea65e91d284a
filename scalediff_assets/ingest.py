"""`scalediff ingest DIR`: bundles of a folder arrive in the raw store and go through the graph.

File names are object keys without the wallet (`{upload_ms}_{session_id}_meta.json`) or with it as
a folder. Where the folder does not say the wallet, the session's meta file does. A folder is
final: what is not in it will not come, so incomplete bundles are quarantined at once.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from resources.connections import Connections
from resources.object_store import ObjectStore
from resources.settings import Settings
from resources.upload_queue import raw_key
from scalediff_assets.home import instance
from scalediff_assets.listing import list_sessions, sessions_table
from scalediff_assets.raw_sessions.arrivals import hours_to_run, take_in
from scalediff_assets.runner import RunReport, materialise
from scalediff_contract.sessions import (
    WALLET_PATTERN,
    BundleFile,
    ObjectKey,
    UnrecognisedKeyError,
    parse_object_key,
)

# The wallet segment of a session whose meta file is missing or names no usable wallet.
UNKNOWN_WALLET = "unknown"
_BUNDLE_SUFFIXES = {".webm", ".json"}
_META_BYTES_MAX = 65_536
_NAMED = 5


@dataclass(frozen=True, kw_only=True)
class FolderObject:
    """A file of the folder and the object key under which it arrives."""

    path: Path
    logical_key: str


def ingest_folder(settings: Settings, folder: Path, *, console: Console) -> RunReport:
    """Upload the folder's bundles into the embedded store and run their hour and day."""
    from resources.profiles import resources_for
    from scalediff_assets.definitions import WORKER_MODULES

    connections: Connections = resources_for(settings, worker_modules=WORKER_MODULES)["connections"]
    objects = folder_objects(folder)
    upload(connections.raw(), objects, arrival_ms=time.time_ns() // 1_000_000)
    skipped = sum(1 for path in folder.rglob("*") if path.is_file()) - len(objects)
    console.print(f"{len(objects)} files arrived" + (f", {skipped} others ignored" if skipped else ""))
    for line in strange_names(objects):
        console.print(f"[yellow]{line}[/yellow]", highlight=False)
    take_in(connections, now_ms=time.time_ns() // 1_000_000, final=True)
    with instance(settings) as dagster_instance, hours_to_run(connections) as hours:
        report = materialise(dagster_instance, hours, console=console)
    console.print(sessions_table(list_sessions(settings)))
    return report


def upload(raw: ObjectStore, objects: list[FolderObject], *, arrival_ms: int) -> None:
    """Put the files into the raw store's folder of the hour, meta files last."""
    for item in sorted(objects, key=lambda o: o.logical_key.endswith(BundleFile.META.value)):
        raw.put(raw_key(item.logical_key, arrival_ms), item.path)


def folder_objects(folder: Path) -> list[FolderObject]:
    """The files of the folder that may belong to bundles, with their object keys."""
    wallets = {session_id: wallet for session_id, wallet in _wallets(folder)}
    return [
        FolderObject(path=path, logical_key=_logical_key(path, folder, wallets))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix in _BUNDLE_SUFFIXES
    ]


def strange_names(objects: list[FolderObject]) -> list[str]:
    """A sentence for each of the first files whose name is no bundle's; they arrive and are kept apart."""
    strange = [item.path.name for item in objects if not _is_recognised(item.logical_key)]
    more = [f"and {len(strange) - _NAMED} more like it"] if len(strange) > _NAMED else []
    return [
        f"{name} is named like no bundle's file and belongs to no session; "
        "name it session_{13 digits}_{id}_meta.json (or another of the bundle's endings)"
        for name in strange[:_NAMED]
    ] + more


def _is_recognised(logical_key: str) -> bool:
    try:
        parse_object_key(logical_key)
    except UnrecognisedKeyError:
        return False
    return True


def _logical_key(path: Path, folder: Path, wallets: dict[str, str]) -> str:
    relative = path.relative_to(folder).as_posix()
    try:
        return str(parse_object_key(relative))
    except UnrecognisedKeyError:
        pass
    key = _bare_key(path)
    if key is None:
        return relative
    return str(
        ObjectKey(
            wallet=wallets.get(key.session_id, UNKNOWN_WALLET),
            session_id=key.session_id,
            file=key.file,
            upload_ms=key.upload_ms,
        )
    )


def _bare_key(path: Path) -> ObjectKey | None:
    try:
        return parse_object_key(f"{UNKNOWN_WALLET}/{path.name}")
    except UnrecognisedKeyError:
        return None


def _wallets(folder: Path) -> Iterator[tuple[str, str]]:
    """Session id and wallet of each meta file that names a usable wallet."""
    for path in sorted(folder.rglob(f"*{BundleFile.META.value}")):
        key = _bare_key(path)
        if key is None or path.stat().st_size > _META_BYTES_MAX:
            continue
        try:
            meta = json.loads(path.read_bytes())
        except (ValueError, RecursionError):
            continue
        wallet = meta.get("walletAddress") if isinstance(meta, dict) else None
        if isinstance(wallet, str) and WALLET_PATTERN.fullmatch(wallet):
            yield key.session_id, wallet
