"""Reading the multipart form in memory: photos never touch the disk."""

import asyncio

from python_multipart.exceptions import FormParserError
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from idiff.errors import MalformedRequest, UploadTimeout
from idiff.upload import OPTIONS, Upload, make_upload

MAX_PARTS = 16
MAX_OPTION_BYTES = 1024


class MemoryParser(MultiPartParser):
    """Starlette's parser without its spooling to disk; the body limit bounds the memory."""

    spool_max_size = 2**40

    async def parse(self) -> FormData:
        """The form; whatever ends it early, nothing is left open. Starlette closes after its own errors only."""
        try:
            return await super().parse()
        except BaseException:
            for file in self._files_to_close_on_error:
                file.close()
            raise


async def read_upload(request: Request, timeout_s: float) -> Upload:
    """The request's photos and options, which must have arrived after `timeout_s` seconds.

    Raises:
        MalformedRequest: not a multipart form, broken, or a field sent twice.
        MissingField, MixedLayouts, UnknownField, InvalidOption: see `make_upload`.
        TooManyBytes: raised while the body streams in.
        UploadTimeout: it took too long.
    """
    try:
        async with asyncio.timeout(timeout_s):
            form = await _parse(request)
    except TimeoutError:
        raise UploadTimeout(f"the body did not arrive within {timeout_s:g} s", limit=timeout_s) from None
    images: dict[str, bytes] = {}
    options: dict[str, str] = {}
    try:
        for name, value in form.multi_items():
            if name in images or name in options:
                raise MalformedRequest(f"{name} was sent twice", field=name)
            if isinstance(value, UploadFile):
                if name in OPTIONS:
                    raise MalformedRequest(f"{name} is an option: send it as text, not as a file", field=name)
                images[name] = await value.read()
            elif name in OPTIONS:
                options[name] = value
            else:
                images[name] = b""  # a photo without a file name is a text field to the parser
    finally:
        await form.close()
    return make_upload(images, options)


async def _parse(request: Request) -> FormData:
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "multipart/form-data":
        raise MalformedRequest("the body must be a multipart/form-data form with the photos as files")
    parser = MemoryParser(
        request.headers, request.stream(), max_files=MAX_PARTS, max_fields=MAX_PARTS, max_part_size=MAX_OPTION_BYTES
    )
    try:
        return await parser.parse()
    except MultiPartException as error:
        hint = "photos need a file name, options are short"
        raise MalformedRequest(f"the multipart form is broken: {error.message} ({hint})") from error
    except (FormParserError, UnicodeError) as error:
        raise MalformedRequest(f"the multipart form is broken: {error}") from error
