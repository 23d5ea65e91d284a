"""Video models: trained, evaluated, numbered, promoted, rolled back and kept.

Plain Python here; what Dagster needs is in `assets.py`. Numbers, artefacts and retention: `versions`.
"""
