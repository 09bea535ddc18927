"""The loaded metrics and the one worker that runs them, with a bounded queue before it."""

import asyncio
import logging
import math
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import torch
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from torch import Tensor

from idiff import __version__
from idiff.deadline import Deadline
from idiff.errors import DeadlineExceeded, NotReady, Overloaded
from idiff.iqa.wire import Answer, Info, Missing, Scored, Served, unpack
from idiff.types import Image
from idiff_iqa.config import Settings
from idiff_iqa.metrics import LICENCES, Absent, Metric, load

log = logging.getLogger(__name__)

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Scorer:
    """`metrics` are served, `absent` are not and why, of all that there are. `loaded` once that is settled."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics: list[Metric] = []
        asked = filter(None, (part.strip() for part in settings.metrics.split(",")))
        self._asked = tuple(dict.fromkeys(asked))
        unasked = dict.fromkeys(LICENCES, "not asked for by IDIFF_IQA_METRICS")
        self.absent = unasked | dict.fromkeys(self._asked, "it is loading")
        self.loaded = False
        self.pool = ThreadPoolExecutor(1, thread_name_prefix="iqa")
        self._held = 0
        self.registry = registry = CollectorRegistry()
        self.requests = Counter("idiff_iqa_requests", "Requests by status", ["code"], registry=registry)
        self.unjudged = Counter(
            "idiff_iqa_unjudged_views", "Views that a metric could not judge", ["metric"], registry=registry
        )
        self.seconds = Histogram(
            "idiff_iqa_metric_seconds", "Time to score a request", ["metric"], buckets=SECONDS, registry=registry
        )
        self.present = Gauge("idiff_iqa_metric_loaded", "1 where it is served", ["metric"], registry=registry)

    def load(self) -> None:
        """Say under which licence each metric is, then load what was asked for; what cannot be loaded is absent, and
        says why."""
        for name, licence in LICENCES.items():
            log.info("%s: licence: %s", name, licence)
        for name in self._asked:
            try:
                metric = load(name, self.settings.weights, self.settings.device)
            except Absent as error:
                self.absent = {**self.absent, name: str(error)}
                log.warning("%s is absent: %s", name, error)
            else:
                self.metrics.append(metric)
                self.absent = {other: why for other, why in self.absent.items() if other != name}
                log.info("%s is served; version: %s; licence: %s", name, metric.version, metric.licence)
            self.present.labels(name).set(name not in self.absent)
        self.loaded = True

    def info(self) -> Info:
        """What is served under which licence, and what is not."""
        # Absent ones first: one that is being loaded may be told of twice, but never not at all.
        absent = {name: Missing(licence=LICENCES.get(name), reason=why) for name, why in self.absent.items()}
        served = {one.name: Served(better=one.better, version=one.version, licence=one.licence) for one in self.metrics}
        return Info(service=__version__, device=self.settings.device, loaded=self.loaded, metrics=served, absent=absent)

    def ready(self) -> None:
        """Raises NotReady while loading, and where there is nothing to serve."""
        if not (self.loaded and self.metrics):
            raise NotReady("no metric is loaded" if self.loaded else "the metrics are loading")

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Hold a place for a request.

        Raises:
            NotReady: see `ready`.
            Overloaded: none is free.
        """
        self.ready()
        limit = self.settings.max_waiting + 1
        if self._held >= limit:
            raise Overloaded(f"{limit} requests are held; try again shortly", limit=limit)
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1

    async def score(self, body: bytes, deadline: Deadline) -> Answer:
        """Scores of all metrics, for views as `pack` makes them.

        Raises:
            BadViews: see `unpack`.
            DeadlineExceeded: nobody waits for them any more.
        """
        async with deadline.kept():
            return await asyncio.get_running_loop().run_in_executor(self.pool, self._score, body, deadline)

    def _score(self, body: bytes, deadline: Deadline) -> Answer:
        views, scored = unpack(body), []
        for metric in self.metrics:
            if not deadline.left:
                raise DeadlineExceeded("the time for the scores is over")
            start = time.perf_counter()
            scored.append(self._judged(metric, views))
            self.seconds.labels(metric.name).observe(time.perf_counter() - start)
        return Answer(scored=scored)

    @torch.inference_mode()
    def _judged(self, metric: Metric, views: dict[str, Image]) -> Scored:
        scores: dict[str, float | None] = dict.fromkeys(views)
        for names in _batches(views, metric.batch):
            pictures = torch.from_numpy(np.stack([views[name] for name in names])).to(self.settings.device)
            try:
                values = _values(metric, pictures.permute(0, 3, 1, 2).float() / 255, len(names))
            except Exception as error:  # of a third party's metric: another one may judge them
                log.warning("%s cannot judge %s: %s", metric.name, ", ".join(names), error)
                continue
            scores |= zip(names, values, strict=True)
        self.unjudged.labels(metric.name).inc(sum(value is None for value in scores.values()))
        told = {"metric": metric.name, "better": metric.better, "licence": metric.licence, "version": metric.version}
        return Scored.model_validate({**told, "scores": scores})


def _values(metric: Metric, pictures: Tensor, count: int) -> list[float | None]:
    values = metric.judge(pictures).float().flatten().tolist()
    if len(values) != count:
        raise ValueError(f"{len(values)} scores of {count} pictures")
    return [value if math.isfinite(value) else None for value in values]


def _batches(views: dict[str, Image], most: int) -> Iterator[list[str]]:
    """Names of views of one size, `most` at a time."""
    sizes: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for name, view in views.items():
        sizes[view.shape].append(name)
    for names in sizes.values():
        for start in range(0, len(names), most):
            yield names[start : start + most]
