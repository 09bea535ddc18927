"""URLs of the services that iDiff asks."""

import httpx


def http_url(url: str, whose: str) -> httpx.URL:
    """`url`, parsed.

    Raises:
        ValueError: it is not an http or https URL with a host; the message says whose.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise ValueError(f"{whose}'s URL is invalid: {error}") from None
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise ValueError(f"{whose}'s URL must start with http:// or https:// and name a host")
    return parsed
