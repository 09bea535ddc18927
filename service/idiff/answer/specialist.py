"""One member of an ensemble: its graphs, held to what the manifest says of them."""

import time
from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np

from idiff.answer.manifest import File, Member
from idiff.answer.opset import opset_of
from idiff.answer.reader import VIEWS, Reader, Tensors
from idiff.answer.release import Release
from idiff.answer.session import Session, Shape, Tensor, agree
from idiff.config import Provider
from idiff.errors import ReleaseRefused


class Specialist:
    """A member with its graphs: `encode` one photo, `compare` two embeddings."""

    def __init__(self, member: Member, reader: Reader, encoder: Session, head: Session) -> None:
        self.member = member
        self.reader = reader
        self.encoder = encoder
        self.head = head

    @classmethod
    def load(cls, member: Member, release: Release, reader: Reader, provider: Provider) -> Self:
        """Load the encoder and the head of `member` on `provider`; `reader` is the member's.

        Raises:
            ReleaseRefused: a graph cannot be loaded on that provider, or is not what the manifest says.
        """
        read = reader.frontend.outputs if reader.frontend else {VIEWS: (None, *reader.shape)}
        embedding: Shape = (None, member.embedding)

        def session(part: File, inputs: Mapping[str, Shape], outputs: Mapping[str, Shape]) -> Session:
            graph, name = release.graphs[part.path], f"{release.folder}: {part.path}"
            loaded = Session(name, graph, provider)
            agree(name, "input", loaded.inputs, inputs)
            agree(name, "output", loaded.outputs, outputs)
            if (opset := opset_of(graph)) != member.opset:
                raise ReleaseRefused(f"{name}: is of opset {opset}; the manifest says {member.opset}")
            return loaded

        encoder = session(member.encoder, read, {"embedding": embedding})
        head = session(member.head, {"a": embedding, "b": embedding}, {"logit": (None,)})
        return cls(member, reader, encoder, head)

    @property
    def graphs(self) -> tuple[Session, ...]:
        """The two, after the front end where there is one."""
        own = self.encoder, self.head
        return (self.reader.frontend, *own) if self.reader.frontend else own

    @property
    def dead(self) -> bool:
        """Whether one of its graphs has failed time after time."""
        return any(graph.dead for graph in self.graphs)

    @property
    def alone(self) -> bool:
        """Whether it must encode one photo a call: the scales of int8 are of the whole batch."""
        return self.member.precision == "int8"

    def encode(self, read: Tensors) -> Tensor:
        """The embeddings, float32 (n, embedding), of what `reader` gives of n photos."""
        return self.encoder(**read)

    def compare(self, a: Tensor, b: Tensor) -> Tensor:
        """The antisymmetric logits, float32 (n,), of n pairs of embeddings, positive where A is preferred."""
        return self.head(a=a, b=b)

    def warm(self, sizes: Sequence[int] = (1,)) -> float:
        """Seconds that the second of two encodings of an empty photo takes; the first pays for lazy initialisation.

        Batches of all `sizes` are run, the last of them first: a GPU plans anew for every shape.

        Raises:
            ReleaseRefused: a graph cannot be run.
        """
        try:
            read = self.reader.prepare(np.zeros((1, *self.reader.shape), np.float32))
            for size in (*reversed(sizes), 1):
                batch = {name: np.repeat(tensor, size, 0) for name, tensor in read.items()}
                start = time.perf_counter()
                embedding = self.encode(batch)
            self.compare(embedding, embedding)
        except Exception as error:  # ONNX Runtime's exceptions share no public base
            raise ReleaseRefused(f"{self.member.name}: ONNX Runtime cannot run it: {error}") from error
        return time.perf_counter() - start
