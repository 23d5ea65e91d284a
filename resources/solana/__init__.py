"""Solana: one RPC client for a real endpoint and for the embedded chain, transactions, and the payer's key.

- `rpc.py`: the client. `transactions.py`, `programs.py`: what is signed and how it is read back.
- `keys.py`: where the key that pays comes from; nothing here prints or stores it.
- `embedded/`: LiteSVM behind JSON-RPC in a process of its own, with a durable log.
- `resource.py`: the connection that assets ask for.

Errors (`errors.py`):

SolanaError
  RpcUnavailableError    the endpoint cannot be reached or answers nonsense
  RpcRefusedError        it answered with a JSON-RPC error
  PayerKeyError          no usable key under the place that the settings name
  ChainLogError          the embedded chain's log cannot be read or replayed
  ChainServiceError      the embedded chain's process does not start or stop
"""
