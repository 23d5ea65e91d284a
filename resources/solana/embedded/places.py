"""Where the embedded chain's files lie; imports nothing heavy, for those who only want a link."""

from pathlib import Path

FOLDER = "chain"
LOG_FILE, LOCK_FILE, STATE_FILE, PORT_FILE = "chain.log", "chain.lock", "chain.json", "port"
# Its name says what it is worth: nobody is to send real money to it.
THROWAWAY_FILE = "throwaway_payer.json"


def chain_folder(home: Path) -> Path:
    """Where a home's chain lies."""
    return home / FOLDER


def last_port(folder: Path) -> int | None:
    """The port of the last process, which the next one takes again, so that links stay good."""
    try:
        return int((folder / PORT_FILE).read_text())
    except FileNotFoundError:
        return None
