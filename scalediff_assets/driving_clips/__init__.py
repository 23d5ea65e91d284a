"""Clips to learn from: which recordings, what they show, and how they move. Cutting is a job's work."""
