"""How members' logits become the ensemble's: three rules, one formula for A and for B each.

With p the probability of one photo according to a member, n members, and weights w that sum to 1:

- `mean`: the equal mean of p.
- `weighted`: the mean of p weighted by w, which a release takes from validation.
- `majority`: (votes + mean of p) / (n + 1); a member whose logit is 0 gives half a vote to each photo. The side with
  more votes is preferred however sure the others are; the mean of p, as one vote more that can be divided, decides an
  equal vote and keeps the share strictly between 0 and 1, so that it has a logit to calibrate.

The shares of A and of B are formed separately, so that swapping the photos negates the logit to the last bit instead of
losing the smaller share in 1 - p.
"""

import math
from collections.abc import Sequence

from idiff.types import Rule


def shares(rule: Rule, weights: Sequence[float]) -> list[float]:
    """Each member's share of the vote, summing to 1: equal but for the rule `weighted`."""
    counted = weights if rule == "weighted" else [1.0] * len(weights)
    total = math.fsum(counted)
    return [weight / total for weight in counted]


def combine(rule: Rule, logits: Sequence[float], weights: Sequence[float]) -> float:
    """The ensemble's logit of A before calibration, from each member's logit and weight (above 0); at least one."""
    a, b = (_share(rule, [sign * logit for logit in logits], weights) for sign in (1, -1))
    return math.log(a) - math.log(b)


def _share(rule: Rule, logits: Sequence[float], weights: Sequence[float]) -> float:
    """What the rule gives to the photo that positive logits speak for, above 0 and at most 1."""
    mean = math.fsum(share * sigmoid(logit) for share, logit in zip(shares(rule, weights), logits, strict=True))
    if rule != "majority":
        return mean
    votes = sum(1.0 if logit > 0 else 0.5 if logit == 0 else 0.0 for logit in logits)
    return (votes + mean) / (len(logits) + 1)


def sigmoid(logit: float) -> float:
    """1 / (1 + exp(-logit)), bounded away from 0 so that its logarithm exists."""
    if logit < 0:
        odds = math.exp(max(logit, -80.0))
        return odds / (1 + odds)
    return 1 / (1 + math.exp(-logit))
