"""A real Chromium before a real service, and what every page must hold: no errors, no request to anywhere else."""

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import running
from playwright.sync_api import Browser, FilePayload, Page, expect, sync_playwright

from idiff.app import create_app
from idiff.config import Settings

WAIT_MS = 20_000
"""Longest wait for what a service on two busy cores does."""

expect.set_options(timeout=WAIT_MS)


@contextmanager
def chromium(fonts: Path | None = None) -> Iterator[Browser]:
    """Debian's, headless; `fonts`: a configuration of fontconfig."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("no chromium (apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, env=os.environ | {"FONTCONFIG_FILE": str(fonts)} if fonts else None
        )
        yield browser
        browser.close()


@contextmanager
def served(*, ready: bool = True, **settings: Any) -> Iterator[str]:  # noqa: ANN401 - settings
    """The address of a service with these settings, ready if it is to become so."""
    with running(create_app(Settings(**settings))) as (host, port):
        url = f"http://{host}:{port}"
        deadline = time.monotonic() + 60
        while ready and httpx.get(f"{url}/readyz").status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield url


@contextmanager
def opened(browser: Browser, url: str, **context: Any) -> Iterator[Page]:  # noqa: ANN401 - of a context
    """The page of a service. Fails at the end if it has asked anyone else, broken its own policy or thrown."""
    with browser.new_context(**{"viewport": {"width": 1280, "height": 900}} | context) as tab:
        page = tab.new_page()
        page.set_default_timeout(WAIT_MS)
        asked: list[str] = []
        faults: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: faults.append(str(error)))
        # A refused upload is a console error of the browser's own making.
        page.on("console", lambda line: faults.append(line.text) if _is_fault(line.type, line.text) else None)
        page.goto(f"{url}/")
        yield page
        assert not faults
        assert not [one for one in asked if not one.startswith((f"{url}/", f"blob:{url}/", "data:"))]


def _is_fault(kind: str, text: str) -> bool:
    return kind in ("error", "warning") and not text.startswith("Failed to load resource: the server responded")


def bring(page: Page, *photos: tuple[str, bytes]) -> None:
    """Choose files, by name and bytes."""
    files = [FilePayload(name=name, mimeType="", buffer=data) for name, data in photos]
    page.set_input_files("#files", files)


def told(page: Page) -> str:
    """The verdict's headline, when it is there."""
    return page.locator("#verdict h1").inner_text()


def explained(page: Page) -> None:
    """Wait until the rationale is complete."""
    page.wait_for_selector("#rationale .summary")


def matrices(page: Page) -> list[list[float]]:
    """CSS matrices of photo A and photo B."""
    shown = page.locator(".layer > img:not(.overlay)").evaluate_all(
        "all => all.map(one => getComputedStyle(one).transform)"
    )
    return [[float(number) for number in matrix[len("matrix(") : -1].split(",")] for matrix in shown]
