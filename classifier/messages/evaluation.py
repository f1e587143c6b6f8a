"""Codes of evaluation."""
