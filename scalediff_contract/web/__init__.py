"""How every API of ours speaks HTTP: problem documents, their description, bounds on bodies and rates.

What an API says is in the contract's message modules; this is how it says no. Imported by APIs only,
because it needs FastAPI.
"""
