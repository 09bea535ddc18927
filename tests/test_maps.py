"""Maps of where a pair differs and where each photo is sharp: `maps` of POST /compare."""

import base64
import io

import numpy as np
import pytest
from conftest import Post, encode, serve
from fastapi.testclient import TestClient
from numpy.typing import NDArray
from pair_support import noisy
from picture import chart
from PIL import Image
from thinking_support import events

from idiff.config import Settings
from idiff.imaging import maps
from idiff.types import Image as Picture

SHIFT = 24
BOTH = "difference,sharpness"


def values(drawn: dict[str, object]) -> NDArray[np.float64]:
    """A map's values in its unit, nan where it is transparent."""
    picture = Image.open(io.BytesIO(base64.b64decode(str(drawn["png"]))))
    assert picture.format == "PNG"
    top, low, high = maps.LEVELS - 1, float(str(drawn["low"])), float(str(drawn["high"]))
    seen = np.asarray(picture)
    return np.where(np.asarray(picture.convert("RGBA"))[..., 3] > 0, low + (high - low) * seen / top, np.nan)


def files_of(a: Picture, b: Picture) -> dict[str, bytes]:
    return {"image_a": encode(a), "image_b": encode(b)}


def test_there_are_no_maps_unless_asked_for(post: Post, files: dict[str, bytes]) -> None:
    assert post(files)["maps"] is None
    assert post(files, maps="difference")["maps"]["sharpness"] is None
    assert post(files, maps="sharpness")["maps"]["difference"] is None


def test_a_difference_is_shown_where_it_is(post: Post) -> None:
    a = chart(640, 480)
    b = a.copy()
    b[100:200, 300:400] = np.clip(b[100:200, 300:400].astype(int) + 40, 0, 255)
    found = values(post(files_of(a, b), maps="difference")["maps"]["difference"])
    assert found.shape == (480, 640)
    changed = np.zeros(found.shape, bool)
    changed[100:200, 300:400] = True
    assert found[110:190, 310:390].min() > 5
    assert np.median(found[~changed]) == 0


def test_identical_photos_differ_nowhere(post: Post) -> None:
    drawn = post(files_of(chart(), chart()), maps="difference")["maps"]["difference"]
    assert not values(drawn).any()
    assert drawn["high"] == pytest.approx(2 * 2.3)


def test_photos_are_aligned_first_and_nothing_is_said_where_one_shows_nothing(post: Post) -> None:
    whole = chart(640 + SHIFT, 480)
    a, b = whole[:, :-SHIFT], whole[:, SHIFT:]
    answer = post(files_of(a, b), maps=BOTH)
    assert answer["views"]["alignment"]["method"] == "features"
    found, sharp = values(answer["maps"]["difference"]), answer["maps"]["sharpness"]
    assert np.isnan(found[:, : SHIFT - 1]).all()
    assert np.isnan(values(sharp["b"])[:, : SHIFT - 1]).all()
    assert not np.isnan(values(sharp["a"])).any()
    assert np.nanmedian(found) < 1  # unaligned, it is 8


def test_sharpness_is_lower_where_a_photo_is_soft_and_has_one_scale(post: Post) -> None:
    a = noisy(chart(640, 480), 3)
    b = a.copy()
    b[:, 320:] = np.asarray(Image.fromarray(a[:, 320:]).resize((80, 120)).resize((320, 480)))
    found = post(files_of(a, b), maps="sharpness")["maps"]["sharpness"]
    first, second = values(found["a"]), values(found["b"])
    assert found["a"]["high"] == found["b"]["high"]
    assert second[:, 340:].mean() < 0.6 * first[:, 340:].mean()
    assert second[:, :300].mean() == pytest.approx(first[:, :300].mean(), rel=0.02)


def test_maps_fit_the_global_view_of_photo_a(post: Post) -> None:
    large, small = chart(1500, 1000), chart(750, 500)
    for pair, size in ((files_of(large, small), (683, 1024)), (files_of(small, large), (500, 750))):
        answer = post(pair, maps="difference")
        assert values(answer["maps"]["difference"]).shape == size
        whole = answer["views"]["a"]["global_size"]
        assert size == (whole["height"], whole["width"])


def test_maps_have_an_event_of_their_own_after_the_verdict(client: TestClient, files: dict[str, bytes]) -> None:
    streamed = events(client, files, maps=BOTH)
    assert [name for name, _ in streamed][:3] == ["verdict", "maps", "rationale.delta"]
    told = dict(streamed)
    assert told["verdict"]["maps"] is None
    assert values(told["maps"]["difference"]).shape == (512, 512)
    assert told["done"]["timings_ms"]["maps"] > 0
    assert "maps" not in dict(events(client, files))


def test_maps_fail_alone(client: TestClient, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(maps, "difference", fails)
    answer = client.post("/compare", files=files, data={"maps": BOTH}).json()
    assert answer["maps"] is None
    assert answer["rationale"]["lines"]
    assert "maps_missing" in {warning["code"] for warning in answer["warnings"]}
    assert 'idiff_warnings_total{code="maps_missing"}' in client.get("/metrics").text


def test_maps_are_kept_with_their_answer_only(files: dict[str, bytes]) -> None:
    with serve(Settings(cache_bytes=10**7)) as client:
        without = client.post("/compare", files=files).json()
        assert without["maps"] is None
        live = client.post("/compare", files=files, data={"maps": BOTH}).json()
        assert not live["provenance"]["cached"]
        kept = dict(events(client, files, maps=BOTH))
        assert kept["verdict"]["provenance"]["cached"]
        assert kept["verdict"]["maps"] is None
        assert kept["maps"] == live["maps"]


def test_an_answer_with_maps_that_is_larger_than_the_cache_is_not_kept(files: dict[str, bytes]) -> None:
    with serve(Settings(cache_bytes=100_000)) as client:
        for _ in range(2):
            answer = client.post("/compare", files=files, data={"maps": BOTH}).json()
            assert not answer["provenance"]["cached"]
        assert "idiff_cache_bytes 0.0" in client.get("/metrics").text
