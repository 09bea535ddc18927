"""Export: every member at both sizes, in every precision, through the real exporter and ONNX Runtime."""

from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch", reason="needs the train extra")
pytest.importorskip("timm", reason="needs the train extra")
pytest.importorskip("onnxscript", reason="needs the train extra")

import onnx  # noqa: E402
from torch import nn  # noqa: E402

from idiff.imaging.inputs import model_input  # noqa: E402
from idiff_models.answer import export, precision  # noqa: E402
from idiff_models.answer.backbones import FAMILIES, Scale  # noqa: E402
from idiff_models.answer.export import Graphs, session  # noqa: E402
from idiff_models.answer.frontend import Frontend  # noqa: E402
from idiff_models.answer.gate import LEAST_AGREEMENT, gate, logits_of  # noqa: E402
from idiff_models.answer.network import EMBEDDING, AnswerNetwork, Head  # noqa: E402
from idiff_models.answer.training import MEAN, STD  # noqa: E402
from idiff_models.answer.variants import Variant, export_variants  # noqa: E402

CONVOLUTIONAL = ("resnet", "efficientnet")
QUICKEST = "efficientnet"
OTHERS = [family for family in FAMILIES if family != QUICKEST]
RENDITIONS = 12
LEAST_UNTRAINED = {**LEAST_AGREEMENT, "fp16-compute": 0.95, "int8": 0.9}
"""Agreement held here. Random weights put many of the pairs near a tie, which rounding turns over; the gate itself, for
members that ship, stays at `LEAST_AGREEMENT`."""


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def renditions(side: int, tiles: int = 1) -> NDArray[np.float32]:
    """One photo taken in `RENDITIONS` ways as a scene of the gate: 66 pairs that differ in blur, light and noise."""
    data = np.frombuffer((files("idiff") / "samples" / "astronaut_a.jpg").read_bytes(), np.uint8)
    photo = cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB).astype(np.float32)
    scene = []
    for number in range(RENDITIONS):
        made = cv2.GaussianBlur(photo, (0, 0), 0.6 + 0.25 * number) if number % 2 else photo
        made = made * (1 - 0.05 * number) if number % 3 == 0 else made
        noise = np.random.default_rng(number).normal(0, 2 + number, photo.shape)
        shown = (made + noise if number % 4 < 2 else made).clip(0, 255).astype(np.uint8)
        scene.append(model_input(shown, shown[:512, :512], side, MEAN, STD, tiles))
    return np.stack(scene)[np.newaxis]


def as_if_trained(family: str, scale: Scale, views: NDArray[np.float32]) -> AnswerNetwork:
    """Random weights and the batch statistics of real views.

    Norms, biases and layer scales move away from where they start: at 0 or 1e-6 in ConvNeXt and Swin V2, so that fresh
    blocks add nothing and any error within them would go unseen.
    """
    torch.manual_seed(3)
    network = AnswerNetwork(family, scale)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim <= 1:
                parameter.add_(0.2 * torch.randn_like(parameter))
        for module in network.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.momentum = None  # the mean over batches: of the one, all of it
        network.train().encoder(torch.from_numpy(views[0, :6]))
    return network.eval()


def hold(network: AnswerNetwork, views: NDArray[np.float32], variants: list[Variant]) -> None:
    """What every export must: torch's logits, verdicts of the fp32 graphs, antisymmetry and batch independence."""
    for variant in variants:
        assert variant.parity <= export.PARITY
        assert variant.graphs is not None
        assert variant.gate is not None
        assert (variant.refused is None) == (variant.gate.agreement >= LEAST_AGREEMENT[variant.precision])
        assert variant.gate.pairs == RENDITIONS * (RENDITIONS - 1) / 2
        assert variant.gate.agreement >= LEAST_UNTRAINED[variant.precision]
        graphs = variant.graphs
        first, encoder, head = (
            session(graph) for graph in (graphs.frontend or graphs.encoder, graphs.encoder, graphs.head)
        )
        assert first.inputs == {"views": (None, *views.shape[2:])}
        assert encoder.inputs == (first.outputs if graphs.frontend else first.inputs)
        assert encoder.outputs == {"embedding": (None, EMBEDDING)}
        assert (graphs.frontend is None) == (variant.precision == "fp16-compute")
        encode = graphs.encoding()
        alone = np.concatenate([encode(photo[np.newaxis]) for photo in views[0, :3]])
        a, b = alone, np.roll(alone, 1, 0)
        logits = head(a=a, b=b)
        assert np.array_equal(logits, -head(a=b, b=a))
        assert np.abs(logits).min() > 0
        # int8 scales its activations by what is in the call: it is served one photo a call, and only so is it exact.
        if variant.precision != "int8":
            np.testing.assert_allclose(encode(views[0, :3]), alone, atol=2e-3 * np.abs(alone).max())
        if variant.precision == "fp32":
            with torch.inference_mode():
                truth = network(*(torch.from_numpy(np.roll(views[0, :3], shift, 0)) for shift in (0, 1)))
            np.testing.assert_allclose(logits, truth.numpy(), atol=1e-4)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("family", [QUICKEST, *(pytest.param(one, marks=pytest.mark.full) for one in OTHERS)])
def test_full_size_members_export(family: str) -> None:
    views = renditions(224)
    network = as_if_trained(family, "full", views)
    assert sum(parameter.numel() for parameter in network.parameters()) > 5e6
    *kept, int8 = export_variants(network, views, ["fp32", "fp16", "int8"])
    hold(network, views, kept if family in CONVOLUTIONAL else [*kept, int8])
    assert (int8.refused == "no matrix products to quantise") == (family in CONVOLUTIONAL)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_starter_members_export_with_tiles(family: str) -> None:
    views = renditions(128, tiles=4)
    network = as_if_trained(family, "starter", views)
    *kept, int8 = export_variants(network, views, ["fp32", "fp16", "fp16-compute", "int8"])
    hold(network, views, kept if family in CONVOLUTIONAL else [*kept, int8])
    assert (int8.graphs is None) == (family in CONVOLUTIONAL)


@pytest.mark.slow
def test_a_form_that_judges_otherwise_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def coarse(graphs: Graphs) -> Graphs:
        """Weights in three bits."""
        rounded = precision.halve(graphs.encoder)
        for tensor in rounded.graph.initializer:
            if tensor.data_type == precision.TensorProto.FLOAT16:
                values = onnx.numpy_helper.to_array(tensor).astype(np.float32)
                step = np.abs(values).max() / 3
                short = (np.round(values / step) * step).astype(np.float16)
                tensor.CopyFrom(onnx.numpy_helper.from_array(short, tensor.name))
        return replace(graphs, encoder=rounded)

    monkeypatch.setitem(precision.FORMS, "int8", coarse)
    views = renditions(128)
    (variant,) = export_variants(as_if_trained("convnext", "starter", views), views, ["int8"])
    assert variant.gate is not None
    assert not variant.gate.passed
    assert variant.gate.agreement < LEAST_AGREEMENT["int8"]
    assert variant.refused is not None
    assert variant.refused.startswith("int8 agrees with fp32 on ")
    assert "less than the 97% required" in variant.refused


class ToyEncoder(nn.Module):
    """The views, projected."""

    def __init__(self) -> None:
        super().__init__()
        self.frontend = Frontend()
        self.project = nn.Linear(2 * Frontend.width, EMBEDDING)

    def forward(self, views: torch.Tensor) -> torch.Tensor:
        return self.embed(*self.frontend(views))

    def embed(self, maps: torch.Tensor, statistics: torch.Tensor) -> torch.Tensor:
        return self.project(statistics.flatten(1)) + maps.mean((1, 2, 3, 4))[:, None]


class Toy(nn.Module):
    """Exports in seconds: what the front end counts, projected."""

    def __init__(self, head: nn.Module | None = None, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.encoder = ToyEncoder()
        self.head = head or Head()

    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return self.head(self.encoder(a), self.encoder(b))


EXAMPLES = torch.randn(4, 2, 3, 16, 16, generator=torch.Generator().manual_seed(1))


def test_a_traced_network_judges_as_torch_does() -> None:
    toy = Toy()
    graphs, parity = export.trace(toy, EXAMPLES)
    assert parity < 1e-5
    assert {entry.domain: entry.version for entry in graphs.encoder.opset_import}[""] == 20
    logits = logits_of(graphs, EXAMPLES.numpy()[np.newaxis, :2])
    with torch.inference_mode():
        np.testing.assert_allclose(logits, toy(EXAMPLES[:1], EXAMPLES[1:2]).numpy(), atol=1e-5)


def test_a_graph_unlike_torch_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    right = export.to_onnx

    def wrong(module: nn.Module, inputs: dict[str, torch.Tensor], outputs: list[str]) -> onnx.ModelProto:
        return right(export.Embedding(Toy(seed=1).encoder) if outputs == ["embedding"] else module, inputs, outputs)

    monkeypatch.setattr(export, "to_onnx", wrong)
    with pytest.raises(ValueError, match="ONNX Runtime and torch differ by"):
        export.trace(Toy(), EXAMPLES)


def test_a_head_that_is_not_antisymmetric_is_refused() -> None:
    class OneSided(nn.Module):
        def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
            return (a - b).sum(1) + 0.01

    with pytest.raises(ValueError, match="swapping the photos does not negate"):
        export.trace(Toy(OneSided()), EXAMPLES)


def test_the_gate_counts_verdicts() -> None:
    graphs, _ = export.trace(Toy(), EXAMPLES)
    views = EXAMPLES.numpy()[np.newaxis]
    same = gate(graphs, graphs, views, "fp32")
    assert (same.pairs, same.agreement, same.passed) == (6, 1.0, True)
    turned = onnx.ModelProto()
    turned.CopyFrom(graphs.head)
    for node in turned.graph.node:
        node.input[:] = [{"a": "b", "b": "a"}.get(name, name) for name in node.input]
    opposite = gate(graphs, Graphs(graphs.frontend, graphs.encoder, turned), views, "int8")
    assert (opposite.agreement, opposite.passed) == (0.0, False)
    with pytest.raises(ValueError, match="two renditions"):
        gate(graphs, graphs, views[:, :1], "fp32")
