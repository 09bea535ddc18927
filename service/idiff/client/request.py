"""What a client sends, in a form that can be sent again."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final, TypedDict, Unpack

import httpx

from idiff import __version__
from idiff.deadline import HEADER, LONGEST_MS
from idiff.ranking.schemas import ReasonOption
from idiff.schemas import AttributesOption, CategoryOption, MapsOption, RationaleOption

OPTIONS: Final = ("category", "rationale", "attributes", "maps")
"""Of a comparison, sent as they are."""

GRACE_S: Final = 1.0
"""How much later than the service a client gives up, so that the service's own answer arrives."""

KEPT_S: Final = 4.0
"""Seconds that an idle connection is kept: less than the service keeps it, or a request may meet its end."""

Photo = str | os.PathLike[str] | bytes | BinaryIO
"""A photo as a path, as its file's bytes, or as a file that is open for reading bytes."""


class CompareOptions(TypedDict, total=False):
    """Options of a comparison; what is absent is up to the service. `crop_a`, `crop_b`: crops, where the photos are
    whole views; `timeout_s`: seconds for all of the call, the client's own where absent."""

    crop_a: Photo
    crop_b: Photo
    category: CategoryOption
    rationale: RationaleOption
    attributes: AttributesOption
    maps: MapsOption
    timeout_s: float


class RankOptions(TypedDict, total=False):
    """Options of a ranking; what is absent is up to the service. `timeout_s` as for a comparison."""

    category: CategoryOption
    rationale: ReasonOption
    timeout_s: float


@dataclass(frozen=True)
class Call:
    """One request: `photos` are field names with files' bytes, `options` are text fields; `timeout_s`: None for the
    client's own."""

    method: str
    path: str
    photos: tuple[tuple[str, bytes], ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    accept: str = "application/json"
    timeout_s: float | None = None

    @property
    def streamed(self) -> bool:
        """Whether events are asked for."""
        return self.accept == "text/event-stream"

    def request(self, http: httpx.Client | httpx.AsyncClient, left_s: float) -> httpx.Request:
        """What goes over the wire with `left_s` seconds left, which the service is told too."""
        # The service refuses a photo without a file name; whose name it is is nobody's business.
        files = [(name, (name, data, "application/octet-stream")) for name, data in self.photos]
        headers = {"Accept": self.accept, HEADER: str(max(1, min(LONGEST_MS, int(1000 * left_s))))}
        return http.build_request(
            self.method,
            self.path,
            files=files or None,
            data=self.options or None,
            headers=headers,
            timeout=left_s + GRACE_S,
        )


def comparison(image_a: Photo, image_b: Photo, *, streamed: bool, **given: Unpack[CompareOptions]) -> Call:
    """The call of POST /compare; reads the photos.

    Raises:
        OSError: a file cannot be read.
        TypeError: a photo is none, or an option is unknown.
    """
    _check("compare", given, CompareOptions)
    photos = [("image_a", image_a), ("image_b", image_b)]
    photos += [(name, given[name]) for name in ("crop_a", "crop_b") if name in given]
    options: dict[str, str] = {name: given[name] for name in OPTIONS if name in given}
    accept = "text/event-stream" if streamed else "application/json"
    read = tuple((name, _bytes(photo)) for name, photo in photos)
    return Call("POST", "/compare", read, options, accept, given.get("timeout_s"))


def ranking(photos: Sequence[Photo], **given: Unpack[RankOptions]) -> Call:
    """The call of POST /rank; reads the photos. Raises as `comparison` does."""
    _check("rank", given, RankOptions)
    options: dict[str, str] = {name: given[name] for name in ("category", "rationale") if name in given}
    read = tuple(("photos", _bytes(photo)) for photo in photos)
    return Call("POST", "/rank", read, options, timeout_s=given.get("timeout_s"))


def connection(url: str, api_key: str | None, trust_env: bool) -> dict[str, Any]:
    """Arguments of both httpx clients."""
    headers = {"User-Agent": f"idiff/{__version__}"}
    if api_key:
        headers["Authorization"] = f"Bearer {api_key}"
    limits = httpx.Limits(keepalive_expiry=KEPT_S)
    return {"base_url": url, "headers": headers, "trust_env": trust_env, "limits": limits}


def _check(name: str, given: Mapping[str, object], options: type) -> None:
    if unknown := given.keys() - options.__annotations__.keys():
        raise TypeError(f"{name} has no option {', '.join(sorted(unknown))}")


def _bytes(photo: Photo) -> bytes:
    if isinstance(photo, bytes):
        return photo
    data = Path(photo).read_bytes() if isinstance(photo, str | os.PathLike) else photo.read()
    if not isinstance(data, bytes):
        raise TypeError("a photo is a path, bytes, or a file opened with mode 'rb'")
    return data
