"""What `kubectl kustomize` makes of deploy/kubernetes, and the parts of it that tests look at."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
KUBERNETES = ROOT / "deploy" / "kubernetes"
OVERLAYS = ("cpu", "h20-single", "h20-pool")
KUBECTL = Path(sys.executable).with_name("kubectl")

Resource = dict[str, Any]


@cache
def _rendered(overlay: str) -> str:
    if not KUBECTL.exists():
        pytest.skip(f"no {KUBECTL}: make test-kubernetes installs it")
    command = [KUBECTL, "kustomize", KUBERNETES / overlay]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "deprecated" not in done.stderr, done.stderr
    return done.stdout


def render(overlay: str) -> list[Resource]:
    """All resources of an overlay."""
    return list(yaml.safe_load_all(_rendered(overlay)))


def plain() -> list[Resource]:
    """The manifests that belong to no overlay."""
    return [yaml.safe_load((KUBERNETES / name).read_text()) for name in ("fill.yaml", "node/time-slicing.yaml")]


@dataclass(frozen=True)
class Workload:
    """A Deployment, or a Pod of its own."""

    resource: Resource

    @property
    def name(self) -> str:
        """Its own."""
        name: str = self.resource["metadata"]["name"]
        return name

    @property
    def template(self) -> Resource:
        """Of its pods: metadata and spec."""
        template: Resource = self.resource["spec"].get("template", self.resource)
        return template

    @property
    def labels(self) -> dict[str, str]:
        """Of its pods."""
        labels: dict[str, str] = self.template["metadata"]["labels"]
        return labels

    @property
    def containers(self) -> list[Resource]:
        """All of them."""
        containers: list[Resource] = self.template["spec"]["containers"]
        return containers

    @property
    def main(self) -> Resource:
        """The container that the pod is for."""
        return self.containers[0]

    @property
    def port(self) -> int:
        """That its main container listens on, named http."""
        (port,) = self.main["ports"]
        assert port["name"] == "http"
        number: int = port["containerPort"]
        return number

    @property
    def cards(self) -> dict[str, int]:
        """What it is given of NVIDIA's."""
        limits = self.main["resources"]["limits"]
        return {name: amount for name, amount in limits.items() if name.startswith("nvidia.com/")}


def of_kind(resources: list[Resource], kind: str) -> Iterator[Resource]:
    """Those of one kind."""
    return (one for one in resources if one["kind"] == kind)


def workloads(resources: list[Resource]) -> dict[str, Workload]:
    """By name."""
    found = [Workload(one) for one in resources if one["kind"] in ("Deployment", "Pod")]
    return {one.name: one for one in found}


def environment(container: Resource) -> dict[str, str | None]:
    """A container's variables; None where the value comes from elsewhere."""
    return {one["name"]: one.get("value") for one in container.get("env", [])}


def copy(resource: Resource) -> Resource:
    """One to be changed."""
    copied: Resource = json.loads(json.dumps(resource))
    return copied
