"""Causal video diffusion with a rolling memory: Wan 2.1 on the stock diffusers model, one state per session.

    frames -> codec -> noise -> transformer, steps times, over the session's ring -> codec -> frames

`config` says what can be chosen and loads no torch; `painter` is the engine; the rest is one idea a file.
"""
