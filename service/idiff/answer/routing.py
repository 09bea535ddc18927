"""Which specialists judge a pair: those for people or those for scenes."""

from collections.abc import Sequence
from itertools import combinations
from math import fsum

from idiff.answer.faces import Face
from idiff.types import Category, CategoryName

SCENE_WITHOUT_FACE = 0.81
"""Probability that people are not the subject where no face was found, from `python -m idiff_models.evaluate.routing
--calibrate`."""


def route(faces_a: tuple[Face, ...], faces_b: tuple[Face, ...], given: CategoryName | None) -> Category:
    """The pair's category: the caller's choice, else person if either photo shows a face.

    `confidence`: calibrated probability that the category is right; the same for (a, b) and (b, a).
    """
    return route_all((faces_a, faces_b), given)


def route_all(photos: Sequence[tuple[Face, ...]], given: CategoryName | None) -> Category:
    """The category of two photos or more: the caller's choice, else what their pairs are on average.

    `photos`: the faces in each. `confidence`: mean probability, over all pairs, that the category is right.
    """
    if given is not None:
        return Category(given, "given", None)
    surest = (max((face.confidence for face in faces), default=0.0) for faces in photos)
    pairs = [max(pair) for pair in combinations(surest, 2)]
    person = fsum(sure or 1 - SCENE_WITHOUT_FACE for sure in pairs) / len(pairs)
    scene = fsum(1 - sure if sure else SCENE_WITHOUT_FACE for sure in pairs) / len(pairs)
    return Category("person", "detected", person) if person >= scene else Category("scene", "detected", scene)
