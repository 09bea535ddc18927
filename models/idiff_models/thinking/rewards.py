"""Rewards of GRPO: what a sampled rationale is worth, each 0 to 1. How much each weighs, the run's file says."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from idiff.thinking.attributes import NAMES, read
from idiff.thinking.measured import Measured
from idiff.thinking.options import ThinkingUnavailable
from idiff.thinking.parse import ANSWER, THINKING, FormError, parse
from idiff.types import Scores as AttributeScores
from idiff_models.evaluate.text.grounding import grounding

Scores = NDArray[np.float64]
Opinions = Sequence[Mapping[str, float | None]]
"""Of a pair's two photos, by attribute; None, or no entry, where nobody was asked."""
_erf = np.vectorize(math.erf, otypes=[np.float64])

MEASURED = TypeAdapter(Measured)
"""What was measured of a pair, to and from a column of grpo.jsonl."""

VARIANCE: float = 1e-6
"""Added to the variance of a difference of scores, so that samples that all agree can be compared."""


def answered(text: str, truth: str) -> float:
    """1 where the last `<answer>` is the experts'."""
    return float(answer_of(text) == truth)


def answer_of(text: str) -> str | None:
    """The last `<answer>` of a text; None where it gives none."""
    given = ANSWER.findall(text)
    return given[-1].upper() if given else None


def expert(solution: str) -> str | None:
    """The expert's words in a row's `solution`; None where it is an answer alone."""
    inner = THINKING.search(solution)
    return inner[1].strip() if inner else None


def formed(text: str, lines: tuple[int, int] = (4, 7)) -> float:
    """1 where the text is as many lines as wanted and a summary, and nothing else."""
    try:
        found, _ = parse(text)
    except FormError:
        return 0.0
    written = sum(bool(line.strip()) for line in text.splitlines())
    return float(lines[0] <= len(found) <= lines[1] and written == len(found) + 1)


def grounded(text: str, measured: Measured) -> float:
    """Share of the checkable lines that agree with the measurements; 0 where none is checkable, as vagueness earns
    nothing."""
    return grounding(text, measured) or 0.0


def fidelity(scores: Scores, truth: Scores, sets: Sequence[str]) -> Scores:
    """The Thurstone fidelity reward of one attribute (as in VisualQuality-R1, 2025), (images, samples).

    `scores` (images, samples): what the model gave in each sample, nan where nothing could be read of it, which earns 0
    and is compared with by none. `truth` (images,): mean opinion, on whatever scale its set has, nan where unknown.
    `sets`: of each image; scales are never mixed, images of one set are compared only with each other. For sample k of
    image i against image j of its set, p = Phi((q_ik - mean q_j) / sqrt(var q_i + var q_j + 1e-6)), and t is 1, 1/2 or
    0 as i is truly better, equal or worse; the reward is the mean over j of sqrt(p t) + sqrt((1 - p) (1 - t)), nan
    where there is nobody to compare with.
    """
    given = ~np.isnan(scores)
    samples = np.maximum(given.sum(axis=1), 1)
    mean = np.where(given, scores, 0).sum(axis=1) / samples
    variance = np.where(given, (scores - mean[:, None]) ** 2, 0).sum(axis=1) / samples
    spread = np.sqrt(variance[:, None] + variance[None, :] + VARIANCE)
    p = _normal((scores[:, None, :] - mean[None, :, None]) / spread[..., None])
    t = (np.sign(truth[:, None] - truth[None, :]) + 1)[..., None] / 2
    names = np.asarray(sets)
    compared = (names[:, None] == names[None, :]) & ~np.eye(len(names), dtype=bool) & ~np.isnan(t[..., 0])
    compared &= given.any(axis=1)[None, :]
    t = np.nan_to_num(t)
    rewards = np.sqrt(p * t) + np.sqrt((1 - p) * (1 - t))
    count = compared.sum(axis=1)[:, None]
    mean_reward = np.where(compared[..., None], rewards, 0).sum(axis=1) / np.maximum(count, 1)
    return np.where(count > 0, np.where(given, mean_reward, 0), np.nan)


def _normal(x: Scores) -> Scores:
    """The standard normal's distribution function."""
    return np.asarray((1 + _erf(x / math.sqrt(2))) / 2)


def attribute_fidelity(scores: Mapping[str, Scores], truth: Mapping[str, Scores], sets: Sequence[str]) -> Scores:
    """The mean of `fidelity` over the attributes that an image can be compared by, (images, samples), 0 where there is
    none: MG-IQA's multi-dimensional reward, in which a set takes part with the attributes that it was rated for."""
    rewards = np.stack([fidelity(scores[name], truth[name], sets) for name in scores])
    known = ~np.isnan(rewards)
    return np.where(known, rewards, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)


def attribute_rewards(
    texts: Sequence[str], names: Sequence[str], truths: Sequence[Opinions], sets: Sequence[str]
) -> list[float]:
    """What each sampled answer to `attributes.question` is worth: the mean of `attribute_fidelity` over its two photos.

    `names`: of the rows that the texts were sampled from; `truths`: opinions of both photos; `sets`: where they are
    from. Photos are compared with all others of their set among these texts.
    """
    rows = {name: [place for place, other in enumerate(names) if other == name] for name in dict.fromkeys(names)}
    most = max(len(places) for places in rows.values())
    photos = [(places, side) for places in rows.values() for side in (0, 1)]
    given = [_scores(text) for text in texts]
    scores = {name: np.full((len(photos), most), np.nan) for name in NAMES}
    truth = {name: np.full(len(photos), np.nan) for name in NAMES}
    for photo, (places, side) in enumerate(photos):
        for name in NAMES:
            scores[name][photo, : len(places)] = [getattr(given[place][side], name, np.nan) for place in places]
            truth[name][photo] = _opinion(truths[places[0]][side].get(name))
    worth = attribute_fidelity(scores, truth, [sets[places[0]] for places, _ in photos])
    rewards = np.zeros(len(texts))
    for photo, (places, _) in enumerate(photos):
        rewards[places] += worth[photo, : len(places)] / 2
    return rewards.tolist()


def _opinion(value: float | None) -> float:
    return np.nan if value is None else value


def _scores(text: str) -> tuple[AttributeScores | None, AttributeScores | None]:
    try:
        found = read(text)
    except ThinkingUnavailable:
        return None, None
    return found.a, found.b


def sampled(text: str) -> str:
    """The rationale within `<thinking>`, or all of a text without."""
    inner = THINKING.search(text)
    return (inner[1] if inner else text).strip()
