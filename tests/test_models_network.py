"""The four-view network: antisymmetric by construction, in torch and through the real exporter."""

from collections.abc import Iterator

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")
pytest.importorskip("timm", reason="needs the train extra")
pytest.importorskip("onnxscript", reason="needs the train extra")

from torch import nn  # noqa: E402

from idiff_models.answer import backbones, export, training  # noqa: E402
from idiff_models.answer.network import AnswerNetwork, Bands, Head, pooled  # noqa: E402

SIZE = 128


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def network(family: str) -> AnswerNetwork:
    """Random weights, with batch statistics from a few steps of noise, as if trained."""
    torch.manual_seed(3)
    made = AnswerNetwork(family)
    with torch.no_grad():
        made.train().encoder(torch.randn(6, 2, 3, SIZE, SIZE))
    return made.eval()


@pytest.mark.parametrize("family", backbones.FAMILIES)
@torch.inference_mode()
def test_swapping_negates_the_logit_exactly(family: str) -> None:
    made = network(family)
    a, b = torch.randn(2, 3, 2, 3, SIZE, SIZE).unbind(0)
    forward, backward = made(a, b), made(b, a)
    assert forward.shape == (3,)
    assert torch.equal(forward, -backward)
    assert forward.abs().min() > 0
    assert torch.equal(made(a, a), torch.zeros(3))


@pytest.mark.parametrize("family", backbones.FAMILIES)
def test_starter_networks_are_small(family: str) -> None:
    parameters = sum(p.numel() for p in AnswerNetwork(family).parameters())
    assert 5e5 < parameters < 2e6


@pytest.mark.parametrize("family", backbones.FAMILIES)
def test_every_family_has_a_full_size_network(family: str) -> None:
    with torch.device("meta"):
        made = AnswerNetwork(family, "full").eval()
        assert made.encoder(torch.empty(1, 2, 3, 224, 224)).shape == (1, 128)
    assert sum(p.numel() for p in made.parameters()) > 5e6


@torch.inference_mode()
def test_both_views_and_both_photos_count() -> None:
    made = network("convnext")
    a, b = torch.randn(2, 1, 2, 3, SIZE, SIZE).unbind(0)
    plain = made(a, b)
    for view in (0, 1):
        for side in (0, 1):
            pair = [a.clone(), b.clone()]
            pair[side][:, view] *= 0.5
            assert not torch.equal(made(*pair), plain)


def test_bands_of_a_flat_picture_are_empty() -> None:
    bands = Bands()(torch.full((1, 3, 16, 16), 0.7))
    assert bands.shape == (1, 9, 16, 16)
    assert bands[:, 3:].abs().max() < 1e-6


def test_pooling_tells_scale_as_a_constant_difference() -> None:
    texture = torch.randn(1, 2, 32, 32)
    difference = pooled(3 * texture) - pooled(texture)
    assert torch.allclose(difference[:, 2:], torch.full((1, 2), float(np.log(3))), atol=1e-3)


def test_loss_falls_when_the_better_rendition_wins() -> None:
    class Bright(nn.Module):
        def forward(self, views: torch.Tensor) -> torch.Tensor:
            return views.mean((1, 2, 3, 4))[:, None].repeat(1, 4)

    toy = nn.Module()
    toy.encoder, toy.head = Bright(), Head(4, 8)
    toy.head.g = nn.Linear(8, 1, bias=False)
    toy.head.g.weight.data = torch.tensor([[1.0, 1, 1, 1, 0, 0, 0, 0]])
    views = torch.stack([torch.full((2, 3, 8, 8), float(level)) for level in (3, 3, 2, 2, 1, 1)])
    right = training.pair_loss(toy, views, 3)
    wrong = training.pair_loss(toy, views.flip(0), 3)
    assert right < 0.02 < 5 < wrong


@pytest.mark.slow
@pytest.mark.parametrize("family", ["efficientnet", "maxvit"])
def test_export_round_trip(family: str) -> None:
    made = network(family)
    exported = export.export(made, SIZE)
    assert exported.parity <= export.PARITY
    assert exported.rounding < 5e-3
    views = np.random.default_rng(0).standard_normal((3, 2, 3, SIZE, SIZE)).astype(np.float32)
    together = export.run(exported.encoder, views=views)
    alone = np.concatenate([export.run(exported.encoder, views=view[None]) for view in views])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    a, b = together[:2], together[1:]
    assert np.array_equal(export.run(exported.head, a=a, b=b), -export.run(exported.head, a=b, b=a))
    large = [t for t in exported.encoder.graph.initializer if np.prod(t.dims) >= export.SMALLEST_HALVED]
    assert large
    assert all(tensor.data_type != export.TensorProto.FLOAT for tensor in large)


def test_a_wrong_graph_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    made = network("efficientnet")
    tiny = export.to_onnx(nn.Flatten(), {"views": torch.zeros(2, 2, 3, 4, 4)}, "embedding")
    head = export.to_onnx(Head(8, 4), {"a": torch.zeros(2, 8), "b": torch.zeros(2, 8)}, "logit")
    graphs = iter([tiny, head])
    monkeypatch.setattr(export, "to_onnx", lambda *_: next(graphs))
    monkeypatch.setattr(export, "run", lambda graph, **inputs: np.full(4, 0.0, np.float32))
    with pytest.raises(ValueError, match="differ"):
        export.export(made, SIZE)
