"""iDiff: which of two photographs a professional would prefer, how sure, and why."""

__version__ = "0.1.0"
