"""Stage `aligned_sessions`."""
