"""Codes of models."""
