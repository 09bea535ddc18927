"""Degradations that mimic cameras and their processing.

Each is a pure function (image uint8 RGB, severity 0-1, rng) -> image of the same shape; severity 0 is about the least
that can be seen, 1 is plain to anyone. The random numbers decide direction (which curve, which filter, ...) and grain,
so that with one seed a higher severity is the same fault, stronger.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.random import Generator

from idiff.types import Image
from idiff_models.answer.degradations import colour, optics, processing, sensor

Degradation = Callable[[Image, float, Generator], Image]
Recipe = Mapping[str, float]

KINDS: dict[str, Degradation] = {
    "defocus": optics.defocus,
    "soft": optics.soft,
    "motion": optics.motion,
    "fringe": optics.fringe,
    "noise": sensor.noise,
    "grain": sensor.grain,
    "smear": sensor.smear,
    "dark": colour.dark,
    "bright": colour.bright,
    "cast": colour.cast,
    "flat": colour.flat,
    "harsh": colour.harsh,
    "pale": colour.pale,
    "vivid": colour.vivid,
    "overcooked": colour.overcooked,
    "resample": processing.resample,
    "invented": processing.invented,
    "ringing": processing.ringing,
    "sharpen": processing.sharpen,
    "banding": processing.banding,
    "codec": processing.codec,
    "jpeg": processing.jpeg,
}
"""Every kind in the order in which light meets it: optics, sensor, rendering, delivery."""

REGROWN = "regrown"
"""Not a fault of its own but a restoration: what `regrown` puts back where another kind took detail."""

PHOTOMETRIC = frozenset({"dark", "bright", "cast", "flat", "harsh", "pale", "vivid", "overcooked"})
"""Kinds that change brightness, contrast or colour."""

RENDERING = PHOTOMETRIC | {"sharpen"}
"""Kinds of which a little can be an improvement and that no reference can judge: `labels` has their costs."""


def degrade(image: Image, recipe: Recipe, seed: int) -> Image:
    """`image` with each kind of `recipe` at its severity, in the order of `KINDS`; regrown detail before sharpening.

    The same seed gives each kind the same random numbers whatever else the recipe holds.
    """
    source = image
    for index, (kind, function) in enumerate(KINDS.items()):
        if kind == "sharpen" and REGROWN in recipe:
            rng = np.random.default_rng([seed, len(KINDS)])
            image = processing.regrown(image, recipe[REGROWN], rng, source)
        if kind in recipe:
            image = function(image, recipe[kind], np.random.default_rng([seed, index]))
    return image


def rendered(image: Image, recipe: Recipe, seed: int) -> Image:
    """`image` with what is a matter of rendering in `recipe` alone: what a metric of structure compares with."""
    return degrade(image, {kind: severity for kind, severity in recipe.items() if kind in RENDERING}, seed)
