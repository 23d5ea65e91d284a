"""CILRS driving models: data, training, offline and closed-loop evaluation, and the agent that drives."""
