"""The street network: lanes, crossings, signals, shortest routes and navigation commands."""
