"""From a checkpoint to two ONNX graphs: the encoder and the head, weights stored as fp16, computed in fp32."""

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxscript import optimizer
from torch import Tensor, nn

from idiff_models.answer.network import EMBEDDING, AnswerNetwork

OPSET = 20
SMALLEST_HALVED = 1024
"""Initialisers of fewer elements stay fp32: biases and norms weigh little and matter most."""
FOLDED = 2**21
"""Largest constant, bytes, that the exporter may fold or make by folding."""
PARITY = 1e-4
"""Greatest logit difference allowed between torch and ONNX Runtime with the same fp32 weights."""


@dataclass(frozen=True)
class Exported:
    """The two graphs, and how far their logits are from torch: `parity` before fp16 storage, `rounding` after."""

    encoder: onnx.ModelProto
    head: onnx.ModelProto
    parity: float
    rounding: float


def to_onnx(module: nn.Module, inputs: dict[str, Tensor], output: str, opset: int = OPSET) -> onnx.ModelProto:
    """Export with a dynamic first axis; `inputs` are examples by name, of two or more rows."""
    rows = torch.export.Dim("n", min=1, max=4096)
    with warnings.catch_warnings():
        # The exporter's own deprecations say nothing about the graph, which is checked against torch below.
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module.eval(),
            tuple(inputs.values()),
            input_names=list(inputs),
            output_names=[output],
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
    for node in model.graph.node:
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    return model


def halve(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose large fp32 initialisers are fp16 and cast back; ONNX Runtime folds the casts on loading."""
    halved = onnx.ModelProto()
    halved.CopyFrom(model)
    casts = []
    for tensor in halved.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT and np.prod(tensor.dims) >= SMALLEST_HALVED:
            name = tensor.name
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), f"{name}.fp16"))
            casts.append(helper.make_node("Cast", [tensor.name], [name], to=TensorProto.FLOAT))
    nodes = list(halved.graph.node)
    del halved.graph.node[:]
    halved.graph.node.extend(casts + nodes)
    onnx.checker.check_model(halved)
    return halved


def run(model: onnx.ModelProto, **inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """The graph's one output on the CPU."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, inputs)[0], np.float32)


def export(network: AnswerNetwork, size: int, examples: Tensor | None = None, opset: int = OPSET) -> Exported:
    """Export a trained network of input `size`, compared with ONNX Runtime on `examples` (n, 2, 3, size, size).

    Raises:
        ValueError: the graphs' logits differ from torch's by more than `PARITY`, or swapping does not negate them.
    """
    network = network.eval()
    for module in network.modules():
        if hasattr(module, "fused_attn"):
            # The fused kernel's output strides cannot be traced with a dynamic batch; the plain product is the same.
            setattr(module, "fused_attn", False)  # noqa: B010 - a plain attribute, not a submodule
    views = examples if examples is not None else torch.randn(4, 2, 3, size, size, generator=torch.manual_seed(0))
    encoder = to_onnx(network.encoder, {"views": views[:2]}, "embedding", opset)
    pair = {"a": torch.randn(3, EMBEDDING), "b": torch.randn(3, EMBEDDING)}
    head = to_onnx(network.head, pair, "logit", opset)
    with torch.inference_mode():
        truth = network(views, views.roll(1, 0)).numpy()

    def logits(encoder: onnx.ModelProto, head: onnx.ModelProto) -> NDArray[np.float32]:
        embedded = run(encoder, views=views.numpy())
        turned = np.roll(embedded, 1, 0)
        logit = run(head, a=embedded, b=turned)
        if not np.array_equal(logit, -run(head, a=turned, b=embedded)):
            raise ValueError("swapping the photos does not negate the logit")
        return logit

    parity = float(np.abs(logits(encoder, head) - truth).max())
    if not parity <= PARITY:
        raise ValueError(f"ONNX Runtime and torch differ by {parity:.2g}, more than {PARITY}")
    small_encoder, small_head = halve(encoder), halve(head)
    return Exported(small_encoder, small_head, parity, float(np.abs(logits(small_encoder, small_head) - truth).max()))


def save(exported: Exported, folder: Path, name: str) -> tuple[Path, Path]:
    """Write `<name>.encoder.onnx` and `<name>.head.onnx`."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = folder / f"{name}.encoder.onnx", folder / f"{name}.head.onnx"
    for path, model in zip(paths, (exported.encoder, exported.head), strict=True):
        path.write_bytes(model.SerializeToString(deterministic=True))
    return paths
