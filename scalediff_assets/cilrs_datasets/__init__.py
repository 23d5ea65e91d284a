"""Stage `cilrs_datasets`."""
