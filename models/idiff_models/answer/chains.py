"""Which degradations a pair gets: chains of recipes, each strictly worse than the one before."""

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from idiff_models.answer.degradations import KINDS, Recipe

WEIGHTS = {
    "defocus": 1.2,
    "motion": 0.8,
    "exposure": 1.0,
    "noise": 2.2,
    "smear": 1.3,
    "white_balance": 1.0,
    "tone": 0.8,
    "saturation": 0.8,
    "sharpen": 1.3,
    "resample": 1.1,
    "banding": 0.5,
    "jpeg": 1.3,
}
"""How often each kind is drawn; noise most, since it is the easiest to mistake for detail."""

CONFLICTS = tuple(
    frozenset(pair)
    for pair in (
        ("noise", "smear"),
        ("noise", "resample"),
        ("defocus", "sharpen"),
        ("motion", "sharpen"),
        ("smear", "sharpen"),
        ("resample", "sharpen"),
        ("exposure", "tone"),
        ("exposure", "saturation"),
        ("tone", "saturation"),
    )
)
"""Kinds of which one can hide or mend the other: never in one chain, or the order would be a matter of taste."""

SUBTLE = 2.2
"""Exponent of the severity draw: professional pairs differ little."""


@dataclass(frozen=True)
class Chain:
    """Recipes from best to worst. `kind`: the one that changes, "mixed" where several do. `seed` drives `degrade`."""

    recipes: tuple[Recipe, ...]
    kind: str
    seed: int


def _draw(rng: Generator, recipe: Recipe) -> str:
    free = [kind for kind in KINDS if kind not in recipe and not any({kind, o} in CONFLICTS for o in recipe)]
    weights = np.array([WEIGHTS[kind] for kind in free])
    return str(rng.choice(free, p=weights / weights.sum()))


def draw_chain(rng: Generator, length: int) -> Chain:
    """`length` recipes, each the one before with one kind, sometimes two, added or made more severe.

    About half the chains start from the pristine picture, the others from one that already has a mild fault.
    """
    recipe: dict[str, float] = {}

    def worsen(kind: str) -> None:
        if kind in recipe:
            recipe[kind] += (1 - recipe[kind]) * (0.1 + 0.6 * rng.random() ** SUBTLE)
        else:
            recipe[kind] = 0.02 + 0.9 * rng.random() ** SUBTLE

    if rng.random() < 0.3:
        recipe[_draw(rng, recipe)] = 0.5 * rng.random() ** SUBTLE
    changing = _draw(rng, recipe)
    if rng.random() < 0.35:
        recipe[changing] = 0.6 * rng.random() ** SUBTLE
    recipes, changed = [dict(recipe)], set()
    while len(recipes) < length:
        worsen(changing)
        changed.add(changing)
        if rng.random() < 0.2:
            changing = _draw(rng, recipe)
            worsen(changing)
            changed.add(changing)
        recipes.append(dict(recipe))
    return Chain(tuple(recipes), changed.pop() if len(changed) == 1 else "mixed", int(rng.integers(2**31)))
