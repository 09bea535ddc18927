"""Reading the multipart form in memory: photos never touch the disk."""

import asyncio
from collections.abc import Collection

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from idiff.errors import MalformedRequest, UploadTimeout
from idiff.ranking.upload import OPTIONS as RANK_OPTIONS
from idiff.ranking.upload import PHOTOS, RankUpload, make_rank_upload
from idiff.upload import OPTIONS, Upload, make_upload

MAX_PARTS = 16
MAX_PHOTOS = 1000
"""Of a ranking, to be counted and refused by their number; the body limit bounds them."""
MAX_OPTION_BYTES = 1024


class MemoryParser(MultiPartParser):
    """Starlette's parser without its spooling to disk; the body limit bounds the memory."""

    spool_max_size = 2**40


async def read_upload(request: Request, timeout_s: float) -> Upload:
    """The request's photos and options, which must have arrived after `timeout_s` seconds.

    Raises:
        MalformedRequest: not a multipart form, broken, or a field sent twice.
        MissingField, MixedLayouts, UnknownField, InvalidOption: see `make_upload`.
        TooManyBytes: raised while the body streams in.
        UploadTimeout: it took too long.
    """
    images: dict[str, bytes] = {}
    options: dict[str, str] = {}
    for name, value in await _fields(request, timeout_s, MAX_PARTS):
        if name in images or name in options:
            raise _twice(name)
        if isinstance(value, bytes):
            images[name] = _no_option(name, value, OPTIONS)
        elif name in OPTIONS:
            options[name] = value
        else:
            images[name] = b""  # a photo without a file name is a text field to the parser
    return make_upload(images, options)


async def read_rank_upload(request: Request, timeout_s: float) -> RankUpload:
    """The same of a ranking, whose photos are all sent in the same field, which may be called `photos[]` too.

    Raises:
        MalformedRequest: not a multipart form, broken, or an option sent twice.
        MissingField, TooManyPhotos, UnknownField, InvalidOption: see `make_rank_upload`.
        TooManyBytes, UploadTimeout: as above.
    """
    photos: list[bytes] = []
    options: dict[str, str] = {}
    for name, value in await _fields(request, timeout_s, MAX_PHOTOS):
        if name in (PHOTOS, f"{PHOTOS}[]"):
            photos.append(value if isinstance(value, bytes) else b"")
        elif name in options:
            raise _twice(name)
        else:
            options[name] = value if isinstance(value, str) else _no_option(name, value, RANK_OPTIONS).decode("latin-1")
    return make_rank_upload(photos, options)


def _twice(name: str) -> MalformedRequest:
    return MalformedRequest(f"{name[:40]} was sent twice", field=name[:40])


def _no_option(name: str, value: bytes, options: Collection[str]) -> bytes:
    if name in options:
        raise MalformedRequest(f"{name} is an option: send it as text, not as a file", field=name)
    return value


async def _fields(request: Request, timeout_s: float, most: int) -> list[tuple[str, str | bytes]]:
    """Name and value of each field, `most` at most: files as bytes."""
    try:
        async with asyncio.timeout(timeout_s):
            form = await _parse(request, most)
    except TimeoutError:
        raise UploadTimeout(f"the body did not arrive within {timeout_s:g} s", limit=timeout_s) from None
    try:
        fields = form.multi_items()
        return [(name, await value.read() if isinstance(value, UploadFile) else value) for name, value in fields]
    finally:
        await form.close()


async def _parse(request: Request, most: int) -> FormData:
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "multipart/form-data":
        raise MalformedRequest("the body must be a multipart/form-data form with the photos as files")
    parser = MemoryParser(
        request.headers, request.stream(), max_files=most, max_fields=MAX_PARTS, max_part_size=MAX_OPTION_BYTES
    )
    try:
        return await parser.parse()
    except MultiPartException as error:
        hint = "photos need a file name, options are short"
        raise MalformedRequest(f"the multipart form is broken: {error.message} ({hint})") from error
    except UnicodeError as error:
        raise MalformedRequest(f"the multipart form is broken: {error}") from error
