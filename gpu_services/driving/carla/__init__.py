"""Real CARLA: the unmodified upstream evaluator as a subprocess, a fresh server and one route per process.

Facts that shaped it (facts/driving.md, section 6): servers crash on reuse, one launch in ten fails,
upstream writes its results in place, and a crash ends a whole run of routes. So: one server and one
evaluator per route and attempt, three watchdogs, process groups that are ended whole, a retry of what
is a crash and of nothing else, and a file per finished route to go on from.
"""
