"""Files, labels and the catalog of a project; no torch."""
