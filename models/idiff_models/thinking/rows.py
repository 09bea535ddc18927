"""Rows of ms-swift's JSONL files: a chat, and the views it shows as files."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from idiff.thinking.families import FAMILIES, FamilyName
from idiff.thinking.messages import encode, layout, pictures
from idiff.thinking.prompt import Prompt
from idiff.types import Views


def row(prompt: Prompt, views: Views, family: FamilyName, pixels: int, out: Path) -> dict[str, Any]:
    """`prompt` and the names of the four views, which are stored below `out` with at most `pixels` pixels each."""
    files = [_stored(encode(view, pixels), out) for view in pictures(views)]
    user = "".join(part if part is not None else "<image>" for part in layout(prompt, FAMILIES[family]))
    messages = [said("system", prompt.system), said("user", user)]
    return {"images": files, "messages": messages, "prompt_version": prompt.version}


def said(role: str, content: str) -> dict[str, str]:
    """One message."""
    return {"role": role, "content": content}


def line(row: Mapping[str, Any], **more: Any) -> str:  # noqa: ANN401
    """A row with more columns, as a line of the file."""
    return json.dumps({**row, **more}, ensure_ascii=False) + "\n"


def _stored(jpeg: bytes, out: Path) -> str:
    """Named by content: a view that several rows share is one file."""
    path = out / "images" / f"{hashlib.sha256(jpeg).hexdigest()[:20]}.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(jpeg)
    return str(path.relative_to(out))
