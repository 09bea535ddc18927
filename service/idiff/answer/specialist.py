"""One member of an ensemble: its two graphs, held to what the manifest says of them."""

import time
from collections.abc import Mapping
from typing import Self

import numpy as np

from idiff.answer.manifest import File, Member
from idiff.answer.opset import opset_of
from idiff.answer.release import Release
from idiff.answer.session import Session, Tensor
from idiff.config import Provider
from idiff.errors import ReleaseRefused

Shape = tuple[int | None, ...]
"""Extents of a tensor; None where any number is taken."""


class Specialist:
    """A member with its two graphs: `encode` one photo, `compare` two embeddings."""

    def __init__(self, member: Member, encoder: Session, head: Session) -> None:
        self.member = member
        self.encoder = encoder
        self.head = head

    @classmethod
    def load(cls, member: Member, release: Release, provider: Provider) -> Self:
        """Load both graphs of `member` on `provider`.

        Raises:
            ReleaseRefused: a graph cannot be loaded on that provider, or is not what the manifest says.
        """
        views: Shape = (None, 1 + member.tiles, 3, member.input_size, member.input_size)
        embedding: Shape = (None, member.embedding)

        def session(part: File, inputs: Mapping[str, Shape], outputs: Mapping[str, Shape]) -> Session:
            graph, name = release.graphs[part.path], f"{release.folder}: {part.path}"
            loaded = Session(name, graph, provider)
            _agree(name, "input", loaded.inputs, inputs)
            _agree(name, "output", loaded.outputs, outputs)
            if (opset := opset_of(graph)) != member.opset:
                raise ReleaseRefused(f"{name}: is of opset {opset}; the manifest says {member.opset}")
            return loaded

        encoder = session(member.encoder, {"views": views}, {"embedding": embedding})
        head = session(member.head, {"a": embedding, "b": embedding}, {"logit": (None,)})
        return cls(member, encoder, head)

    @property
    def providers(self) -> set[str]:
        """Execution providers its graphs run on."""
        return {self.encoder.provider, self.head.provider}

    def encode(self, views: Tensor) -> Tensor:
        """The embedding, float32 (1, embedding), of one photo's `model_input`. One a call: none depends on another."""
        return self.encoder(views=views[np.newaxis])

    def compare(self, a: Tensor, b: Tensor) -> float:
        """The antisymmetric logit of two embeddings, positive where A is preferred."""
        return float(self.head(a=a, b=b)[0])

    def warm(self) -> float:
        """Seconds that the second of two encodings of an empty pair takes; the first pays for lazy initialisation.

        Raises:
            ReleaseRefused: a graph cannot be run.
        """
        side = self.member.input_size
        views = np.zeros((1 + self.member.tiles, 3, side, side), np.float32)
        try:
            for _ in range(2):
                start = time.perf_counter()
                embedding = self.encode(views)
            self.compare(embedding, embedding)
        except Exception as error:  # ONNX Runtime's exceptions share no public base
            raise ReleaseRefused(f"{self.member.name}: ONNX Runtime cannot run it: {error}") from error
        return time.perf_counter() - start


def _agree(name: str, what: str, found: Mapping[str, Shape], wanted: Mapping[str, Shape]) -> None:
    if found != wanted:
        raise ReleaseRefused(f"{name}: its {what} is {_text(found)}; the manifest asks for {_text(wanted)}")


def _text(tensors: Mapping[str, Shape]) -> str:
    return ", ".join(
        f"{name} ({', '.join('n' if extent is None else str(extent) for extent in shape)})"
        for name, shape in tensors.items()
    )
