"""What crosses a process boundary, defined once.

Sessions (ids, object keys, the five files, both versions of their JSON) and the reason codes that
every verdict uses. Imports nothing of ours. Behaviour beyond parsing and validation lives elsewhere.
"""
