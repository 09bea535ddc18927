"""The words of a rationale's form: regions to look at, metrics to judge by, and the names of the summary."""

from typing import Final

REGIONS: Final[dict[str, tuple[str, ...]]] = {
    "person": ("Face", "Skin", "Eyes", "Hair", "Clothing", "Hands", "Background", "Global"),
    "scene": ("Foreground", "Background", "Text", "Building", "Foliage", "Sky", "Water", "Global"),
    "generic": ("Main Subject", "Foreground", "Background", "Edges", "Flat Areas", "Shadows", "Highlights", "Global"),
}
"""Regions that a template suggests; the form leaves the region phrase open."""

METRICS: Final = (
    "Sharpness",
    "Texture",
    "Detail",
    "Clarity",
    "Noise",
    "Artifacts",
    "Exposure",
    "Contrast",
    "Color",
    "Realism",
    "Naturalness",
    "Quality",
)
"""Metrics a line may name. `Quality` is the escape: with an open region phrase, `Hair Edge Quality` names anything."""

SUMMARY_REGION: Final = "Global"
SUMMARY_METRIC: Final = "Overall"
SUMMARY_HEADER: Final = f"{SUMMARY_REGION} {SUMMARY_METRIC}"
"""Header of the mandatory last line."""
