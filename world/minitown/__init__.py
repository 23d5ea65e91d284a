"""Minitown: the embedded closed loop, driven and judged like the CARLA Leaderboard, never called CARLA."""
