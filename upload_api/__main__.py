"""Run the API: `python -m upload_api [--host HOST] [--port PORT] [--game DIR]`."""

import argparse
from pathlib import Path

import uvicorn

from resources.settings import read_settings
from upload_api.app import create_app
from upload_api.config import config_from


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m upload_api", description="Sign-in and signed uploads.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8080, help="port to listen on (default 8080)")
    parser.add_argument("--game", type=Path, metavar="DIR", help="serve the built game's files at /")
    parser.add_argument("--log-level", default="info", choices=("info", "warning"), help="what it tells")
    arguments = parser.parse_args()
    app = create_app(config_from(read_settings(), game_dir=arguments.game))
    # uvicorn would believe the X-Forwarded-For of every local peer; whom to believe is a setting of ours.
    uvicorn.run(
        app,
        host=arguments.host,
        port=arguments.port,
        log_level=arguments.log_level,
        proxy_headers=False,
        access_log=False,
    )


if __name__ == "__main__":
    main()
