"""Writes the reference cases: `python -m world.parity > world/data/parity.json`."""

import sys

from world.parity.document import parity_text

if __name__ == "__main__":
    sys.stdout.write(parity_text())
