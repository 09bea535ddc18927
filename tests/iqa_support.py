"""The IQA service with a SAMA of random weights."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import torch
from conftest import running
from safetensors.torch import save_file

from idiff_iqa.app import create_app
from idiff_iqa.config import Settings
from idiff_iqa.sama import Sama


def sama_weights(folder: Path) -> Path:
    """A folder with weights of SAMA, random but always the same; its scores spread as those of a trained one."""
    torch.manual_seed(0)
    model = Sama()
    torch.nn.init.normal_(model.head[2].weight, std=50)
    save_file(model.state_dict(), folder / "sama.safetensors")
    return folder


@contextmanager
def iqa(weights: Path, max_waiting: int = 8) -> Iterator[str]:
    """The URL of an IQA service that is ready."""
    with running(create_app(Settings(metrics="liqe,sama", weights=weights, max_waiting=max_waiting))) as (host, port):
        url = f"http://{host}:{port}"
        deadline = time.monotonic() + 60
        while httpx.get(f"{url}/readyz").status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield url
