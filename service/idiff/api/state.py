"""The one state of a running service, typed."""

from dataclasses import dataclass, field
from typing import cast

from starlette.requests import Request

from idiff.config import Settings
from idiff.engine import Engine
from idiff.errors import NotReady
from idiff.keys import Keys
from idiff.metrics import Metrics


@dataclass(slots=True)
class Service:
    """What requests share. `keys` None: anyone may ask. `engine` is None while it loads, and for good with `failure`
    saying why it could not."""

    settings: Settings
    keys: Keys | None = None
    metrics: Metrics = field(default_factory=Metrics)
    engine: Engine | None = None
    failure: str | None = None

    def ready(self) -> Engine:
        """The engine.

        Raises:
            NotReady: it is still loading, or could not be loaded.
        """
        if self.engine is None:
            raise NotReady(self.failure or "the Answer Model is loading")
        return self.engine


def service_of(request: Request) -> Service:
    """The service that answers this request."""
    return cast("Service", request.app.state.service)
