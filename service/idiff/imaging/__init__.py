"""From bytes to views: decoding, orientation, colour, alignment, crop choice and model input."""

PREPROCESSING_VERSION = "1"
"""Version of everything between a file's bytes and an Answer Model's input; a release made with another is refused."""

GLOBAL_SIDE = 1024
"""Longest side of a global view, pixels."""

CROP_SIDE = 512
"""Side of a crop view, native pixels."""
