"""Other people's layouts of a data set, one file each; `export.py` is the entrance."""

from scalediff_assets.cilrs_datasets.exports.export import ExportError, ExportSummary, Layout, export_dataset

__all__ = ["ExportError", "ExportSummary", "Layout", "export_dataset"]
