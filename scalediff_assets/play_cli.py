"""`scalediff play`: build the game, start the upload API, open the browser."""

import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlencode

import typer
from rich.console import Console

if TYPE_CHECKING:
    from resources.settings import Settings

console = Console()


class PlayError(Exception):
    """The game cannot be served; the message says why and what to do."""


def play(
    home: Annotated[
        Path, typer.Option("--home", help="Folder of the store and the databases.", envvar="SCALEDIFF_HOME")
    ] = Path(".scalediff"),
    port: Annotated[int, typer.Option(help="Port of the game and its upload API.")] = 8080,
    transport: Annotated[
        str, typer.Option(help="Who paints: passthrough (nobody), service (ours) or decart.")
    ] = "passthrough",
    painter: Annotated[
        str | None,
        typer.Option(help="The painter's WebSocket; none with --transport service: one is started here."),
    ] = None,
    backend: Annotated[
        str, typer.Option(help="Who paints in the service that is started here: stylize (no GPU) or wan.")
    ] = "stylize",
    scenario: Annotated[str | None, typer.Option(help="Id of the first scenario.")] = None,
    size: Annotated[str, typer.Option(help="Size of the picture in pixels.")] = "1280x720",
    browser: Annotated[bool, typer.Option("--open/--no-open", help="Open the browser.")] = True,
) -> None:
    """Drive through the city in the browser; what you record arrives in the raw store."""
    from scalediff_assets.game_build import build_game
    from scalediff_assets.home import use_home
    from scalediff_assets.upload_server import upload_server

    settings = use_home(home)
    if transport not in ("passthrough", "service", "decart"):
        raise PlayError(f"--transport {transport}: use passthrough, service or decart")
    if transport == "decart" and painter is None:
        raise PlayError("--transport decart needs --painter wss://..., the painter's WebSocket")
    with console.status("building the game") as status:
        dist = build_game(status.update)
    try:
        with (
            upload_server("--game", str(dist), port=port) as (base_url, server),
            _painting(transport, painter, backend, settings) as address,
        ):
            query = {"transport": transport, "painter": address, "scenario": scenario, "size": size}
            url = f"{base_url}/?{urlencode({k: v for k, v in query.items() if v is not None})}"
            console.print(f"the game: [link={url}]{url}[/link]  (sessions: {base_url}/player.html)")
            console.print(f"uploads go to {settings.raw_url}; `scalediff ui --home {home}` shows them arrive")
            console.print("stop with Ctrl-C")
            if browser:
                webbrowser.open(url)
            server.wait()
    except KeyboardInterrupt:
        console.print("stopped")


@contextmanager
def _painting(
    transport: str, painter: str | None, backend: str, settings: "Settings"
) -> Iterator[str | None]:
    """The address of who paints; starts our own service where none is named, and says who it is."""
    if transport != "service" or painter is not None:
        yield painter
        return
    from scalediff_assets.painter_server import PainterError, painter_server

    secret_file = None if settings.upload_secret is not None else settings.home / "upload_secret"
    try:
        with painter_server(backend, secret_file=secret_file) as started:
            console.print(f"painted by [bold]{started.backend}[/bold] at {started.url}")
            yield started.url
    except PainterError as error:
        raise PlayError(str(error)) from error
