"""Who is better: by construction where one rendition has all the other's faults and more, else by measured losses."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from idiff_models.answer.degradations import REGROWN, RENDERING, Recipe
from idiff_models.answer.renditions import NOISE, Plan, Rendition, dominates

Loss = NDArray[np.float32]
NOTHING = np.zeros(1, np.float32)

COSTS = {
    "dark": (3.5, 0.0, 0.0),
    "bright": (4.0, 0.12, 0.3),
    "cast": (3.5, 0.0, 0.0),
    "flat": (3.5, 0.0, 0.0),
    "harsh": (3.5, 0.25, 0.6),
    "pale": (3.0, 0.0, 0.0),
    "vivid": (3.0, 0.20, 0.45),
    "overcooked": (4.5, 0.18, 0.5),
    "sharpen": (4.0, 0.14, 0.6),
}
"""Of the kinds of rendering: the loss at full severity, in units of `fidelity.losses`; the severity that people like
best, twice which nobody gains any more; and by how much it is liked, as the logarithm of a ratio of losses. Photographs
as they come from a camera are preferred a little brighter, crisper and more colourful, not darker, flatter or paler."""

NOISE_COST = 1.2
"""Loss that noise of full severity has beside what the metrics see: people mind it more."""

FLOOR = 0.2
"""Loss that nobody sees."""
SLOPE = 1.8
"""Log odds per unit of the logarithm of a ratio of losses: twice the loss loses 78 % of the votes."""
REGROWN_WINS = (0.9, 0.55)
"""Share of raters who prefer regrown detail to its absence, least and most displaced: mild artefacts are forgiven."""


def rendering(recipe: Recipe) -> tuple[float, float]:
    """Loss and gain of a recipe that no metric sees: see `COSTS` and `NOISE_COST`."""
    loss, gain = NOISE_COST * sum(recipe.get(kind, 0.0) for kind in NOISE), 0.0
    for kind, severity in recipe.items():
        if kind in COSTS:
            full, best, liked = COSTS[kind]
            loss += full * max(0.0, severity - 2 * best) / (1 - 2 * best)
            gain += liked * max(0.0, 1 - (severity / best - 1) ** 2) if best else 0.0
    return loss, gain


def _odds(i: Rendition, j: Rendition, losses: tuple[Loss, Loss]) -> Loss:
    """Log odds that i beats j, one by each metric."""
    (cost_i, gain_i), (cost_j, gain_j) = rendering(i.recipe), rendering(j.recipe)
    ratio = (FLOOR + losses[1] + cost_j) / (FLOOR + losses[0] + cost_i)
    return SLOPE * (np.log(ratio) + gain_i - gain_j)


def _share(odds: float) -> float:
    return float(1 / (1 + np.exp(-odds)))


def _sure(better: Rendition, worse: Rendition) -> float | None:
    """Probability that `better` wins where construction alone says so."""
    if REGROWN in worse.recipe or REGROWN in better.recipe:
        return None
    if not dominates(better, worse):
        return None
    if dict(better.recipe) == dict(worse.recipe):
        return 0.5
    changed = {kind for kind, severity in worse.recipe.items() if better.recipe.get(kind) != severity}
    if changed <= RENDERING:
        return _share(float(_odds(better, worse, (NOTHING, NOTHING))[0]))
    return None if rendering(worse.recipe)[1] > rendering(better.recipe)[1] else 1.0


def _restored(plain: Rendition, mended: Rendition) -> float | None:
    """Probability that the rendition with regrown detail beats the same without."""
    recipe = dict(mended.recipe)
    severity = recipe.pop(REGROWN, None)
    if severity is None or recipe != dict(plain.recipe) or plain.seed != mended.seed:
        return None
    best, least = REGROWN_WINS
    return best + (least - best) * severity


def _measured(i: Rendition, j: Rendition, losses: tuple[Loss, Loss]) -> tuple[float, float]:
    """Target and weight of a pair that only the metrics can order; they must agree for it to count fully."""
    odds = _odds(i, j, losses)
    agreed = bool(np.all(odds > 0) or np.all(odds < 0))
    return _share(float(odds.mean())), 0.7 if agreed else 0.15


def targets(plan: Plan, losses: Sequence[Loss]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Probability that rendition i beats j, and how much that counts, (K, K) each.

    `losses`: of each rendition, as `fidelity.losses` gives them.
    """
    count = len(plan.renditions)
    target, weight = np.full((count, count), 0.5, np.float32), np.zeros((count, count), np.float32)
    for i in range(count):
        for j in range(i + 1, count):
            a, b = plan.renditions[i], plan.renditions[j]
            known = 0.5 if plan.mode == "equal" else _known(a, b)
            value, worth = (known, 1.0) if known is not None else _measured(a, b, (losses[i], losses[j]))
            if known is None and (REGROWN in a.recipe) != (REGROWN in b.recipe):
                worth = 0.7 if not (a.recipe and b.recipe) else 0.0
                value = float(not a.recipe) if worth else 0.5
            target[i, j], target[j, i], weight[i, j], weight[j, i] = value, 1 - value, worth, worth
    return target, weight


def _known(a: Rendition, b: Rendition) -> float | None:
    for first, second, flip in ((a, b, False), (b, a, True)):
        sure = _sure(first, second)
        if sure is None:
            mended = _restored(first, second)
            sure = None if mended is None else 1 - mended
        if sure is not None:
            return 1 - sure if flip else sure
    return None
