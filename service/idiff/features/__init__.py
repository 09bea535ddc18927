"""Measured evidence about a view."""
