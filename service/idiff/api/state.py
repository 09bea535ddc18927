"""The one state of a running service, typed."""

from dataclasses import dataclass, field
from typing import cast

from starlette.requests import Request

from idiff.config import Settings
from idiff.engine import Engine
from idiff.errors import NotLive, NotReady
from idiff.keys import Keys
from idiff.metrics import Metrics
from idiff.tracing import SILENT, Tracing


@dataclass(slots=True)
class Service:
    """What requests share. `keys` None: anyone may ask. `engine` is None while it loads, and for good with `failure`
    saying why it could not. `draining`: it was told to end; it is ready no more, and answers what still comes."""

    settings: Settings
    keys: Keys | None = None
    tracing: Tracing = SILENT
    metrics: Metrics = field(default_factory=Metrics)
    engine: Engine | None = None
    failure: str | None = None
    draining: bool = False

    def __post_init__(self) -> None:
        self.metrics.ready.set_function(self._readiness)

    def _readiness(self) -> bool:
        return self.engine is not None and not self.draining and not self.engine.fault

    def ready(self) -> Engine:
        """The engine.

        Raises:
            NotReady: it is still loading, or could not be loaded.
        """
        if self.engine is None:
            raise NotReady(self.failure or "the Answer Model is loading")
        return self.engine

    def live(self) -> None:
        """Raises NotLive where the models have stopped working for good."""
        if self.engine and (fault := self.engine.fault):
            raise NotLive(fault)

    @property
    def queue_depth(self) -> int:
        """Comparisons held between their last byte and their verdict."""
        return self.engine.admission.in_flight if self.engine else 0


def service_of(request: Request) -> Service:
    """The service that answers this request."""
    return cast("Service", request.app.state.service)
