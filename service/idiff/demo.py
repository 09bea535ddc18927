"""The sample pair through a running service, which is started for the occasion where none answers."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from typing import Final

import typer

from idiff import report
from idiff.client import Client

START_SECONDS: Final = 60.0


def run(port: int) -> None:
    """Post the sample pair and print the answer."""
    url = f"http://127.0.0.1:{port}"
    samples = files("idiff") / "samples"
    with (
        Client(url, trust_env=False) as client,
        _service(client, port),
        as_file(samples / "astronaut_a.jpg") as a,
        as_file(samples / "astronaut_b.jpg") as b,
    ):
        typer.echo(f"POST {url}/compare  A={a.name}  B={b.name}\n")
        typer.echo(report.text(client.compare(a, b)))


@contextmanager
def _service(client: Client, port: int) -> Iterator[None]:
    """A service that is ready: the one that answers already, else one of our own that ends with the block."""
    if client.ready() is not None:
        _wait(client)
        yield
        return
    typer.echo(f"Starting the service on port {port} for this demo (`make serve` keeps one running)")
    command = [sys.executable, "-m", "idiff", "serve", "--port", str(port)]
    quiet = {"IDIFF_LOG_LEVEL": "warning", "IDIFF_LOG_FORMAT": "text"} | os.environ
    with subprocess.Popen(command, env=quiet) as process:  # noqa: S603
        try:
            _wait(client, process)
            yield
        finally:
            process.terminate()


def _wait(client: Client, process: subprocess.Popen[bytes] | None = None) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not client.ready():
        if (process and process.poll() is not None) or time.monotonic() > deadline:
            typer.echo("the service did not become ready", err=True)
            raise typer.Exit(1)
        time.sleep(0.1)
