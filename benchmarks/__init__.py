"""Benchmarks: ratios measured side by side in one run; `--json` for machines. Tests never assert on time."""
