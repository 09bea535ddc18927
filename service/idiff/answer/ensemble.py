"""The Answer Model: every specialist of the pair's category votes; the release's rule combines the votes."""

import asyncio
from collections.abc import Collection, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Self

import numpy as np

from idiff.answer.batcher import ALONE, Batcher, Batching
from idiff.answer.manifest import Calibration, Manifest, Member
from idiff.answer.reader import Reader, Tensors, readers
from idiff.answer.release import Release
from idiff.answer.rules import combine, shares, sigmoid
from idiff.answer.session import Tensor
from idiff.answer.specialist import Specialist
from idiff.config import Provider
from idiff.types import Category, CategoryName, PhotoViews, Rule, Side, Verdict, Views, Vote

Encoding = tuple[Tensor, ...]
"""One photo's embedding by every specialist of a category, float32 (1, embedding) each; the order is the ensemble's."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a verdict is from: a release's version, the SHA-256 of its manifest, and the execution providers."""

    version: str
    fingerprint: str
    providers: tuple[str, ...]


class Ensemble:
    """All specialists of a release, loaded and warm."""

    def __init__(self, manifest: Manifest, specialists: Sequence[Specialist], batching: Batching = ALONE) -> None:
        self.manifest = manifest
        self.origin = Origin(
            manifest.version,
            manifest.fingerprint,
            tuple(sorted({graph.provider for specialist in specialists for graph in specialist.graphs})),
        )
        # Longest first: a pool that starts its longest job last waits for it alone.
        self._batchers = {s: Batcher(s.encode, batching.one_by_one if s.alone else batching) for s in specialists}
        cost = {specialist: specialist.warm(batcher.sizes) for specialist, batcher in self._batchers.items()}
        self._members: dict[CategoryName, list[Specialist]] = {
            category: sorted(
                (s for s in specialists if s.member.domain == category), key=cost.__getitem__, reverse=True
            )
            for category in manifest.calibration
        }

    @classmethod
    def load(cls, release: Release, provider: Provider, pool: Executor, batching: Batching = ALONE) -> Self:
        """Load and warm every graph of `release` on `provider`.

        Raises:
            ReleaseRefused: a graph cannot be loaded or run on that provider, or is not what the manifest says.
        """
        reader = readers(release, provider)

        def load(member: Member) -> Specialist:
            return Specialist.load(member, release, reader[member.name], provider)

        return cls(release.manifest, list(pool.map(load, release.manifest.members)), batching)

    @property
    def fault(self) -> str | None:
        """Why it can give no more verdicts, None where it can."""
        dead = (specialist.member.name for specialist in self._batchers if specialist.dead)
        return next((f"{name}: its last calls failed" for name in dead), None)

    async def judge(self, views: Views, category: Category, pool: Executor) -> Verdict:
        """Encode both photos with every specialist of `category` on `pool` and take the vote."""
        a, b = await self.encode((views.a, views.b), category, pool)
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(pool, self.compare, [a], [b], category)
        return self.decide([float(logits[0]) for logits in found], category)

    async def encode(self, photos: Sequence[PhotoViews], category: Category, pool: Executor) -> list[Encoding]:
        """Read each photo and encode it with every specialist of `category` on `pool`."""
        members = self._members[category.name]
        loop = asyncio.get_running_loop()
        wanted = {specialist.reader for specialist in members}
        read = await asyncio.gather(*(loop.run_in_executor(pool, _read, photo, wanted) for photo in photos))
        embeddings = await asyncio.gather(
            *(self._batchers[specialist](photo[specialist.reader], pool) for specialist in members for photo in read)
        )
        return [tuple(embeddings[place :: len(photos)]) for place in range(len(photos))]

    def compare(self, a: Sequence[Encoding], b: Sequence[Encoding], category: Category) -> list[Tensor]:
        """Of every member of `category`, in the manifest's order, the logits of n pairs: `a` and `b` are n photos each,
        the logits float32 (n,), positive where A is preferred, and negated where A and B are exchanged."""
        members = self._members[category.name]
        sides = zip(*(map(np.concatenate, zip(*photos, strict=True)) for photos in (a, b)), strict=True)
        logits = {s.member: s.compare(first, second) for s, (first, second) in zip(members, sides, strict=True)}
        return [logits[member] for member in self._voters(category)]

    def decide(self, logits: Sequence[float], category: Category) -> Verdict:
        """The verdict of the members' logits of a pair, as `compare` gives them."""
        manifest = self.manifest
        found = list(zip(self._voters(category), logits, strict=True))
        return decide(found, category, manifest.calibration[category.name], manifest.rule)

    def _voters(self, category: Category) -> list[Member]:
        return [member for member in self.manifest.members if member.domain == category.name]


def _read(photo: PhotoViews, wanted: Collection[Reader]) -> dict[Reader, Tensors]:
    """What every one of `wanted` gives of one photo."""
    return {reader: reader(photo) for reader in wanted}


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
