"""Stage `quality_scores`."""
