"""Training runs: a release and a recipe in, a checkpoint with its errors on held-out players out."""
