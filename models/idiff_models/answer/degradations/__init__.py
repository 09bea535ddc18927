"""Degradations that mimic cameras and their processing.

Each is a pure function (image uint8 RGB, severity 0-1, rng) -> image of the same shape; severity 0 is about the least
that can be seen, 1 is plain to anyone. The random numbers decide direction (too dark or too bright, ...) and grain, so
that with one seed a higher severity is the same fault, stronger.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.random import Generator

from idiff.types import Image
from idiff_models.answer.degradations.colour import exposure, saturation, tone, white_balance
from idiff_models.answer.degradations.optics import defocus, motion
from idiff_models.answer.degradations.processing import banding, jpeg, resample, sharpen
from idiff_models.answer.degradations.sensor import noise, smear

Degradation = Callable[[Image, float, Generator], Image]
Recipe = Mapping[str, float]

KINDS: dict[str, Degradation] = {
    "defocus": defocus,
    "motion": motion,
    "exposure": exposure,
    "noise": noise,
    "smear": smear,
    "white_balance": white_balance,
    "tone": tone,
    "saturation": saturation,
    "sharpen": sharpen,
    "resample": resample,
    "banding": banding,
    "jpeg": jpeg,
}
"""Every kind in the order in which light meets it: optics, sensor, rendering, delivery."""

PHOTOMETRIC = frozenset({"exposure", "white_balance", "tone", "saturation"})
"""Kinds that change brightness or colour alone."""


def degrade(image: Image, recipe: Recipe, seed: int) -> Image:
    """`image` with each kind of `recipe` at its severity, in the order of `KINDS`.

    The same seed gives each kind the same random numbers whatever else the recipe holds.
    """
    for index, (kind, function) in enumerate(KINDS.items()):
        if kind in recipe:
            image = function(image, recipe[kind], np.random.default_rng([seed, index]))
    return image
