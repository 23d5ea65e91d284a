"""Stage `raw_sessions`."""
