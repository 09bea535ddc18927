"""iDiff: which of two photographs a professional would prefer, how sure, and why."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from idiff.client import AsyncClient, Client, ServiceError

__version__ = "0.1.0"
__all__ = ["AsyncClient", "Client", "ServiceError", "__version__"]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """The clients, imported when they are asked for: what else imports a part of iDiff needs no HTTP."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from idiff import client

    return getattr(client, name)
