"""What the OpenAPI document says that the code's types do not: the multipart form, and the statistics' definitions."""

import json
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any, Final

from fastapi import FastAPI

from idiff.features.definitions import DEFINITIONS
from idiff.ranking.upload import FEWEST, MOST, PHOTOS
from idiff.ranking.upload import OPTIONS as RANK_OPTIONS
from idiff.upload import MERGED_FIELDS, OPTIONS, PHOTO_FIELDS

EXAMPLES: Final = {"/compare": "example.json", "/rank": "example_rank.json"}

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
    "maps": "Pictures of where the photos differ and of where each is sharp.",
}
_REASON_TEXT = {
    "category": "Judge all pairs as of people or of scenes; `auto` takes what the pairs are on average.",
    "rationale": "Who says why the best photo stands before the next one: measurements, the Thinking Model, nobody.",
}


def _options(allowed: Mapping[str, tuple[str, ...]], told: Mapping[str, str]) -> dict[str, Any]:
    return {
        name: {"type": "string", "enum": values, "default": values[0], "description": told[name]}
        for name, values in allowed.items()
    }


FORM: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {
                    name: {"type": "string", "format": "binary", "minLength": 1, "description": _PHOTO_TEXT[name]}
                    for name in (*PHOTO_FIELDS, *MERGED_FIELDS)
                }
                | _options(OPTIONS, _OPTION_TEXT),
                "additionalProperties": False,
                "oneOf": [{"required": ["image_a", "image_b"]}, {"required": ["merged_global"]}],
                "dependentRequired": {
                    "image_a": ["image_b"],
                    "image_b": ["image_a"],
                    "crop_a": ["image_a", "crop_b"],
                    "crop_b": ["image_b", "crop_a"],
                    "merged_crop": ["merged_global"],
                },
            }
        }
    },
}

RANK_FORM: dict[str, Any] = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {
                    PHOTOS: {
                        "type": "array",
                        "items": {"type": "string", "format": "binary", "minLength": 1},
                        "minItems": FEWEST,
                        "maxItems": MOST,
                        "description": "The photos, each as a field of this name (or `photos[]`). JPEG, PNG, WebP, "
                        "TIFF, HEIC or AVIF.",
                    }
                }
                | _options(RANK_OPTIONS, _REASON_TEXT),
                "additionalProperties": False,
                "required": [PHOTOS],
            }
        }
    },
}


def describing(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """FastAPI's own document with each statistic's definition and unit, and real answers, made once."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            statistics = document["components"]["schemas"]["Statistics"]["properties"]
            for name, definition in DEFINITIONS.items():
                statistics[name]["description"] = definition
            for path, example in EXAMPLES.items():
                answer = document["paths"][path]["post"]["responses"]["200"]["content"]["application/json"]
                answer["example"] = json.loads((files("idiff.api") / example).read_bytes())
        return generate()

    return openapi
