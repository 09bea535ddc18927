"""Writes tests/data/vllm_metrics_*.txt: what a real vLLM server with the tests' tiny checkpoint says at /metrics before
and after some rationales, of the metrics that rules and dashboard name.

    PYTHONPATH=service:models:tests:tests/vllm python tests/monitoring/capture_vllm.py
"""

import asyncio
import re
import tempfile
from contextlib import aclosing
from pathlib import Path

import httpx
from monitoring_support import VLLM, expressions, names
from thinking_support import prompt, views
from vllm_server import Fleet, environment

from idiff.thinking.client import ThinkingModel
from idiff.thinking.options import ThinkingOptions

SLOW = {"deadline_s": 120, "first_token_s": 120}
"""The first request after a start may take most of a minute."""


async def explain(url: str) -> None:
    options = ThinkingOptions(url, lines_min=2, lines_max=3, line_chars=60, **SLOW)
    async with ThinkingModel(options) as model, aclosing(model.explain(prompt(), views())) as events:
        async for _ in events:
            pass


def exposition(url: str) -> str:
    asked = set().union(*map(names, expressions()))
    lines = httpx.get(f"{url}/metrics", trust_env=False).text.splitlines()
    named = (line for line in lines if line.startswith("vllm:") and re.split(r"[{ ]", line)[0] in asked)
    return "".join(f"{line}\n" for line in named)


with tempfile.TemporaryDirectory() as folder, Fleet(environment(), Path(folder)) as fleet:
    server = fleet.server()
    for file in VLLM:
        asyncio.run(explain(server.url))
        file.write_text(exposition(server.url))
