"""Weights for the engine: `python -m gpu_services.streaming.weights fetch|convert|add-tiny-codec`.

`fetch` downloads the published files at one commit each and converts them; `convert` takes files that are
already here. Both end in a folder that `scalediff-stream --weights FOLDER` reads: safetensors, hashes, the
commits and the licences.
"""

import argparse
import logging
import re
import sys
from pathlib import Path

from gpu_services.errors import CheckpointError, JobError
from gpu_services.streaming.engine.sources import (
    BASE_PARTS,
    BASES,
    CHECKPOINTS,
    TINY_CODEC,
    Published,
    tiny_codec_command,
)

_LOG = logging.getLogger(__name__)
_NAMES = ", ".join(CHECKPOINTS)
_COMMIT = re.compile(r"[0-9a-f]{40}")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit code."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    given = _parser().parse_args(arguments)
    try:
        given.run(given)
    except JobError as error:
        _LOG.error("%s", error)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m gpu_services.streaming.weights", description=__doc__)
    commands = parser.add_subparsers(required=True)
    fetch = commands.add_parser("fetch", help="download at one commit, and convert")
    fetch.add_argument("--checkpoint", default="streamdiffusionv2", help=f"{_NAMES}, or a .pt")
    fetch.add_argument("--revision", default="main", help="of the checkpoint; is pinned to its commit")
    fetch.add_argument("--base-revision", default="main", help="of codec and text encoder")
    fetch.set_defaults(run=_fetch)
    convert = commands.add_parser("convert", help="convert files that are here")
    convert.add_argument("--checkpoint", type=Path, required=True, help="the causal transformer's .pt")
    convert.add_argument("--base", type=Path, required=True, help="a diffusers folder of Wan 2.1")
    convert.add_argument("--revision", required=True, help="the checkpoint's commit, 40 digits")
    convert.add_argument("--base-revision", required=True, help="the base's commit")
    convert.add_argument("--source", default="streamdiffusionv2", help="where the checkpoint is published")
    convert.set_defaults(run=_convert)
    tiny = commands.add_parser("add-tiny-codec", help="add the tiny codec's weights to a folder")
    tiny.add_argument("--file", type=Path, required=True, help=f"of {TINY_CODEC.repository}")
    tiny.add_argument("--revision", required=True, help="its commit, 40 digits")
    tiny.set_defaults(run=_add_tiny_codec)
    for command in (fetch, convert):
        command.add_argument("--ema", action="store_true", help="take the averaged weights")
    for command in (fetch, convert, tiny):
        command.add_argument("--preset", choices=sorted(BASES), default="wan-1.3b")
        command.add_argument("--into", type=Path, required=True, help="the weights folder")
    return parser


def _fetch(given: argparse.Namespace) -> None:
    base, base_commit = _download(BASES[given.preset], given.base_revision, list(BASE_PARTS))
    published = CHECKPOINTS.get(given.checkpoint)
    if published is None:
        checkpoint, commit, source = Path(given.checkpoint), given.revision, given.checkpoint
    else:
        folder, commit = _download(published, given.revision, [published.path])
        checkpoint, source = folder / published.path, given.checkpoint
    _pack(given, checkpoint=checkpoint, commit=commit, source=source, base=base, base_commit=base_commit)


def _download(published: Published, revision: str, patterns: list[str]) -> tuple[Path, str]:
    """The files at one commit, and that commit."""
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    name = published.repository
    try:
        commit = HfApi().model_info(name, revision=revision).sha or revision
        _LOG.info("downloading %s at %s", name, commit)
        return Path(snapshot_download(name, revision=commit, allow_patterns=patterns)), commit
    except (HfHubHTTPError, OSError) as error:
        problem = f"it cannot be downloaded ({type(error).__name__}: {str(error).partition(chr(10))[0]})"
        mend = "check the network, or download it elsewhere and use `convert`"
        raise CheckpointError(f"{name} at {revision}", problem, mend) from error


def _convert(given: argparse.Namespace) -> None:
    _pack(
        given,
        checkpoint=given.checkpoint,
        commit=given.revision,
        source=given.source,
        base=given.base,
        base_commit=given.base_revision,
    )


def _pack(
    given: argparse.Namespace, *, checkpoint: Path, commit: str, source: str, base: Path, base_commit: str
) -> None:
    from gpu_services.streaming.engine.convert import pack
    from gpu_services.streaming.engine.weights import Origin, sha256_of

    for name, value in (("--revision", commit), ("--base-revision", base_commit)):
        _check_commit(name, value)
    if not checkpoint.is_file():
        raise CheckpointError(str(checkpoint), "there is no such file", f"name one of {_NAMES}")
    published = CHECKPOINTS.get(source)
    transformer = Origin(
        part="transformer",
        source=f"{published.repository}/{published.path}" if published else source,
        revision=commit,
        licence=published.licence if published else "unknown: record it before shipping",
        note=published.note if published else "",
        sha256=sha256_of(checkpoint),
    )
    known = BASES[given.preset]
    origin = Origin(part="base", source=known.repository, revision=base_commit, licence=known.licence)
    pack(
        preset=given.preset,
        checkpoint=checkpoint,
        base=base,
        into=given.into,
        origins=(transformer, origin),
        ema=given.ema,
    )
    _LOG.info("%s is ready; %s %s", given.into, transformer.licence, transformer.note)
    _LOG.info("for the tiny codec: %s", tiny_codec_command(given.into))


def _add_tiny_codec(given: argparse.Namespace) -> None:
    from gpu_services.streaming.engine.convert import add_tiny_codec
    from gpu_services.streaming.engine.weights import Origin, sha256_of

    _check_commit("--revision", given.revision)
    if not given.file.is_file():
        raise CheckpointError(
            str(given.file), "there is no such file", f"get it from {TINY_CODEC.repository}"
        )
    origin = Origin(
        part="tiny_codec",
        source=f"{TINY_CODEC.repository}/{TINY_CODEC.path}",
        revision=given.revision,
        licence=TINY_CODEC.licence,
        sha256=sha256_of(given.file),
    )
    add_tiny_codec(preset=given.preset, file=given.file, into=given.into, origin=origin)
    _LOG.info("%s has the tiny codec", given.into)


def _check_commit(name: str, value: str) -> None:
    if not _COMMIT.fullmatch(value):
        raise CheckpointError(name, f"{value!r} is no commit", "give its 40 digits, which never move")


if __name__ == "__main__":
    sys.exit(main())
