"""One city, for players, simulated drivers and models alike."""
