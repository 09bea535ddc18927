"""The network of a member: antisymmetric by construction, whatever the number of tiles."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")
timm = pytest.importorskip("timm", reason="needs the train extra")

from idiff_models.answer import backbones  # noqa: E402
from idiff_models.answer.frontend import Frontend, pooled  # noqa: E402
from idiff_models.answer.network import AnswerNetwork  # noqa: E402

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
def test_every_view_of_both_photos_counts() -> None:
    made = network("convnext")
    a, b = torch.randn(2, 1, 5, 3, SIZE, SIZE).unbind(0)
    plain = made(a, b)
    for view in range(5):
        for side in (0, 1):
            pair = [a.clone(), b.clone()]
            pair[side][:, view] *= 0.5
            assert not torch.equal(made(*pair), plain)


@torch.inference_mode()
def test_tiles_count_as_one_view() -> None:
    made = network("convnext")
    views = torch.randn(1, 2, 3, SIZE, SIZE)
    repeated = torch.cat([views, views[:, 1:], views[:, 1:]], 1)
    torch.testing.assert_close(made.encoder(repeated), made.encoder(views), atol=1e-5, rtol=1e-4)
    shuffled = torch.randn(1, 4, 3, SIZE, SIZE)
    torch.testing.assert_close(made.encoder(shuffled[:, [0, 3, 1, 2]]), made.encoder(shuffled), atol=1e-5, rtol=1e-4)


@pytest.mark.slow
def test_weights_from_a_local_checkpoint_are_those_of_the_network(tmp_path: Path) -> None:
    plain = timm.create_model("efficientnet_b2")
    torch.save(plain.state_dict(), tmp_path / "weights.pth")
    loaded = backbones.build("efficientnet", "full", tmp_path / "weights.pth").network.state_dict()
    shared = {name: value for name, value in plain.state_dict().items() if name in loaded}
    assert len(shared) > 400
    assert all(torch.equal(loaded[name], value) for name, value in shared.items())
    # A stem that reads the front end's maps repeats the picture's filters.
    wider = backbones.build("efficientnet", "full", tmp_path / "weights.pth", in_chans=Frontend.channels).network
    assert wider.conv_stem.weight.shape[1] == Frontend.channels
    assert torch.equal(wider.blocks[3][0].conv_pw.weight, plain.blocks[3][0].conv_pw.weight)


def test_the_frontend_has_the_sizes_that_it_declares() -> None:
    frontend = Frontend()
    maps, statistics = frontend(torch.randn(2, 5, 3, 32, 32))
    assert maps.shape == (2, 5, frontend.channels, 32, 32)
    assert statistics.shape == (2, 5, frontend.width)
    assert torch.isfinite(statistics).all()


def test_bands_and_energies_of_a_flat_picture_are_empty() -> None:
    maps, _ = Frontend()(torch.full((1, 1, 3, 16, 16), 0.7))
    assert maps[0, :, 3:9].abs().max() < 1e-5
    assert (maps[0, :, 9:] < -1.4).all()


def test_noise_lifts_the_floor_and_blur_takes_the_peak() -> None:
    texture = torch.zeros(1, 3, 64, 64)
    texture[..., 20:44, 20:44] = torch.randn(1, 1, 24, 24, generator=torch.manual_seed(0))
    floor, peak = 2 * Frontend.channels, 2 * Frontend.channels + 4
    frontend = Frontend()
    plain = frontend(texture[None])[1][0, 0]
    noisy = frontend(texture[None] + 0.1 * torch.randn(1, 1, 3, 64, 64))[1][0, 0]
    soft = frontend(torch.nn.functional.avg_pool2d(texture, 3, 1, 1)[None])[1][0, 0]
    assert noisy[floor] > plain[floor] + 0.5
    assert soft[peak] < plain[peak] - 0.3


@pytest.mark.parametrize(("across", "start"), [(True, 0), (True, 5), (False, 3)])
def test_blocks_show_wherever_their_grid_starts_and_under_noise(across: bool, start: int) -> None:
    random = torch.manual_seed(0)
    blocks = torch.randn(1, 1, 1, 9, generator=random).expand(1, 3, 72, 9).repeat_interleave(8, 3)
    picture = blocks[..., :64, start : start + 64] + 0.3 * torch.randn(1, 3, 64, 64, generator=random)
    met = Frontend()((picture if across else picture.transpose(2, 3))[None])[1][0, 0, -4:]
    along, other = (0, 2) if across else (2, 0)
    assert met[along] > 0.4
    assert met[other] < 0.2


def test_tones_are_shares() -> None:
    tones = slice(2 * Frontend.channels + 8, 2 * Frontend.channels + 18)
    statistics = Frontend()(torch.randn(1, 3, 3, 32, 32).clamp(-2, 2.4))[1][0]
    torch.testing.assert_close(statistics[:, tones].sum(1), torch.ones(3), atol=1e-4, rtol=0)


def test_pooling_tells_scale_as_a_constant_difference() -> None:
    texture = torch.randn(1, 2, 32, 32)
    difference = pooled(3 * texture) - pooled(texture)
    assert torch.allclose(difference[:, 2:], torch.full((1, 2), float(np.log(3))), atol=1e-3)
