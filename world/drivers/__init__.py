"""Who drives: simulated drivers with the world's full state, from no-op to expert to human-like."""
