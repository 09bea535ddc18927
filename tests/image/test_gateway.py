"""The CPU gateway's image, built and run: `make image-test`."""

import io
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pillow_heif
import pytest
from conftest import ROOT
from engine import CONFINED, Container, build, engine, python, started
from PIL import Image
from test_keys import made

pytestmark = [pytest.mark.image, pytest.mark.timeout(1800)]


@pytest.fixture(scope="session")
def image() -> str:
    return build("gateway-cpu")


@pytest.fixture(scope="session")
def gateway(image: str) -> Iterator[Container]:
    with started(image, allow_anonymous="true") as container:
        container.wait_ready()
        yield container


def test_how_large_it_is_and_how_soon_it_answers(image: str, capsys: pytest.CaptureFixture[str]) -> None:
    with started(image, allow_anonymous="true") as container:
        seconds = container.wait_ready()
    size, base = (int(engine("image", "inspect", "--format", "{{.Size}}", name)) for name in (image, build("runtime")))
    with capsys.disabled():
        print(f"\n{image}: {size / 1e6:.0f} MB, {base / 1e6:.0f} MB of them the base; ready after {seconds:.1f} s")
    assert size - base < 600e6  # 577 MB when this was written, 143 of them SciPy, by which rankings are fitted


def test_it_is_confined(gateway: Container) -> None:
    """The first process is the service itself, is not root, has no capability and can get none."""
    assert "serve" in gateway.python("print(open('/proc/1/cmdline').read().split(chr(0)))")
    status = dict(line.split(":\t", 1) for line in gateway.python("print(open('/proc/1/status').read())").splitlines())
    assert status["Uid"].split() == ["10001"] * 4
    assert {int(status[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {0}
    assert status["NoNewPrivs"] == "1"


@pytest.mark.parametrize("folder", ["/", "/tmp", "/var/tmp", "/models", "/opt/idiff"])
def test_it_can_write_nowhere(gateway: Container, folder: str) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        gateway.python(f"open('{folder}/file', 'w')")


def test_its_code_is_not_its_own_even_where_the_root_can_be_written(image: str) -> None:
    code = (
        "import os, pathlib; paths = [*pathlib.Path('/opt').rglob('*')];"
        "print(len(paths) > 1000, *(path for path in paths if not path.is_symlink() and os.access(path, os.W_OK)))"
    )
    assert engine("run", "--rm", "--entrypoint", "python3", image, "-c", code) == "True"


def test_it_has_no_compiler_no_torch_and_nothing_of_the_build(gateway: Container) -> None:
    tools = ("cc", "gcc", "g++", "c++", "clang", "as", "ld", "make", "python3")
    assert gateway.python(f"import shutil; print(*filter(shutil.which, {tools}))") == "python3"
    modules = ("torch", "onnx", "pip", "hatchling", "idiff")
    code = f"from importlib.util import find_spec; print(*filter(find_spec, {modules}))"
    assert gateway.python(code) == "idiff"
    paths = ("/source", "/etc/pip.conf", "/opt/idiff")
    assert gateway.python(f"import os; print(*filter(os.path.exists, {paths}))") == "/opt/idiff"


def test_it_turns_healthy(gateway: Container) -> None:
    deadline = time.monotonic() + 60
    while (health := gateway.state()["Health"])["Status"] != "healthy":
        assert time.monotonic() < deadline, health
        time.sleep(0.5)


def test_it_answers_make_demo(gateway: Container) -> None:
    port = httpx.URL(gateway.url).port
    demo = subprocess.run(
        [sys.executable, "-m", "idiff", "demo", "--port", str(port)], check=True, capture_output=True, text=True
    )
    assert "Starting the service" not in demo.stdout
    assert "Photo A is preferred" in demo.stdout


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "HEIF", "AVIF"])
def test_every_format_is_decoded(gateway: Container, pair: tuple[bytes, bytes], kind: str) -> None:
    pillow_heif.register_heif_opener()
    converted = []
    for photo in pair:
        Image.open(io.BytesIO(photo)).save(buffer := io.BytesIO(), kind, quality=95)
        converted.append(buffer.getvalue())
    files = dict(zip(("image_a", "image_b"), converted, strict=True))
    answer = httpx.post(f"{gateway.url}/compare", files=files, timeout=60)
    assert answer.status_code == 200, answer.text
    assert answer.json()["verdict"]["preferred"] == "A"


def test_told_to_stop_it_finishes_what_it_has_accepted(image: str, files: dict[str, bytes]) -> None:
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    body = httpx.Request("POST", "http://x", files=files, headers=kind).read()
    with started(image, allow_anonymous="true") as container:
        container.wait_ready()

        def slowly() -> Iterator[bytes]:
            yield body[:100]
            engine("kill", "--signal=TERM", container.name)
            time.sleep(1)
            yield body[100:]

        answer = httpx.post(f"{container.url}/compare", content=slowly(), headers=kind, timeout=60)
        assert answer.status_code == 200
        assert engine("wait", container.name) == "0"


def test_it_opens_to_nobody_unless_told(image: str) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        engine("run", "--rm", *CONFINED, image)
    assert refused.value.returncode == 2
    assert "IDIFF_API_KEYS" in refused.value.stderr


def test_keys_secrets_a_release_and_traces(image: str, tmp_path: Path, files: dict[str, bytes]) -> None:
    """As deployments give them; spans need a package of their own."""
    secret, keys = made("pipeline")
    (tmp_path / "keys").write_text(keys)
    (tmp_path / "token").write_text("for vLLM")
    mounts = {
        tmp_path / "keys": "/run/secrets/api_keys",
        tmp_path / "token": "/run/secrets/idiff_thinking_api_key",
        ROOT / "models" / "releases" / "starter": "/models/mine",
    }
    flags = [f"--volume={source}:{target}:ro" for source, target in mounts.items()]
    settings = {"api_keys": "/run/secrets/api_keys", "release": "/models/mine", "traces": "true"}
    with started(image, *flags, **settings) as container:
        container.wait_ready()
        assert httpx.post(f"{container.url}/compare", files=files).status_code == 401
        headers = {"Authorization": f"Bearer {secret}"}
        assert httpx.post(f"{container.url}/compare", files=files, headers=headers, timeout=60).status_code == 200
        token = "from idiff.config import Settings; print(Settings().thinking_api_key.get_secret_value())"
        assert container.python(token) == "for vLLM"


def test_its_list_of_packages_is_complete(image: str, tmp_path: Path) -> None:
    build("sbom", f"--output={tmp_path}")
    listed = json.loads((tmp_path / "gateway-cpu.cdx.json").read_text())["components"]
    code = "from importlib.metadata import distributions as d; print(*(f'{p.name}={p.version}' for p in d()))"
    installed = set(python(image, code).split())
    assert {f"{part['name']}={part['version']}" for part in listed} == installed
    assert any(package.startswith("onnxruntime=") for package in installed)
