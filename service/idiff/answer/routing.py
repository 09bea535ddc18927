"""Which specialists judge a pair: those for people or those for scenes."""

from idiff.answer.faces import Face
from idiff.types import Category, CategoryName

SCENE_WITHOUT_FACE = 0.81
"""Probability that people are not the subject where no face was found, from `python -m idiff_models.evaluate.routing
--calibrate`."""


def route(faces_a: tuple[Face, ...], faces_b: tuple[Face, ...], given: CategoryName | None) -> Category:
    """The pair's category: the caller's choice, else person if either photo shows a face.

    `confidence`: calibrated probability that the category is right; the same for (a, b) and (b, a).
    """
    if given is not None:
        return Category(given, "given", None)
    if faces_a or faces_b:
        return Category("person", "detected", max(face.confidence for face in (*faces_a, *faces_b)))
    return Category("scene", "detected", SCENE_WITHOUT_FACE)
