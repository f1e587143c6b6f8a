"""Codes of cli."""
