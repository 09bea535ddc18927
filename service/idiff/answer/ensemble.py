"""The Answer Model: every specialist of the pair's category votes, with the weight the release gives it."""

import asyncio
import math
import time
from collections.abc import Collection, Sequence
from concurrent.futures import Executor
from typing import Self

import numpy as np

from idiff.answer.manifest import Calibration, Input, Manifest, Member
from idiff.answer.release import Release
from idiff.answer.session import Session, Tensor
from idiff.config import Provider
from idiff.imaging.inputs import model_input
from idiff.types import Category, CategoryName, PhotoViews, Side, Verdict, Views, Vote


class Specialist:
    """A member with its two graphs: `encode` one photo, `compare` two embeddings."""

    def __init__(self, member: Member, encoder: Session, head: Session) -> None:
        self.member = member
        self._encoder = encoder
        self._head = head

    @property
    def providers(self) -> set[str]:
        """Execution providers its graphs run on."""
        return {self._encoder.provider, self._head.provider}

    def encode(self, views: Tensor) -> Tensor:
        """The embedding, float32 (1, embedding), of one photo's `model_input`. One a call: none depends on another."""
        return self._encoder(views=views[np.newaxis])

    def compare(self, a: Tensor, b: Tensor) -> float:
        """The antisymmetric logit of two embeddings, positive where A is preferred."""
        return float(self._head(a=a, b=b)[0])

    def warm(self) -> float:
        """Seconds that the second of two encodings of an empty pair takes; the first pays for lazy initialisation."""
        side = self.member.input_size
        views = np.zeros((2, 3, side, side), np.float32)
        for _ in range(2):
            start = time.perf_counter()
            embedding = self.encode(views)
        self.compare(embedding, embedding)
        return time.perf_counter() - start


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
            ReleaseRefused: a graph cannot be loaded on that provider.
        """

        def specialist(member: Member) -> Specialist:
            encoder, head = (
                Session(part.path, release.graphs[part.path], provider) for part in (member.encoder, member.head)
            )
            return Specialist(member, encoder, head)

        return cls(release.manifest, list(pool.map(specialist, release.manifest.members)))

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
        order = [member for member in self.manifest.members if member in logits]
        return decide(
            [(member, logits[member]) for member in order], category, self.manifest.calibration[category.name]
        )


def _inputs(photo: PhotoViews, wanted: Collection[Input]) -> dict[Input, Tensor]:
    """One photo as every one of `wanted` reads it, float32 (2, 3, side, side) each."""
    return {kind: model_input(photo.global_view, photo.crop_view, *kind) for kind in wanted}


def decide(logits: Sequence[tuple[Member, float]], category: Category, calibration: Calibration) -> Verdict:
    """The verdict of members' logits: the weighted mean of their probabilities, as a logit over the temperature.

    The means for A and for B are formed separately, so that swapping the photos negates the logit to the last bit
    instead of losing the smaller probability in 1 - p.
    """
    weight = math.fsum(member.weight for member, _ in logits)
    a, b = (math.fsum(member.weight / weight * sigmoid(sign * logit) for member, logit in logits) for sign in (1, -1))
    logit = (math.log(a) - math.log(b)) / calibration.temperature
    confidence = sigmoid(abs(logit))
    return Verdict(
        preferred=_side(logit),
        probability_a=sigmoid(logit),
        logit=logit,
        confidence=confidence,
        too_close=confidence < calibration.too_close,
        category=category,
        rule="mean",
        votes=tuple(Vote(m.name, m.backbone, sigmoid(value), _side(value), m.weight / weight) for m, value in logits),
    )


def sigmoid(logit: float) -> float:
    """1 / (1 + exp(-logit)), bounded away from 0 so that its logarithm exists."""
    if logit < 0:
        odds = math.exp(max(logit, -80.0))
        return odds / (1 + odds)
    return 1 / (1 + math.exp(-logit))


def _side(logit: float) -> Side | None:
    if logit == 0:
        return None
    return "A" if logit > 0 else "B"
