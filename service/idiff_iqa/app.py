"""The service: `create_app(settings)`. POST /score takes safetensors of views, answers every metric's scores."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from idiff import __version__
from idiff.iqa.wire import MOST_BYTES, Answer, BadViews, unpack
from idiff.types import Image
from idiff_iqa.config import Settings
from idiff_iqa.metrics import Absent, Metric, load
from idiff_iqa.scoring import score

log = logging.getLogger(__name__)

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


class Scorer:
    """The loaded metrics and the one worker that runs them, with a bounded queue before it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.metrics: list[Metric] = []
        self.absent: dict[str, str] = {}
        self.loaded = False
        self.held = 0
        self.pool = ThreadPoolExecutor(1, thread_name_prefix="iqa")
        self.registry = registry = CollectorRegistry()
        self.requests = Counter("idiff_iqa_requests", "Requests by status", ["code"], registry=registry)
        self.seconds = Histogram(
            "idiff_iqa_metric_seconds", "Time to score a request", ["metric"], buckets=SECONDS, registry=registry
        )
        self.present = Gauge("idiff_iqa_metric_loaded", "1 where it is served", ["metric"], registry=registry)

    def load(self) -> None:
        """Load what was asked for; what cannot be loaded is absent, and says why."""
        for name in filter(None, (part.strip() for part in self.settings.metrics.split(","))):
            try:
                metric = load(name, self.settings.weights, self.settings.device)
            except Absent as error:
                self.absent[name] = str(error)
                log.warning("%s is absent: %s", name, error)
            else:
                self.metrics.append(metric)
                log.info("%s is served; licence: %s", name, metric.licence)
            self.present.labels(name).set(name not in self.absent)
        self.loaded = True

    async def score(self, views: dict[str, Image]) -> Answer:
        """Scores of all metrics; raises HTTPException 503 while loading, and where too many wait."""
        if not (self.loaded and self.metrics):
            raise HTTPException(503, "no metric is loaded")
        if self.held > self.settings.max_waiting:
            raise HTTPException(503, f"{self.settings.max_waiting} requests are waiting")
        self.held += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self.pool, self._score, views)
        finally:
            self.held -= 1

    def _score(self, views: dict[str, Image]) -> Answer:
        scored = []
        for metric in self.metrics:
            start = time.perf_counter()
            scored.append(score(metric, views, self.settings.device))
            self.seconds.labels(metric.name).observe(time.perf_counter() - start)
        return Answer(scored=scored)


def create_app(settings: Settings) -> FastAPI:
    """The ASGI application. It loads its metrics after it has started listening; /readyz tells when it is done."""
    scorer = Scorer(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        loading = asyncio.get_running_loop().run_in_executor(scorer.pool, scorer.load)
        yield
        loading.cancel()
        scorer.pool.shutdown(wait=False, cancel_futures=True)

    app = FastAPI(title="iDiff IQA", version=__version__, lifespan=lifespan)

    @app.post("/score")
    async def score_views(request: Request) -> Answer:
        """Every metric's scores of 1 to 16 views, uint8 (height, width, 3) RGB, by their names in the safetensors."""
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > MOST_BYTES:
                raise HTTPException(413, f"at most {MOST_BYTES} bytes are taken")
        try:
            return await scorer.score(unpack(bytes(body)))
        except BadViews as error:
            raise HTTPException(422, str(error)) from error

    @app.middleware("http")
    async def count(request: Request, following: Any) -> Response:  # noqa: ANN401
        response: Response = await following(request)
        if request.url.path == "/score":
            scorer.requests.labels(str(response.status_code)).inc()
        return response

    @app.get("/livez")
    async def livez() -> dict[str, str]:
        return {"status": "live"}

    @app.get("/readyz")
    async def readyz() -> dict[str, str]:
        if not (scorer.loaded and scorer.metrics):
            raise HTTPException(503, "no metric is loaded" if scorer.loaded else "the metrics are loading")
        return {"status": "ready"}

    @app.get("/info")
    async def info() -> dict[str, Any]:
        served = {one.name: {"licence": one.licence, "better": one.better} for one in scorer.metrics}
        return {"service": __version__, "device": settings.device, "metrics": served, "absent": scorer.absent}

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(scorer.registry), media_type=CONTENT_TYPE_LATEST)

    return app
