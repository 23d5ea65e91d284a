"""Reference cases that Python and the browser must both reproduce: `world/data/parity.json`.

    python -m world.parity > world/data/parity.json

Made anew only when a law of the world is changed on purpose, in both languages. Tests on either side
play every case and compare: positions within 1 mm, angles within 1e-6 rad, events equal. What ships is
256 kB: a state every half second or second of 17 minutes of driving.

`drives` are keyboard sequences through the whole simulator; `tables` are single answers of functions
that the drives do not reach; `refusals` are the messages for scenario files that cannot be played.
"""

from world.parity.document import PARITY_PATH, parity_document, parity_text

__all__ = ["PARITY_PATH", "parity_document", "parity_text"]
