"""The baseline that every score must beat: a stranger's rationale, pasted without a look at the photographs."""

from collections.abc import Sequence
from statistics import fmean

from idiff_models.evaluate.text.scorers import Scorer
from idiff_models.pairs.challenge import Told


def canned(references: Sequence[Told], scorer: Scorer) -> list[str]:
    """For each reference the medoid, by BLEU-4, of the others of the same category and answer; "" where there is none.

    Leave-one-out: a reference never serves itself, nor does it help to choose.
    """
    texts = [told.rationale for told in references]
    groups: dict[object, list[int]] = {}
    for index, told in enumerate(references):
        groups.setdefault((told.category, told.answer), []).append(index)
    chosen = [""] * len(texts)
    for members in groups.values():
        near = {(i, j): scorer.bleu4(texts[i], texts[j]) for i in members for j in members if i != j}
        for left_out in members:
            others = [index for index in members if index != left_out]
            if others:
                best = max(others, key=lambda i: fmean(near[i, j] for j in others if j != i) if len(others) > 1 else 0)
                chosen[left_out] = texts[best]
    return chosen
