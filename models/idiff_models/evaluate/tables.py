"""The structure of the paper's Tables 2 and 3 on any set: which of its steps gains what, trained and judged alike."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from idiff.answer.rules import combine
from idiff.intervals import Share
from idiff.types import CategoryName, Rule
from idiff_models.answer.backbones import FAMILIES
from idiff_models.answer.cache import Cache
from idiff_models.answer.members import train_runs
from idiff_models.answer.release import DOMAINS
from idiff_models.answer.starter import Run
from idiff_models.answer.training import RunConfig, load_network
from idiff_models.answer.training.objective import decided, score
from idiff_models.evaluate.markdown import table

Layout = Literal["merged", "split"]
Values = NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """One way to judge, on the test pairs of each category and on all."""

    name: str
    person: Share
    scene: Share
    overall: Share


@dataclass(frozen=True)
class Tables:
    """`steps`: Table 2, each row adding a step of the paper's to the one above. `backbones`: Table 3, the merged
    baseline and the split network of every backbone."""

    steps: list[Row]
    backbones: list[tuple[str, Row, Row]]


def run_name(layout: Layout, family: str, domain: CategoryName | None) -> str:
    """The folder of one of the tables' runs."""
    return f"{layout}-{domain or 'all'}-{family}"


def plan(base: RunConfig, families: Sequence[str], out: Path) -> Iterator[Run]:
    """The runs that the tables need: every backbone merged and split on all pairs, and split on each category's."""
    for family, (layout, domain) in product(
        families, (("merged", None), ("split", None), *(("split", domain) for domain in DOMAINS))
    ):
        own = {"family": family, "layout": layout, "category": domain}
        values = base.model_dump(exclude_unset=True) | own
        yield Run(RunConfig.model_validate(values), out / "runs" / run_name(layout, family, domain))


@dataclass(frozen=True)
class _Judged:
    """Of the decided test pairs: whether the first photo is the better (+1, -1), the category, logits by run."""

    better: Values
    person: NDArray[np.bool_]
    logits: Mapping[str, Values]

    def row(self, name: str, logits: Values) -> Row:
        right = (1 + np.sign(self.better * logits)) / 2
        parts = (right[self.person], right[~self.person], right)
        return Row(name, *(Share(float(part.sum()), len(part)) for part in parts))


def _judge(cache: Cache, runs: Sequence[Run], side: int) -> _Judged:
    scenes = np.arange(len(cache.categories))
    wanted, known = decided(cache, scenes)
    person = np.array([name == "person" for name in cache.categories])
    logits = {
        run.folder.name: score(load_network(run.folder / "member.pt"), cache, scenes, side)[known].astype(np.float64)
        for run in runs
    }
    return _Judged(np.sign(wanted - 0.5)[known], np.repeat(person[:, None], wanted.shape[1], 1)[known], logits)


def _specialists(judged: _Judged, family: str) -> Values:
    """Each pair by the specialist of its category."""
    person, scene = (judged.logits[run_name("split", family, domain)] for domain in DOMAINS)
    return np.where(judged.person, person, scene)


def _vote(rule: Rule, logits: Sequence[Values], weights: Sequence[Values]) -> Values:
    """The ensemble's logit of each pair; `weights` of each member and pair."""
    rows = zip(np.stack(logits, 1).tolist(), np.stack(weights, 1).tolist(), strict=True)
    return np.array([combine(rule, row, weight) for row, weight in rows])


def _weights(test: _Judged, validation: _Judged, family: str) -> Values:
    """A family's validation accuracy on the category of each test pair."""
    row = validation.row(family, _specialists(validation, family))
    return np.where(test.person, row.person.value, row.scene.value).clip(min=1e-3)


def make_tables(
    base: RunConfig, out: Path, families: Sequence[str] = FAMILIES, backbone: str = "convnext", workers: int = 1
) -> Tables:
    """Train what is missing below `out` and judge the cache's split "test".

    `base`: cache, sizes and recipe of every run; its family, layout and category are set here. The cache needs the
    splits "train", "validation" (which weights the votes) and "test". `backbone`: of the rows with a single one.
    `workers`: runs at a time.

    Raises:
        RunError: a run cannot be done as configured, or a split is missing.
    """
    runs = list(plan(base, families, out))
    train_runs([[run] for run in runs], workers)
    test, validation = (_judge(Cache.read(base.cache, split), runs, base.side) for split in ("test", "validation"))
    single = {layout: run_name(layout, backbone, None) for layout in ("merged", "split")}
    members = [_specialists(test, family) for family in families]
    equal = [np.ones(len(test.better))] * len(families)
    weighted = [_weights(test, validation, family) for family in families]
    steps = [
        test.row(f"merged baseline ({backbone})", test.logits[single["merged"]]),
        test.row("+ split left/right", test.logits[single["split"]]),
        test.row("+ person/scene", _specialists(test, backbone)),
        test.row(f"+ ensemble of {len(families)}, equal vote", _vote("mean", members, equal)),
        test.row("+ weighted voting", _vote("weighted", members, weighted)),
    ]
    backbones = [
        (family, *(test.row(family, test.logits[run_name(layout, family, None)]) for layout in ("merged", "split")))
        for family in families
    ]
    return Tables(steps, [(name, merged, split) for name, merged, split in backbones])


def to_markdown(tables: Tables, base: RunConfig) -> str:
    """Both tables, with what they were made of."""
    steps = [(row.name, str(row.person), str(row.scene), str(row.overall)) for row in tables.steps]
    backbones = [(name, str(merged.overall), str(split.overall)) for name, merged, split in tables.backbones]
    pairs = tables.steps[0].overall.pairs
    length = f"{base.steps} steps" if base.steps is not None else f"{base.epochs:g} epochs"
    return "\n\n".join(
        (
            f"Right on {pairs} test pairs, 95 % Wilson intervals. Networks of {base.scale} scale, trained for "
            f"{length} of {base.batch} scenes, input {base.side} px, seed {base.seed}. The merged baseline "
            "reads both photos as one picture; splitting also brings the front end, the pooling of every stage and the "
            "antisymmetric head.",
            "## What each step gains (the paper's Table 2)",
            table(("system", "person", "scene", "overall"), steps),
            "## Each backbone (the paper's Table 3)",
            table(("backbone", "merged baseline", "split left/right"), backbones),
        )
    )
