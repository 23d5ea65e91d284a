"""Pure measures that assets and jobs share: from what happened on a road to numbers.

Imports nothing of ours and needs only the standard library and pydantic.
"""
