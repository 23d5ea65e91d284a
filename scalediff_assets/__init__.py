"""The asset graph: one folder per stage, in data order; see docs/architecture.md."""
