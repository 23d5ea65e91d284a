"""Stages `repainted_sessions` and `paired_clips`."""
