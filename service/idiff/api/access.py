"""Who asks: the request's API key, where the service has keys."""

from collections.abc import Iterator
from contextlib import contextmanager

from starlette.requests import Request

from idiff.api.state import service_of


def presented(request: Request) -> str:
    """The key that the request shows, empty where it shows none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else request.headers.get("x-api-key", "")


@contextmanager
def allowed(request: Request) -> Iterator[None]:
    """Hold a place of the request's key; log and metrics know it by its name.

    Raises:
        Unauthorized: the service has keys and the request shows none of them.
        RateLimited, KeyBusy: the key's own limit is reached.
    """
    service = service_of(request)
    if service.keys is None:
        yield
        return
    key = service.keys.of(presented(request))
    request.scope["idiff.key"] = key.name
    with key.admitted():
        yield
