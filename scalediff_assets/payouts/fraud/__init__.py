"""Fraud rules: which sessions earn nothing, by which rule, with what was measured and the limit.

`evidence.gather` measures an hour's sessions, `judge.judge` holds a day's against the limits of the price
policy and against the tracks of earlier sessions. A rule is one idea in one file: `motion`, `scripts`,
`copies` (found by `marks`), `films`, `people`. Whether a server session stands behind is decided in
`pricing.py`.
"""
