"""Scenario clips on order: planned, judged, kept, watched and paid for.

Plain Python over the measures in `scoring` and the messages in `scalediff_contract`; what Dagster
needs is in `assets.py`. Plans and windows: `scenarios`, `windows`. Verdict rows: `gate`. Where clips
lie and for how long: `lake`. From a clip back to its prompt and on: `provenance`. Watching: `drift`,
`experiments`, `alerts`, `costs`.
"""
