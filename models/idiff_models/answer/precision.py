"""Smaller or faster forms of a member's fp32 graphs. Inputs and outputs stay float32; the head stays as it is."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, compose, helper, numpy_helper
from onnxruntime.quantization import quantize_dynamic
from onnxruntime.quantization.onnx_model import ONNXModel
from onnxruntime.transformers.float16 import DEFAULT_OP_BLOCK_LIST, convert_float_to_float16

from idiff.answer.manifest import Precision
from idiff_models.answer.export import Graphs

SMALLEST_HALVED = 1024
"""Initialisers of fewer elements stay fp32: biases and norms weigh little and matter most."""
HEAVY = ("Conv", "MatMul")
"""Operators worth computing in fp16, and whatever lies between two of them."""


def halve(model: ModelProto) -> ModelProto:
    """A copy whose large fp32 initialisers are fp16 and cast back; ONNX Runtime folds the casts on loading."""
    halved = ModelProto()
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
    return halved


def compute_in_fp16(model: ModelProto) -> ModelProto:
    """A copy computed in fp16 between its first and last convolutions or matrix products.

    Input bands and pooled statistics stay fp32: they subtract nearly equal numbers and take logarithms of squares.
    """
    between = _reached(model, forward=True) & _reached(model, forward=False)
    outside = [node.name for node in model.graph.node if node.name not in between]
    copy = ModelProto()
    copy.CopyFrom(model)
    converted = convert_float_to_float16(
        copy, keep_io_types=True, op_block_list=DEFAULT_OP_BLOCK_LIST, node_block_list=outside
    )
    _drop_needless_casts(converted)
    ONNXModel(converted).topological_sort()
    return converted


def _drop_needless_casts(model: ModelProto) -> None:
    """Mend what the converter leaves around fp32 nodes: one Cast for every reader, and a way through fp16 between two.

    The first are duplicates, which ONNX Runtime refuses; the second would round what was kept in fp32 to be exact.
    """
    nodes = {node.output[0]: node for node in model.graph.node}
    exact = {
        node.output[0]: nodes[node.input[0]].input[0]
        for node in nodes.values()
        if _casts(node, TensorProto.FLOAT) and _casts(nodes.get(node.input[0]), TensorProto.FLOAT16)
    }
    for node in nodes.values():
        for place, name in enumerate(node.input):
            node.input[place] = exact.get(name, name)
    read = {name for node in nodes.values() for name in node.input} | {output.name for output in model.graph.output}
    del model.graph.node[:]
    model.graph.node.extend(node for node in nodes.values() if not read.isdisjoint(node.output))


def _casts(node: onnx.NodeProto | None, to: int) -> bool:
    return node is not None and node.op_type == "Cast" and node.attribute[0].i == to


def _reached(model: ModelProto, forward: bool) -> set[str]:
    """Names of the nodes that a heavy one feeds (`forward`) or that feed a heavy one, and of the heavy ones."""
    names, carried = set(), set()
    for node in model.graph.node if forward else reversed(model.graph.node):
        come, go = (node.input, node.output) if forward else (node.output, node.input)
        if node.op_type in HEAVY or not carried.isdisjoint(come):
            names.add(node.name)
            carried.update(name for name in go if name)
    return names


def quantise(model: ModelProto) -> ModelProto:
    """A copy whose products with constant matrices run in int8, activations scaled anew in every call; rest halved.

    Raises:
        ValueError: it has no such product; a convolutional encoder gains nothing.
    """
    products = [node.name for node in model.graph.node if node.op_type == "MatMul"]
    if not products:
        raise ValueError("no matrix products to quantise")
    prepared = ModelProto()
    prepared.CopyFrom(model)
    helper.set_model_props(prepared, {"onnx.quant.pre_process": "onnxruntime.quant"})  # else it advises to do so
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "int8.onnx"
        # Seven bits a weight: eight overflow the 16-bit sums of processors without VNNI, which would then disagree.
        # By name, since the quantiser makes a product of the projection to the embedding, which stays exact, too.
        quantize_dynamic(prepared, target, ["MatMul"], per_channel=True, reduce_range=True, nodes_to_quantize=products)
        quantised = onnx.load(target)
    quantised.metadata_props.clear()
    return halve(quantised)


def in_one_graph(graphs: Graphs) -> ModelProto:
    """The front end and the encoder as one graph: where arithmetic costs less than carrying the maps to a GPU."""
    if graphs.frontend is None:
        return graphs.encoder
    shared = [(output.name, output.name) for output in graphs.frontend.graph.output]
    frontend = compose.add_prefix(graphs.frontend, "frontend/", rename_inputs=False, rename_outputs=False)
    return compose.merge_models(frontend, graphs.encoder, io_map=shared)


FORMS: dict[Precision, Callable[[Graphs], Graphs]] = {
    "fp32": lambda graphs: graphs,
    "fp16": lambda graphs: replace(graphs, encoder=halve(graphs.encoder)),
    "fp16-compute": lambda graphs: replace(graphs, frontend=None, encoder=compute_in_fp16(in_one_graph(graphs))),
    "int8": lambda graphs: replace(graphs, encoder=quantise(graphs.encoder)),
}
"""How each precision is made of the fp32 graphs. `fp16` is the form to ship for CPUs, `fp16-compute` for GPUs; `int8`
is judged one photo a call."""
