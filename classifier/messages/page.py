"""Codes of page."""
