"""Scenario clips on order: the API that takes jobs, the queue between, the worker that makes clips.

`scalediff-generate --role api|worker`. The jobs' table is the truth of what was ordered and what became
of it; the queue only says who is next and who holds what, and can be made anew from the table.
"""
