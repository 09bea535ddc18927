"""Measurement: accuracy of a release, the single statistics it is compared with, and label files."""
