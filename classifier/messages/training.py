"""Codes of training."""
