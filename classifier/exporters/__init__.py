"""A checkpoint in another format, verified before it is handed over; each format is one module with ``FORMAT``."""
