"""A prompt and its views as the request of an OpenAI-compatible chat completion."""

import base64
import hashlib
import json
from math import sqrt
from threading import Lock
from typing import Any

import numpy as np
import simplejpeg

from idiff.imaging.resize import resize
from idiff.thinking.families import FAMILIES, Family
from idiff.thinking.options import ThinkingOptions
from idiff.thinking.prompt import VIEW_LABELS, Prompt
from idiff.types import Image, Size, Views

JPEG_QUALITY = 95


def cap(view: Image, pixels: int) -> Image:
    """`view` scaled down, aspect kept, to at most `pixels` pixels; never enlarged."""
    height, width = view.shape[:2]
    scale = sqrt(pixels / (width * height))
    if scale >= 1:
        return view
    return resize(view, Size(max(1, int(width * scale)), max(1, int(height * scale))))


def encode(view: Image, pixels: int) -> bytes:
    """One view as it is sent: a JPEG of at most `pixels` pixels."""
    kept = np.ascontiguousarray(cap(view, pixels))
    return bytes(simplejpeg.encode_jpeg(kept, quality=JPEG_QUALITY, colorspace="RGB", colorsubsampling="444"))


def image_part(view: Image, pixels: int) -> dict[str, Any]:
    """One view as an image part: a JPEG data URL, and an id derived from those very bytes.

    The server trusts the id over the pixels when it looks into its cache, so it must be the content's own.
    """
    jpeg = encode(view, pixels)
    url = "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")
    return {"type": "image_url", "image_url": {"url": url}, "uuid": hashlib.sha256(jpeg).hexdigest()}


def pictures(views: Views) -> tuple[Image, Image, Image, Image]:
    """The four views in the order of `VIEW_LABELS`: global left, global right, crop left, crop right."""
    return views.a.global_view, views.b.global_view, views.a.crop_view, views.b.crop_view


class Encoded:
    """A pair's four views as image parts, encoded when they are first sent and then kept: the rationale, another try at
    it and the scores send the same bytes. Safe in threads."""

    def __init__(self, views: Views) -> None:
        self._views, self._lock = views, Lock()
        self._parts: dict[int, tuple[dict[str, Any], ...]] = {}

    @classmethod
    def of(cls, views: "Views | Encoded") -> "Encoded":
        """`views` as such, where they are not already."""
        return views if isinstance(views, Encoded) else cls(views)

    def parts(self, pixels: int) -> tuple[dict[str, Any], ...]:
        """Image parts of at most `pixels` pixels each, in the order of `VIEW_LABELS`. Milliseconds of CPU once."""
        with self._lock:
            if pixels not in self._parts:
                self._parts[pixels] = tuple(image_part(picture, pixels) for picture in pictures(self._views))
            return self._parts[pixels]


def layout(prompt: Prompt, family: Family) -> list[str | None]:
    """The user message as a model of this family reads it: texts, and None where the next view stands."""
    if family.labelled:
        return [prompt.user, *(part for label in VIEW_LABELS for part in (f"\n{label}\n", None))]
    names = ", ".join(label.rstrip(":") for label in VIEW_LABELS)
    # What is constant first, as in the prompt.
    return [f"The four images are, in this order: {names}.\n\n{prompt.user}", *[None] * len(VIEW_LABELS)]


def user_parts(prompt: Prompt, views: Views | Encoded, pixels: int, family: Family) -> list[dict[str, Any]]:
    """The user message: the texts and views of `layout`, in its order."""
    images = iter(Encoded.of(views).parts(pixels))
    parts = layout(prompt, family)
    return [next(images) if part is None else {"type": "text", "text": part} for part in parts]


def request_body(
    prompt: Prompt, views: Views | Encoded, options: ThinkingOptions, form: str | None, temperature: float = 0.0
) -> bytes:
    """The whole request as JSON: streamed with usage, held to the regular expression `form` if any, greedy at
    temperature 0.

    Milliseconds of CPU for four views: call it off the event loop.
    """
    family = FAMILIES[options.family]
    request = {
        **family.extra,
        "model": options.model,
        "messages": [
            {"role": "system", "content": prompt.system},
            {"role": "user", "content": user_parts(prompt, views, options.view_pixels, family)},
        ],
        "temperature": temperature,
        "max_tokens": options.max_tokens,
        **({"structured_outputs": {"regex": form}} if form else {}),
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    return json.dumps(request).encode()
