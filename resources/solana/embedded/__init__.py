"""The embedded chain: LiteSVM with a durable log, behind a node's JSON-RPC, in a process of its own.

    log.py      the file: one record per line with a checksum, synced before anything is answered
    chain.py    blocks, blockhashes, execution, replay
    outcome.py  what solders says of a transaction, in the words of the JSON-RPC
    facade.py   the JSON-RPC methods
    service.py  the HTTP server: `python -m resources.solana.embedded.service`
    process.py  starts, finds and stops that process

It is one node without forks, rate limits or stake: it proves encoding, program behaviour, expiry and
exactly-once payment, not a cluster's weather. Its money is worth nothing.
"""
