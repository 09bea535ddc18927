"""The Answer Model: every specialist of the pair's category votes; the release's rule combines the votes."""

import asyncio
from collections.abc import Collection, Sequence
from concurrent.futures import Executor
from typing import Self

from idiff.answer.manifest import Calibration, Input, Manifest, Member
from idiff.answer.release import Release
from idiff.answer.rules import combine, shares, sigmoid
from idiff.answer.session import Tensor
from idiff.answer.specialist import Specialist
from idiff.config import Provider
from idiff.imaging.inputs import model_input
from idiff.types import Category, CategoryName, PhotoViews, Rule, Side, Verdict, Views, Vote


class Ensemble:
    """All specialists of a release, loaded and warm."""

    def __init__(self, manifest: Manifest, specialists: Sequence[Specialist]) -> None:
        self.manifest = manifest
        self.providers: tuple[str, ...] = tuple(sorted(set().union(*(s.providers for s in specialists))))
        # Longest first: a pool that starts its longest job last waits for it alone.
        cost = {specialist: specialist.warm() for specialist in specialists}
        self._members: dict[CategoryName, list[Specialist]] = {
            category: sorted(
                (s for s in specialists if s.member.domain == category), key=cost.__getitem__, reverse=True
            )
            for category in manifest.calibration
        }

    @classmethod
    def load(cls, release: Release, provider: Provider, pool: Executor) -> Self:
        """Load and warm every graph of `release` on `provider`.

        Raises:
            ReleaseRefused: a graph cannot be loaded or run on that provider, or is not what the manifest says.
        """
        members = release.manifest.members
        return cls(release.manifest, list(pool.map(lambda member: Specialist.load(member, release, provider), members)))

    async def judge(self, views: Views, category: Category, pool: Executor) -> Verdict:
        """Encode both photos with every specialist of `category` on `pool` and take the vote."""
        members = self._members[category.name]
        loop = asyncio.get_running_loop()
        wanted = {specialist.member.reads for specialist in members}
        inputs = await asyncio.gather(
            *(loop.run_in_executor(pool, _inputs, photo, wanted) for photo in (views.a, views.b))
        )
        embeddings = await asyncio.gather(
            *(
                loop.run_in_executor(pool, specialist.encode, photo[specialist.member.reads])
                for specialist in members
                for photo in inputs
            )
        )
        pairs = list(zip(members, embeddings[::2], embeddings[1::2], strict=True))
        logits = await loop.run_in_executor(pool, lambda: {s.member: s.compare(a, b) for s, a, b in pairs})
        manifest = self.manifest
        found = [(member, logits[member]) for member in manifest.members if member in logits]
        return decide(found, category, manifest.calibration[category.name], manifest.rule)


def _inputs(photo: PhotoViews, wanted: Collection[Input]) -> dict[Input, Tensor]:
    """One photo as every one of `wanted` reads it, float32 (1 + tiles, 3, side, side) each."""
    return {kind: model_input(photo.global_view, photo.crop_view, *kind) for kind in wanted}


def decide(logits: Sequence[tuple[Member, float]], category: Category, calibration: Calibration, rule: Rule) -> Verdict:
    """The verdict of members' logits: combined by `rule`, over the temperature. An exact tie is always too close."""
    weights = [member.weight for member, _ in logits]
    logit = combine(rule, [value for _, value in logits], weights) / calibration.temperature
    confidence = sigmoid(abs(logit))
    return Verdict(
        preferred=_side(logit),
        probability_a=sigmoid(logit),
        logit=logit,
        confidence=confidence,
        too_close=logit == 0 or confidence < calibration.too_close,
        category=category,
        rule=rule,
        votes=tuple(
            Vote(member.name, member.backbone, sigmoid(value), _side(value), share)
            for (member, value), share in zip(logits, shares(rule, weights), strict=True)
        ),
    )


def _side(logit: float) -> Side | None:
    if logit == 0:
        return None
    return "A" if logit > 0 else "B"
