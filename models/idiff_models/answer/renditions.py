"""What is done to the renditions of one scene: chains of ever worse ones, different faults, restorations, equals."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.random import Generator

from idiff_models.answer.degradations import KINDS, PHOTOMETRIC, REGROWN, Recipe

Mode = Literal["chain", "cross", "rendered", "restored", "denoised", "equal"]

WEIGHTS = {
    "defocus": 1.0,
    "soft": 0.8,
    "motion": 0.6,
    "fringe": 0.4,
    "noise": 1.4,
    "grain": 3.0,
    "smear": 0.8,
    "dark": 0.9,
    "bright": 0.8,
    "cast": 1.4,
    "flat": 0.8,
    "harsh": 0.8,
    "pale": 0.6,
    "vivid": 0.7,
    "overcooked": 0.8,
    "resample": 1.2,
    "invented": 0.7,
    "ringing": 0.5,
    "sharpen": 1.2,
    "banding": 0.4,
    "codec": 2.0,
    "jpeg": 1.6,
}
"""How often each kind is drawn; noise most, since it is the easiest to mistake for detail."""

MODES: dict[Mode, float] = {
    "chain": 0.33,
    "cross": 0.21,
    "rendered": 0.15,
    "restored": 0.10,
    "denoised": 0.18,
    "equal": 0.03,
}

DULL = ("dark", "flat", "pale", "cast")
PUNCHY = ("bright", "harsh", "vivid", "overcooked", "sharpen")
"""Ways to render a picture that are surely worse than its source, and those of which a little is liked."""

DETAIL = frozenset({"defocus", "soft", "motion", "smear", "resample", "ringing", "codec", "jpeg"})
"""Kinds that take detail away, so that sharpening or regrown detail after them can mend or hide."""

NOISE = frozenset({"noise", "grain"})

CODECS = frozenset({"codec", "jpeg"})
"""Half of the photos that go through one have fine grain of their own, which it smooths: that is no denoising."""

CONFLICTS = frozenset(
    frozenset(pair)
    for pair in (
        *((kind, other) for kind in NOISE for other in ("smear", "resample")),
        *((kind, "sharpen") for kind in DETAIL),
        *((kind, REGROWN) for kind in DETAIL),
        *((a, b) for a in PHOTOMETRIC for b in PHOTOMETRIC if a < b),
    )
)
"""Kinds of which one can hide or mend the other: having both is not surely worse than having one."""

SUBTLE = 2.0
"""Exponent of the severity draw: professional pairs differ little."""


@dataclass(frozen=True)
class Rendition:
    """What one rendition goes through; `seed` drives directions and grain."""

    recipe: Recipe
    seed: int


@dataclass(frozen=True)
class Plan:
    """The renditions of one scene. `kind`: the fault in question in a chain, else the mode."""

    mode: Mode
    kind: str
    renditions: tuple[Rendition, ...]


def conflict(recipe: Recipe) -> bool:
    """Whether two kinds of `recipe` could hide or mend each other."""
    kinds = sorted(recipe)
    return any(frozenset((a, b)) in CONFLICTS for i, a in enumerate(kinds) for b in kinds[i + 1 :])


def dominates(better: Rendition, worse: Rendition) -> bool:
    """Whether `worse` has all that `better` has, as severe or more, with the same directions, and nothing is mended."""
    if better.recipe and better.seed != worse.seed:
        return False
    return all(kind in worse.recipe and worse.recipe[kind] >= s for kind, s in better.recipe.items()) and not conflict(
        worse.recipe
    )


def _severity(rng: Generator, most: float = 1.0) -> float:
    return float(most * (0.02 + 0.93 * rng.random() ** SUBTLE))


def _pick(rng: Generator, recipe: Recipe, pool: frozenset[str] | None = None, clash: bool = False) -> str:
    names = pool if pool is not None else KINDS
    free = [k for k in KINDS if k in names and k not in recipe and (clash or not conflict({**recipe, k: 0.0}))]
    weights = np.array([WEIGHTS[kind] for kind in free])
    return str(rng.choice(free, p=weights / weights.sum()))


def _seed(rng: Generator) -> int:
    return int(rng.integers(2**31))


def _base(rng: Generator) -> dict[str, float]:
    """A mild fault that all renditions share, or none."""
    recipe: dict[str, float] = {}
    if rng.random() < 0.3:
        recipe[_pick(rng, recipe)] = _severity(rng, 0.5)
    return recipe


def _chain(rng: Generator, length: int) -> Plan:
    """Each the one before with one kind, sometimes two, added or made more severe."""
    recipe, seed = _base(rng), _seed(rng)
    changing, changed = _pick(rng, recipe), set()
    if changing in CODECS and rng.random() < 0.5 and not conflict({**recipe, changing: 0.0, "grain": 0.0}):
        recipe.setdefault("grain", _severity(rng, 0.8))
    if rng.random() < 0.3:
        recipe[changing] = _severity(rng, 0.6)
    recipes = [dict(recipe)]
    while len(recipes) < length:
        if changing in recipe:
            recipe[changing] += (1 - recipe[changing]) * (0.15 + 0.5 * rng.random() ** SUBTLE)
        else:
            recipe[changing] = _severity(rng)
        changed.add(changing)
        recipes.append(dict(recipe))
        if rng.random() < 0.12:
            changing = _pick(rng, recipe)
    kind = changed.pop() if len(changed) == 1 else "several"
    return Plan("chain", kind, tuple(Rendition(r, seed) for r in recipes))


def _cross(rng: Generator, length: int) -> Plan:
    """Different faults of about one strength, one to three each; sometimes one rendition has none."""
    base, level = _base(rng), _severity(rng)
    renditions = []
    for place in range(length):
        recipe = dict(base)
        for _ in range(0 if place == 0 and rng.random() < 0.3 else int(rng.choice([1, 2, 3], p=[0.6, 0.3, 0.1]))):
            recipe[_pick(rng, recipe, clash=True)] = float(np.clip(level * np.exp(rng.normal(0, 0.5)), 0.02, 0.97))
        renditions.append(Rendition(recipe, _seed(rng)))
    return Plan("cross", "cross", tuple(renditions))


def _rendered(rng: Generator, length: int) -> Plan:
    """One picture rendered in as many ways: dull, plain, punchy, overdone."""
    base, renditions = _base(rng), []
    for style in rng.permutation(["dull", "plain", "punchy", "overdone", "dull", "punchy"])[:length]:
        kinds = DULL if style == "dull" else PUNCHY
        chosen = rng.permutation(kinds)[: 0 if style == "plain" else int(rng.integers(1, 4))]
        most = {"dull": 0.55, "plain": 0.0, "punchy": 0.3, "overdone": 1.0}[str(style)]
        recipe = base | {str(kind): float(most * (0.08 + 0.9 * rng.random())) for kind in chosen}
        renditions.append(Rendition(recipe, _seed(rng)))
    return Plan("rendered", "rendered", tuple(renditions))


def _restored(rng: Generator, length: int) -> Plan:
    """A picture that lost detail; sharpened, with regrown detail, or both; and sometimes as it was."""
    recipe, seed = _base(rng), _seed(rng)
    for _ in range(1 if rng.random() < 0.6 else 2):
        recipe[_pick(rng, recipe, DETAIL, clash=True)] = 0.15 + 0.8 * float(rng.random())
    if rng.random() < 0.25:
        recipe["noise"] = _severity(rng, 0.4)
    choices: list[dict[str, float]] = [
        dict(recipe),
        {**recipe, REGROWN: float(rng.random())},
        {**recipe, "sharpen": _severity(rng, 0.5)},
        {} if rng.random() < 0.5 else {**recipe, REGROWN: float(rng.random()), "sharpen": _severity(rng, 0.3)},
    ]
    places = rng.permutation(len(choices))[:length]
    return Plan("restored", "restored", tuple(Rendition(choices[place], seed) for place in places))


def _denoised(rng: Generator, length: int) -> Plan:
    """A noisy picture, sometimes crisp; denoised by a weak and by an ideal denoiser that costs texture; and without
    noise, as it was before or a little soft, like the mean of many shots of a hand that is never still."""
    clean, seed = _base(rng), _seed(rng)
    noise = {str(rng.choice(sorted(NOISE))): 0.1 + 0.7 * float(rng.random())}
    crisp = {"sharpen": _severity(rng, 0.4)} if rng.random() < 0.3 and DETAIL.isdisjoint(clean) else {}
    mean = {"soft": 0.3 * float(rng.random())} if rng.random() < 0.5 and "soft" not in clean else {}
    choices: list[dict[str, float]] = [
        {**clean, **mean},
        {**clean, **noise, **crisp},
        {**clean, **noise, "smear": _severity(rng, 0.5)},
        {**clean, "smear": 0.6 * float(rng.random())},
    ]
    places = rng.permutation(len(choices))[:length]
    return Plan("denoised", "denoised", tuple(Rendition(choices[place], seed) for place in places))


def _equal(rng: Generator, length: int) -> Plan:
    """The same faults with other grain; what a rater cannot tell apart."""
    recipe = _base(rng)
    kind = str(rng.choice(["noise", "grain", "none", "jpeg"]))
    if kind != "none":
        recipe[kind] = _severity(rng, 0.7)
    seed = _seed(rng)
    same = kind not in NOISE or len(recipe) > 1
    return Plan("equal", "equal", tuple(Rendition(dict(recipe), seed if same else _seed(rng)) for _ in range(length)))


MAKERS = {
    "chain": _chain,
    "cross": _cross,
    "rendered": _rendered,
    "restored": _restored,
    "denoised": _denoised,
    "equal": _equal,
}


def draw(rng: Generator, length: int, mode: Mode | None = None) -> Plan:
    """The renditions of one scene, of a random mode where none is given."""
    drawn = mode or str(rng.choice(list(MODES), p=list(MODES.values())))
    return MAKERS[drawn](rng, length)
