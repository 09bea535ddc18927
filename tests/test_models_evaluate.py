"""Figures and held-out pairs: intervals, splits, labels."""

from pathlib import Path

import numpy as np
import pytest

from idiff.intervals import Share, share
from idiff_models.answer.photos import SHARES, categories, split_of

pytest.importorskip("piq", reason="needs the train extra")

from idiff_models.answer.degradations import KINDS
from idiff_models.evaluate.samples import GROUPS, draw_samples


def test_wilson_interval_of_the_papers_figure() -> None:
    low, high = Share(93, 102).wilson()
    assert (round(low, 3), round(high, 3)) == (0.841, 0.953)


def test_ties_count_half() -> None:
    assert share([1.0, -1.0, 0.0, 2.0]).value == 0.625


def test_groups_hold_every_kind_once() -> None:
    kinds = [kind for group in GROUPS.values() for kind in group]
    assert len(kinds) == len(set(kinds))
    assert set(kinds) == {*KINDS, "restored", "denoised", "rendered", "cross", "several"}


def test_held_out_pairs_have_answers_and_no_favoured_place(data: Path) -> None:
    drawn = list(draw_samples(data / "photos", categories(), "test", (0, 12), 7))
    assert [sample.name for sample in drawn] == [f"test-{index}" for index in range(12)]
    again = next(draw_samples(data / "photos", categories(), "test", (5, 6), 7))
    assert np.array_equal(again.a.crop_view, drawn[5].a.crop_view)
    for index, sample in enumerate(drawn):
        assert split_of(sample.photo) == "test"
        assert sample.kind in {*KINDS, "restored", "denoised", "rendered", "cross", "several", "equal"}
        assert sample.target == 0.5 if sample.kind == "equal" else (sample.target > 0.5) == (index % 2 == 0)


def test_splits_hold_their_shares_and_never_move() -> None:
    names = [f"photo-{index}.jpg" for index in range(4000)]
    for split, wanted in SHARES.items():
        assert sum(split_of(name) == split for name in names) / 4000 == pytest.approx(wanted, abs=0.03)
    # The shipped release was measured on these; a changed rule would leak its training photographs into the test.
    assert [split_of(name) for name in ("kodak/1.jpg", "kodak/15.jpg", "kodak/12.jpg")] == [
        "train",
        "test",
        "validation",
    ]


def test_labels_are_complete() -> None:
    labels = categories()
    assert set(labels.values()) == {"person", "scene"}
    assert len(labels) == 104
