"""From a network to its fp32 ONNX graphs, the front end, the encoder and the head, held against torch."""

import hashlib
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnxscript import optimizer
from torch import Tensor, nn

from idiff.answer.manifest import File
from idiff.answer.session import Session
from idiff.config import Provider
from idiff_models.answer.network import EMBEDDING, AnswerNetwork, Encoder

OPSET = 20
FOLDED = 2**21
"""Largest constant, bytes, that the exporter may fold or make by folding."""
PARITY = 1e-4
"""Greatest logit difference allowed between torch and ONNX Runtime with the same fp32 weights."""


@dataclass(frozen=True)
class Graphs:
    """A member: `frontend`, views float32 (n, v, 3, s, s) -> maps (n, v, c, s, s) and statistics (n, v, k); `encoder`,
    these -> embedding (n, e); `head`, a, b (n, e) -> logit (n,).

    Inputs and outputs are float32 whatever the precision inside. Without `frontend` the encoder takes the views.
    """

    frontend: onnx.ModelProto | None
    encoder: onnx.ModelProto
    head: onnx.ModelProto

    def encoding(self, provider: Provider = "cpu") -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
        """The function from views to embeddings, as the service runs it.

        Raises:
            ReleaseRefused: a graph would run on another provider.
        """
        encoder = session(self.encoder, provider)
        if self.frontend is None:
            return lambda views: encoder(views=views)
        frontend = session(self.frontend, provider)
        return lambda views: encoder(**frontend.everything(views=views))


class Embedding(nn.Module):
    """The part of an encoder that is its own, behind the front end."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, maps: Tensor, statistics: Tensor) -> Tensor:
        return self.encoder.embed(maps, statistics)


def to_onnx(
    module: nn.Module, inputs: Mapping[str, Tensor], outputs: Sequence[str], opset: int = OPSET
) -> onnx.ModelProto:
    """Export with a dynamic first axis; `inputs` are examples by name, of two or more rows."""
    rows = torch.export.Dim("n", min=1, max=4096)
    with warnings.catch_warnings():
        # The exporter's own deprecations say nothing about the graph, which is checked against torch below.
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module.eval(),
            tuple(inputs.values()),
            input_names=list(inputs),
            output_names=list(outputs),
            opset_version=opset,
            dynamo=True,
            dynamic_shapes=tuple({0: rows} for _ in inputs),
            verbose=False,
        )
    if program is None:
        raise TypeError("torch.onnx.export returned no program")
    # Position-bias networks see constants only: folding them ships their small result instead of their weights.
    model = optimizer.optimize(program.model_proto, input_size_limit=FOLDED, output_size_limit=FOLDED)
    model.metadata_props.clear()
    model.graph.value_info.clear()  # shapes from before the folding, which every reader infers again
    for node in model.graph.node:
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    return model


def session(model: onnx.ModelProto, provider: Provider = "cpu") -> Session:
    """The graph loaded as the service loads it; raises ReleaseRefused where it would run on another provider."""
    return Session(model.graph.name, model.SerializeToString(), provider)


def trace(network: AnswerNetwork, examples: Tensor) -> tuple[Graphs, float]:
    """The fp32 graphs of a network, and the worst difference of their logits from torch's.

    `examples`: float32 (n, v, 3, s, s), two photos or more; they fix v and s, the batch stays free.

    Raises:
        ValueError: the graphs' logits differ from torch's by more than `PARITY`, or swapping does not negate them.
    """
    network = network.eval()
    for module in network.modules():
        if hasattr(module, "fused_attn"):
            # The fused kernel's output strides cannot be traced with a dynamic batch; the plain product is the same.
            setattr(module, "fused_attn", False)  # noqa: B010 - a plain attribute, not a submodule
    pair = {"a": torch.randn(3, EMBEDDING), "b": torch.randn(3, EMBEDDING)}
    with torch.inference_mode():
        read = dict(zip(("maps", "statistics"), network.encoder.frontend(examples[:2]), strict=True))
        truth = network(examples, examples.roll(1, 0)).numpy()
    graphs = Graphs(
        to_onnx(network.encoder.frontend, {"views": examples[:2]}, list(read)),
        to_onnx(Embedding(network.encoder), read, ["embedding"]),
        to_onnx(network.head, pair, ["logit"]),
    )
    embedded = graphs.encoding()(examples.numpy())
    turned, head = np.roll(embedded, 1, 0), session(graphs.head)
    logits = head(a=embedded, b=turned)
    if not np.array_equal(logits, -head(a=turned, b=embedded)):
        raise ValueError("swapping the photos does not negate the logit")
    parity = float(np.abs(logits - truth).max())
    if not parity <= PARITY:
        raise ValueError(f"ONNX Runtime and torch differ by {parity:.2g}, more than {PARITY}")
    return graphs, parity


def save(graphs: Graphs, folder: Path, name: str) -> dict[str, File]:
    """Write `<name>.encoder.onnx`, `<name>.head.onnx` and the front end, named by its content; a member's files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {"encoder": _write(graphs.encoder, folder, f"{name}.encoder.onnx")}
    files["head"] = _write(graphs.head, folder, f"{name}.head.onnx")
    if graphs.frontend is not None:
        files["frontend"] = _write(graphs.frontend, folder)
    return files


def _write(model: onnx.ModelProto, folder: Path, name: str | None = None) -> File:
    data = model.SerializeToString(deterministic=True)
    digest = hashlib.sha256(data).hexdigest()
    path = name or f"frontend-{digest[:12]}.onnx"
    (folder / path).write_bytes(data)
    return File(path=path, sha256=digest, bytes=len(data))
