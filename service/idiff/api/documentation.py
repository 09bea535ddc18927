"""What the OpenAPI document says that the code's types do not: the multipart form, and the statistics' definitions."""

import json
from collections.abc import Callable
from importlib.resources import files
from typing import Any

from fastapi import FastAPI

from idiff.features.definitions import DEFINITIONS
from idiff.upload import MERGED_FIELDS, OPTIONS, PHOTO_FIELDS

_PHOTO_TEXT = {
    "image_a": "Photo A, whole. JPEG, PNG, WebP, TIFF, HEIC or AVIF.",
    "image_b": "Photo B, whole.",
    "crop_a": "A close view of A, with `crop_b`; chosen by the service where absent.",
    "crop_b": "The same close view of B.",
    "merged_global": "A and B as left and right half of one picture, instead of `image_a` and `image_b`.",
    "merged_crop": "The close views as halves of one picture, with `merged_global`.",
}
_OPTION_TEXT = {
    "category": "Judge as a person or a scene pair; `auto` looks for faces.",
    "rationale": "Who explains: the Thinking Model, measurements, nobody; `auto` is the model where one is configured.",
    "attributes": "Whether the Thinking Model also scores each photo's attributes.",
}
FORM: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {
                    name: {"type": "string", "format": "binary", "description": _PHOTO_TEXT[name]}
                    for name in (*PHOTO_FIELDS, *MERGED_FIELDS)
                }
                | {
                    name: {"type": "string", "enum": values, "default": values[0], "description": _OPTION_TEXT[name]}
                    for name, values in OPTIONS.items()
                },
                "anyOf": [{"required": ["image_a", "image_b"]}, {"required": ["merged_global"]}],
            }
        }
    },
}


def describing(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """FastAPI's own document with each statistic's definition and unit, and a real answer, made once."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            statistics = document["components"]["schemas"]["Statistics"]["properties"]
            for name, definition in DEFINITIONS.items():
                statistics[name]["description"] = definition
            answer = document["paths"]["/compare"]["post"]["responses"]["200"]["content"]["application/json"]
            answer["example"] = json.loads((files("idiff.api") / "example.json").read_bytes())
        return generate()

    return openapi
