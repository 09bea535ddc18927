"""POST /rank: the contract and its laws."""

import math
from itertools import combinations

import numpy as np
import pytest
from conftest import Post, encode, pixels
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from imaging_support import scene
from prometheus_client.parser import text_string_to_metric_families
from rank_support import ranked, send, shots

from idiff.ranking.schemas import Ranking


def test_contract(client: TestClient) -> None:
    ranking = ranked(client, shots())
    assert [photo.photo for photo in ranking.photos] == list(range(5))
    assert sorted(ranking.order) == list(range(5))
    strengths = [ranking.photos[photo].strength for photo in ranking.order]
    assert strengths == sorted(strengths, reverse=True)
    assert [ranking.photos[photo].rank for photo in ranking.order] == [1, 2, 3, 4, 5]
    assert sum(strengths) == pytest.approx(0, abs=1e-9)
    assert all(0 < photo.standard_error < 10 and photo.same_scene for photo in ranking.photos)
    assert ranking.order.index(0) < ranking.order.index(1) < ranking.order.index(2), "the blurrier, the farther behind"
    assert (ranking.category, ranking.category_source, ranking.crop_method) == ("person", "detected", "face")
    assert {photo.views.crop_size.width for photo in ranking.photos} == {400}
    assert {warning.field for warning in ranking.warnings} <= {"reason"}, "nothing to say of a photo"
    assert ranking.timings_ms["total"] > ranking.timings_ms["read"] > 0


def test_the_reason_is_short_and_about_the_first_two(client: TestClient) -> None:
    reason = ranked(client, shots()).reason
    order = ranked(client, shots(), rationale="none").order
    assert [reason.winner, reason.runner_up] == order[:2]
    assert reason.rationale is not None
    assert reason.rationale.source == "measured"
    assert 1 <= len(reason.rationale.lines) <= 3
    assert reason.verdict.confidence == max(reason.verdict.probability_a, 1 - reason.verdict.probability_a)


def test_probabilities_add_up_exactly_and_are_the_strengths_to_the_fit(client: TestClient) -> None:
    ranking = ranked(client, shots(), rationale="none")
    assert ranking.reason.rationale is None
    for a, b in combinations(range(5), 2):
        assert ranking.probabilities[a][b] + ranking.probabilities[b][a] == 1
        gap = ranking.photos[a].strength - ranking.photos[b].strength
        assert 1 / (1 + math.exp(-gap)) == pytest.approx(ranking.probabilities[a][b], abs=0.15)
    assert all(ranking.probabilities[photo][photo] == 0.5 for photo in range(5))


@pytest.mark.parametrize("pair", [(0, 1), (2, 0), (3, 4)])
def test_two_photos_get_the_verdict_of_a_comparison(client: TestClient, post: Post, pair: tuple[int, int]) -> None:
    photos = [shots()[photo] for photo in pair]
    ranking = ranked(client, photos, rationale="none")
    winner, runner_up = ranking.order
    files = {"image_a": photos[winner], "image_b": photos[runner_up]}
    comparison = post(files, rationale="none")
    assert ranking.reason.verdict.model_dump() == comparison["verdict"]
    assert ranking.reason.features.model_dump() == comparison["features"]
    assert ranking.photos[winner].views.model_dump() == comparison["views"]["a"]
    assert ranking.photos[runner_up].views.model_dump() == comparison["views"]["b"]


def by_content(ranking: Ranking, sent: list[int]) -> object:
    """Everything a ranking says of photos, by which of the set each is instead of where it was sent; `sent`: that."""
    places = [sent.index(photo) for photo in range(len(sent))]
    photos = [ranking.photos[place] for place in places]
    return (
        [(photo.rank, photo.strength, photo.standard_error, photo.same_scene, photo.views) for photo in photos],
        [[ranking.probabilities[a][b] for b in places] for a in places],
        {frozenset(sent[photo] for photo in run) for run in ranking.indistinguishable},
        {
            tuple(sorted((sent[a], sent[b]) for a, b in zip(one.photos, one.photos[1:] + one.photos[:1], strict=True)))
            for one in ranking.intransitive
        },
        (ranking.category, ranking.category_confidence, ranking.crop_method),
        (ranking.reason.verdict, ranking.reason.features, ranking.reason.rationale),
        sorted((warning.code, sent[int(warning.field[7:-1])]) for warning in ranking.warnings if warning.field),
    )


SET = [*shots(), encode(scene(500, 400, 8)), encode(pixels(shots()[1])[:, :330])]


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(range(len(SET))))
def test_the_order_of_upload_changes_nothing(client: TestClient, sent: list[int]) -> None:
    plain = by_content(ranked(client, SET), list(range(len(SET))))
    assert by_content(ranked(client, [SET[photo] for photo in sent]), sent) == plain


def test_equal_photos_tie_exactly(client: TestClient) -> None:
    sharp, blurred, *_ = shots()
    rewritten = encode(pixels(blurred), "TIFF")  # another file of the same pixels
    ranking = ranked(client, [blurred, sharp, rewritten, blurred])
    first, second, third, fourth = ranking.photos
    assert first.strength == third.strength == fourth.strength
    assert [photo.rank for photo in ranking.photos] == [2, 1, 2, 2]
    assert ranking.probabilities[0][2] == ranking.probabilities[2][3] == 0.5
    assert ranking.probabilities[0] == ranking.probabilities[2] == ranking.probabilities[3]
    assert {0, 2, 3} <= set(ranking.indistinguishable[-1])
    assert second.strength > first.strength
    assert ranking.order == [1, 0, 2, 3]


def test_a_photo_sent_twice_is_an_exact_tie(client: TestClient) -> None:
    ranking = ranked(client, [shots()[0]] * 2)
    assert [photo.rank for photo in ranking.photos] == [1, 1]
    assert [photo.strength for photo in ranking.photos] == [0, 0]
    assert ranking.reason.verdict.preferred is None
    assert ranking.indistinguishable == [[0, 1]]


def test_each_photo_is_encoded_once(client: TestClient) -> None:
    def calls() -> float:
        families = {family.name: family for family in text_string_to_metric_families(client.get("/metrics").text)}
        samples = {sample.name: sample.value for sample in families["idiff_batch_photos"].samples}
        return samples["idiff_batch_photos_sum"]

    before = calls()
    ranked(client, [*shots(), shots()[2]], rationale="none")
    assert calls() - before == 5 * 5, "five members, five different photos; its ten pairs would take a hundred"


def test_a_photo_of_another_scene_is_told_by_its_number(client: TestClient) -> None:
    ranking = ranked(client, [*shots()[:2], encode(scene(500, 400, 8)), *shots()[2:]])
    assert [photo.same_scene for photo in ranking.photos] == [True, True, False, True, True, True]
    (warning,) = [warning for warning in ranking.warnings if warning.field != "reason"]
    assert (warning.code, warning.field) == ("not_same_scene", "photos[2]")
    assert ranking.aligned_to != 2
    assert f"photos[{ranking.aligned_to}]" in warning.message


def test_a_lower_resolution_is_told_by_its_number(client: TestClient) -> None:
    small = encode(pixels(shots()[0])[::2, ::2].copy())
    ranking = ranked(client, [shots()[0], small, shots()[1]])
    assert [w.field for w in ranking.warnings if w.code == "resolution_differs"] == ["photos[1]"]
    widths = [photo.views.crop_box.width for photo in ranking.photos if photo.views.crop_box]
    assert widths[0] == widths[2]
    assert abs(widths[1] - widths[0] / 2) <= 2


@pytest.mark.parametrize("category", ["person", "scene"])
def test_given_category(client: TestClient, category: str) -> None:
    ranking = ranked(client, shots()[:3], category=category)
    assert (ranking.category, ranking.category_source, ranking.category_confidence) == (category, "given", None)
    assert all(vote.member.startswith(category) for vote in ranking.reason.verdict.votes)


def test_the_field_may_be_named_as_a_list(client: TestClient) -> None:
    assert send(client, shots()[:2], field="photos[]").status_code == 200


@pytest.mark.parametrize("count", [2, 64])
def test_as_few_and_as_many_as_may_be(client: TestClient, count: int) -> None:
    drawn = [encode(picture) for picture in np.random.default_rng(0).integers(0, 256, (3, 40, 40, 3), np.uint8)]
    ranking = ranked(client, [drawn[place % 3] for place in range(count)], category="scene", rationale="none")
    assert len(ranking.order) == len(ranking.probabilities) == count
    assert {photo.strength for photo in ranking.photos[::3]} == {ranking.photos[0].strength}
