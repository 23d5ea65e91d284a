"""The CARLA Leaderboard's agent contract in minitown: one agent file runs here and in real CARLA.

`stand_ins` answers `import carla` and `import leaderboard...` where they are not installed;
`loading` finds the agent's class in its file; `sensors` makes what its sensors would see; `wrapped`
drives with it.
"""
