"""BLEU-4 and ROUGE-L by two pinned scorers. Figures of different scorers, or tokens, cannot be compared."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import jieba
from nltk.translate.bleu_score import SmoothingFunction, sentence_bleu
from rouge import Rouge
from rouge_score.rouge_scorer import RougeScorer

Score = Callable[[str, str], float]

jieba.setLogLevel("WARNING")
_smooth = SmoothingFunction()


@dataclass(frozen=True)
class Scorer:
    """`bleu4`, `rouge_l`: (prediction, reference) -> 0-1, of one pair of texts. `how`: what a figure is quoted with."""

    name: str
    how: str
    bleu4: Score
    rouge_l: Score


@cache
def _words(text: str) -> Sequence[str]:
    return [word for word in jieba.cut(text) if word.strip()]


def _plain_bleu(prediction: str, reference: str) -> float:
    return float(sentence_bleu([reference.split()], prediction.split(), smoothing_function=_smooth.method1))


def _plain_rouge(prediction: str, reference: str) -> float:
    return float(RougeScorer(["rougeL"]).score(reference, prediction)["rougeL"].fmeasure)


def _swift_bleu(prediction: str, reference: str) -> float:
    return float(sentence_bleu([_words(reference)], _words(prediction), smoothing_function=_smooth.method3))


def _swift_rouge(prediction: str, reference: str) -> float:
    texts = [" ".join(_words(text)) for text in (prediction, reference)]
    # The package fails on a text without a word.
    if not all(re.search(r"[^.\s]", text) for text in texts):
        return 0.0
    return float(Rouge(metrics=["rouge-l"]).get_scores(*texts)[0]["rouge-l"]["f"])


SCORERS = (
    Scorer("plain", "white-space tokens, nltk method1; rouge-score rougeL F", _plain_bleu, _plain_rouge),
    Scorer("ms-swift", "jieba tokens, nltk method3; rouge rouge-l F", _swift_bleu, _swift_rouge),
)
"""The usual one first; the challenge's own, which is the more lenient, beside it."""
