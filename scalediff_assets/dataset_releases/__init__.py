"""Immutable, named lists of segments: what models are trained on, with lineage, splits and a card."""
