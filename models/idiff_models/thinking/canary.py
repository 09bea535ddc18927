"""Writes the canary of an adapter: what it says of a fixed pair, and how far off a server is that lost a part of it."""

import base64
from collections.abc import Callable
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image as Pictures

from idiff.imaging.resize import resize
from idiff.thinking.canary import NAME, Canary, Loss
from idiff.thinking.families import FAMILIES, FamilyName
from idiff.thinking.messages import user_parts
from idiff.thinking.prompt import build
from idiff.thinking.proof import LOST
from idiff.types import Alignment, PhotoViews, Size, Views

SIDE = 256
"""Of a view, pixels: 64 tokens, which no server's pixel limits scale."""

ANSWER = (
    "Face Sharpness: Image A (Left) exhibits sharper edges and clearer fine detail on the face, while Image B (Right) "
    "appears softer.\nBackground Noise: Both images show a similar, low level of grain.\n"
    "Global Overall: Image A (Left) is preferred overall for its crisper detail."
)
"""What the model is made to read as its own."""

NOISE = 0.03
"""Mean absolute difference of log-probabilities that two libraries' arithmetic alone may make."""

MOST = 0.15
"""Greatest tolerance, however much the adapter changes: another adapter must not pass for it."""


_Found = tuple[list[float], dict[Loss, list[float]]]


class CanaryFailed(ValueError):
    """No canary can be made of this adapter; the message says why."""


def views() -> Views:
    """The fixed pair: the sample photographs, whole and their middle."""
    samples = files("idiff") / "samples"
    a, b = (_photo((samples / f"astronaut_{side}.jpg").read_bytes()) for side in "ab")
    return Views(a, b, "given", Alignment("identity", np.eye(2, 3), 0, True), ())


def _photo(jpeg: bytes) -> PhotoViews:
    decoded = np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), np.uint8)
    pixels = np.ascontiguousarray(decoded[..., ::-1])
    height, width = pixels.shape[:2]
    top, left = (height - SIDE) // 2, (width - SIDE) // 2
    whole = resize(pixels, Size(SIDE, SIDE))
    return PhotoViews(Size(width, height), whole, pixels[top : top + SIDE, left : left + SIDE], None)


def messages(family: FamilyName) -> list[dict[str, Any]]:
    """The chat as a request carries it; it ends with the beginning of an answer."""
    prompt = build("person", None, None)
    return [
        {"role": "system", "content": prompt.system},
        {"role": "user", "content": user_parts(prompt, views(), SIDE * SIDE, FAMILIES[family])},
        {"role": "assistant", "content": ANSWER},
    ]


def write(base: str, adapter: Path, family: FamilyName = "qwen3-vl") -> Path:
    """`canary.json` in the folder of a peft adapter, measured with transformers on the best device at hand.

    `base`: folder or hub name of the checkpoint that the adapter was trained on; `family`: its family.

    Raises:
        CanaryFailed: the adapter says hardly anything else than the model without it, or without its vision part.
    """
    chat = messages(family)
    whole, found = _measure(base, adapter, chat, family)
    reference = Canary(messages=chat, logprobs=whole, tolerance=MOST, margins=dict.fromkeys(found, MOST))
    margins = {name: reference.distance(values) or 0.0 for name, values in found.items()}
    closest = min(margins, key=margins.__getitem__)
    if margins[closest] < 2 * NOISE:
        raise CanaryFailed(
            f"{adapter}: {LOST[closest]} log-probabilities differ by {margins[closest]:.3f} only: too little to tell a "
            "server that lost it"
        )
    path = adapter / NAME
    tolerance = min(margins[closest] / 2, MOST)
    done = reference.model_copy(update={"margins": margins, "tolerance": tolerance})
    path.write_text(done.model_dump_json(indent=1) + "\n")
    return path


def _measure(base: str, adapter: Path, chat: list[dict[str, Any]], family: FamilyName) -> _Found:
    """Log-probabilities of the answer's tokens by the adapter, and by what is left where a part of it is lost."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForImageTextToText, AutoProcessor

    device = "cuda" if torch.cuda.is_available() else "cpu"
    processor = AutoProcessor.from_pretrained(base)
    plain = AutoModelForImageTextToText.from_pretrained(base, dtype="auto")
    model = PeftModel.from_pretrained(plain, adapter).to(device).eval()
    own = _own_format(chat)
    encode: Callable[..., Any] = processor.apply_chat_template
    extra = FAMILIES[family].extra.get("chat_template_kwargs", {})
    as_tensors = {**extra, "tokenize": True, "return_dict": True, "return_tensors": "pt"}
    inputs = encode(own, continue_final_message=True, **as_tensors).to(device)
    asked = encode(own[:-1], add_generation_prompt=True, **as_tensors)["input_ids"].shape[1]

    def answer() -> list[float]:
        with torch.inference_mode():
            logits = model(**inputs).logits[0, asked - 1 : -1].float()
        tokens = inputs["input_ids"][0, asked:]
        told = torch.log_softmax(logits, -1).gather(1, tokens[:, None])
        return [round(value, 4) for value in told[:, 0].tolist()]

    lost: dict[Loss, list[float]] = {}
    whole = answer()
    with model.disable_adapter():
        lost["base"] = answer()
    added = [(name, value) for name, value in model.named_parameters() if "lora_B" in name]
    vision = [value for name, value in added if "language_model" not in name]
    # An adapter of the language model alone has no vision part to lose.
    if 0 < len(vision) < len(added):
        for parameter in vision:
            parameter.data.zero_()
        lost["language"] = answer()
    return whole, lost


def _own_format(chat: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The chat with pictures, as transformers reads it, in place of data URLs."""

    def part(one: dict[str, Any]) -> dict[str, Any]:
        if one["type"] != "image_url":
            return one
        jpeg = base64.b64decode(one["image_url"]["url"].partition(",")[2])
        return {"type": "image", "image": Pictures.open(BytesIO(jpeg)).convert("RGB")}

    def message(one: dict[str, Any]) -> dict[str, Any]:
        content = one["content"]
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else [part(each) for each in content]
        return {**one, "content": parts}

    return [message(one) for one in chat]
