"""Which adapter explains a pair: the served one, or another on trial that gets a share of the pairs."""

from collections.abc import Iterator
from dataclasses import dataclass

from idiff.share import among
from idiff.thinking.client import ThinkingModel


@dataclass(frozen=True, slots=True)
class Adapters:
    """`main` and, where one is on trial, `trial`, which gets the `share` (0-1) of the pairs while it is not barred.
    Each has limits, circuit breaker and checks of its own."""

    main: ThinkingModel
    trial: ThinkingModel | None = None
    share: float = 0.0

    def of(self, pair: str) -> ThinkingModel:
        """The adapter of a new pair, decided by its id and by whether the one on trial may be used."""
        return self.trial if self.trial and not self.trial.barred and among(pair, self.share, "trial") else self.main

    def __iter__(self) -> Iterator[ThinkingModel]:
        yield self.main
        if self.trial:
            yield self.trial

    async def aclose(self) -> None:
        """Close the connections."""
        for model in self:
            await model.aclose()
