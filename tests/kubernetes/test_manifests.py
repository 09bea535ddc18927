"""deploy/kubernetes, rendered and held to Kubernetes' schemas, to the service's settings, and to its own promises."""

import re
from collections.abc import Iterator

import pytest
import yaml

kubernetes_validate = pytest.importorskip("kubernetes_validate", reason="make test-kubernetes installs it")

from keda import ScaledObject  # noqa: E402
from manifests import (  # noqa: E402
    OVERLAYS,
    ROOT,
    Resource,
    Workload,
    copy,
    environment,
    of_kind,
    plain,
    render,
    workloads,
)
from network import Peer, admitted, allowed  # noqa: E402
from prometheus_client import generate_latest  # noqa: E402

from idiff.config import Settings  # noqa: E402
from idiff.metrics import Metrics  # noqa: E402
from idiff_iqa import config as iqa  # noqa: E402

pytestmark = pytest.mark.kubernetes

VERSIONS = ("1.32", "1.37")
"""The oldest promised and the newest known."""
RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
VLLM_USER = {"runAsUser": 2000, "runAsGroup": 0}
"""Of its image; 0 is no user, and has no rights beyond its files."""
VLLM_METRICS = {"vllm:num_requests_running", "vllm:num_requests_waiting"}
"""Held against a real server in tests/vllm/test_vllm.py."""

SERVING = [(overlay, name) for overlay in OVERLAYS for name in ("gateway", "vllm", "iqa") if overlay != "cpu"]
SERVING.append(("cpu", "gateway"))


@pytest.fixture(params=OVERLAYS)
def resources(request: pytest.FixtureRequest) -> list[Resource]:
    return render(request.param)


@pytest.fixture(params=SERVING, ids=":".join)
def workload(request: pytest.FixtureRequest) -> Workload:
    overlay, name = request.param
    return workloads(render(overlay))[name]


def validate(resource: Resource) -> None:
    """Against the API's schemas, unknown keys refused."""
    for version in VERSIONS:
        kubernetes_validate.validate(resource, version, strict=True)


def held(resource: Resource) -> None:
    if resource["kind"] == "ScaledObject":
        resource = ScaledObject.model_validate(resource).autoscaler
    validate(resource)


def test_every_resource_is_of_its_schema_and_of_one_namespace(resources: list[Resource]) -> None:
    for one in [*resources, *plain()]:
        held(one)
    names = {(one["kind"], one["metadata"]["name"]) for one in resources}
    assert len(names) == len(resources)
    (namespace,) = of_kind(resources, "Namespace")
    assert {one["metadata"].get("namespace", "idiff") for one in resources} == {namespace["metadata"]["name"]}
    assert all("namespace" in one["metadata"] for one in resources if one is not namespace)


def test_a_typing_error_is_not_of_its_schema() -> None:
    resources = render("h20-pool")
    (gateway,) = (one for one in of_kind(resources, "Deployment") if one["metadata"]["name"] == "gateway")
    wrong = copy(gateway)
    wrong["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="readynessProbe"):
        held(wrong)
    for scaled in of_kind(resources, "ScaledObject"):
        wrong = copy(scaled)
        wrong["spec"]["maxReplicas"] = 3
        with pytest.raises(ValueError, match="maxReplicas"):
            held(wrong)
        wrong = copy(scaled)
        wrong["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]["scaleUp"]["policy"] = []
        with pytest.raises(kubernetes_validate.ValidationError, match="policy"):
            held(wrong)


def test_no_pod_has_more_rights_than_it_needs(resources: list[Resource]) -> None:
    for pod in workloads([*resources, *plain()]).values():
        spec = pod.template["spec"]
        assert spec["automountServiceAccountToken"] is False, pod.name
        assert spec["enableServiceLinks"] is False, f"{pod.name}: a service's name would become a setting"
        context = spec["securityContext"]
        assert (context["runAsNonRoot"], context["runAsUser"], context["runAsGroup"]) == (True, 10001, 10001)
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC", "initContainers"} & set(spec)
        for container in pod.containers:
            own = VLLM_USER if container["name"] == "vllm" else {}
            assert container["securityContext"] == RESTRICTED | own, container["name"]
            assert {"cpu", "memory"} <= set(container["resources"]["requests"]) & set(container["resources"]["limits"])
            assert re.fullmatch(r"[\w/-]+:v?\d+\.\d+\.\d+", container["image"]), "a tag that does not move"
        kinds = {key for volume in spec.get("volumes", []) for key in volume if key != "name"}
        assert kinds <= {"secret", "configMap", "emptyDir", "persistentVolumeClaim"}
        assert all("sizeLimit" in volume["emptyDir"] for volume in spec["volumes"] if "emptyDir" in volume)
    (namespace,) = of_kind(resources, "Namespace")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_whatever_listens_has_all_probes_on_paths_that_it_has(workload: Workload) -> None:
    container = workload.main
    live, ready = {"gateway": ("/livez", "/readyz"), "iqa": ("/livez", "/readyz"), "vllm": ("/health", "/health")}[
        workload.name
    ]
    paths = {kind: container[f"{kind}Probe"]["httpGet"] for kind in ("startup", "readiness", "liveness")}
    assert paths == {
        "startup": {"path": ready, "port": "http"},
        "readiness": {"path": ready, "port": "http"},
        "liveness": {"path": live, "port": "http"},
    }
    if workload.name == "vllm":
        check = workload.containers[1]
        assert "idiff thinking check" in check["readinessProbe"]["exec"]["command"][-1]
        assert check["startupProbe"]["exec"]["command"][:3] == ["idiff", "thinking", "check"]


def test_a_rollout_waits_for_the_slowest_start(workload: Workload) -> None:
    probe = workload.main["startupProbe"]
    longest = probe["periodSeconds"] * probe["failureThreshold"]
    assert workload.resource["spec"].get("progressDeadlineSeconds", 600) > longest


def test_the_end_in_order_fits_into_the_time_given(workload: Workload) -> None:
    """And endpoints have forgotten the pod before it stops listening: by a delay of its own, or before it is told."""
    spec, container = workload.template["spec"], workload.main
    grace = spec.get("terminationGracePeriodSeconds", 30)
    probe, told = container["readinessProbe"], environment(container)
    if workload.name == "gateway":
        settings = Settings(drain_delay_s=told["IDIFF_DRAIN_DELAY_S"], drain_timeout_s=told["IDIFF_DRAIN_TIMEOUT_S"])
        pause, rest = settings.drain_delay_s, settings.drain_timeout_s
        assert rest >= settings.request_timeout_s
    else:
        pause = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        rest = Settings().thinking_deadline_s if workload.name == "vllm" else Settings().iqa_deadline_s
        if workload.name == "vllm":
            assert f"--shutdown-timeout={rest:g}" in container["args"]
    assert pause >= 2 * probe["periodSeconds"]
    assert grace >= pause + rest + 5


def test_ports_agree(workload: Workload) -> None:
    """Of the container, of the setting that it listens by, of the annotation, and of the service."""
    told, spec = environment(workload.main), workload.template["spec"]
    default = {"gateway": Settings().port, "iqa": iqa.Settings().port, "vllm": told.get("PORT")}[workload.name]
    assert int(str(default)) == workload.port
    assert workload.template["metadata"]["annotations"]["prometheus.io/port"] == str(workload.port)
    assert len(spec["containers"]) == 1 + (workload.name == "vllm")


def test_selectors_find_the_pods_that_they_are_for(resources: list[Resource]) -> None:
    pods = workloads(resources)
    for kind in ("Service", "PodDisruptionBudget"):
        found = {one["metadata"]["name"]: one["spec"]["selector"] for one in of_kind(resources, kind)}
        assert set(found) == set(pods)
        for name, selector in found.items():
            labels = selector.get("matchLabels", selector)
            assert [pod.name for pod in pods.values() if labels.items() <= pod.labels.items()] == [name]
    for service in of_kind(resources, "Service"):
        assert [port["targetPort"] for port in service["spec"]["ports"]] == ["http"]
    for pod in pods.values():
        for spread in pod.template["spec"]["topologySpreadConstraints"]:
            assert spread["labelSelector"]["matchLabels"].items() <= pod.labels.items()
        assert pod.resource["spec"]["selector"]["matchLabels"].items() <= pod.labels.items()


def test_the_gateway_asks_where_the_models_are() -> None:
    for overlay in ("h20-single", "h20-pool"):
        resources = render(overlay)
        told = environment(workloads(resources)["gateway"].main)
        places = {
            f"http://{one['metadata']['name']}:{port['port']}"
            for one in of_kind(resources, "Service")
            for port in one["spec"]["ports"]
        }
        assert {told["IDIFF_THINKING_URL"], told["IDIFF_IQA_URL"]} <= places


@pytest.mark.parametrize("overlay", ["h20-single", "h20-pool"])
def test_models_are_reached_by_the_gateway_and_scraped_and_nothing_else(overlay: str) -> None:
    resources = render(overlay)
    policies = list(of_kind(resources, "NetworkPolicy"))
    pods = {name: Peer.of(pod) for name, pod in workloads(resources).items()}
    prometheus = Peer({"app.kubernetes.io/name": "prometheus"}, "monitoring")
    callers = Peer({}, "shop", (("idiff/callers", "allowed"),))
    dns = Peer({"k8s-app": "kube-dns"}, "kube-system")
    internet = Peer({}, "elsewhere")
    others = {
        "grafana": Peer({"app.kubernetes.io/name": "grafana"}, "monitoring"),
        "a false prometheus": Peer(prometheus.labels, "shop"),
        "a false gateway": Peer(pods["gateway"].labels, "shop"),
        "a pod beside": Peer({"app": "debug"}),
        "internet": internet,
    }
    sources = {**pods, **others, "prometheus": prometheus, "callers": callers}
    wanted = {
        ("callers", "gateway"),
        ("gateway", "vllm"),
        ("gateway", "iqa"),
        *(("prometheus", name) for name in pods),
    }
    for way in (allowed, admitted):
        assert wanted == {
            (source, target)
            for source, peer in sources.items()
            for target in pods
            if way(policies, peer, pods[target], pods[target].http)
        }
    assert not any(allowed(policies, peer, pods["vllm"], 22) for peer in sources.values())
    assert [name for name, peer in pods.items() if allowed(policies, peer, dns, 53)] == ["gateway"]
    assert not any(allowed(policies, peer, internet, 443) for peer in pods.values())


def test_every_variable_is_a_setting(resources: list[Resource]) -> None:
    """Of the process that gets it; its settings accept the values together."""
    known = {f"IDIFF_{name.upper()}" for name in Settings.model_fields}
    for pod in workloads(resources).values():
        for container in pod.containers:
            told = environment(container)
            own = {f"IDIFF_IQA_{name.upper()}" for name in iqa.Settings.model_fields} if pod.name == "iqa" else known
            assert {name for name in told if name.startswith("IDIFF_")} <= own, container["name"]
            fixed = {name.removeprefix("IDIFF_").lower(): value for name, value in told.items() if value is not None}
            if pod.name == "gateway":
                settings = Settings(**fixed)
                assert not settings.exposed
                assert settings.thinking_api_key is None, "a secret in a manifest"


def test_no_container_gets_more_threads_than_it_has_cores(resources: list[Resource]) -> None:
    gateway = workloads(resources)["gateway"].main
    (threads,) = (one for one in gateway["env"] if one["name"] == "IDIFF_THREADS")
    assert threads["valueFrom"] == {"resourceFieldRef": {"containerName": "gateway", "resource": "limits.cpu"}}
    assert int(gateway["resources"]["limits"]["cpu"]) >= 1


def test_the_memory_limit_holds_what_the_settings_let_in(resources: list[Resource]) -> None:
    """All bodies at their largest, and all pictures in memory at theirs, three bytes a pixel."""
    gateway = workloads(resources)["gateway"].main
    told = environment(gateway)
    settings = Settings(threads=gateway["resources"]["limits"]["cpu"], max_uploads=told["IDIFF_MAX_UPLOADS"])
    bodies = (settings.max_uploads + settings.in_flight) * settings.max_body_bytes
    pixels = 2 * settings.in_memory * 3 * settings.max_pixels
    limit = int(gateway["resources"]["limits"]["memory"].removesuffix("Gi")) * 2**30
    assert limit > bodies + pixels + 231e6


def test_secrets_and_volumes_have_one_name(resources: list[Resource]) -> None:
    """And every file that a variable names lies on a volume that is mounted, read-only."""
    claims = {one["metadata"]["name"] for one in of_kind(resources, "PersistentVolumeClaim")}
    generated = {one["metadata"]["name"] for one in of_kind(resources, "ConfigMap")}
    for pod in workloads(resources).values():
        volumes = {one["name"]: one for one in pod.template["spec"]["volumes"]}
        for container in pod.containers:
            mounts = {mount["mountPath"]: mount for mount in container.get("volumeMounts", [])}
            assert {mount["name"] for mount in mounts.values()} <= set(volumes)
            for value in environment(container).values():
                if value and value.startswith("/") and value != "/tmp":
                    assert any(value.startswith(f"{path}/") and mounts[path]["readOnly"] for path in mounts), value
        for volume in volumes.values():
            assert volume.get("persistentVolumeClaim", {}).get("claimName") in claims | {None}
            assert volume.get("configMap", {}).get("name") in generated | {None}
            assert volume.get("secret", {}).get("secretName") in {"idiff-api-keys", None}
    assert not list(of_kind(resources, "Secret")), "keys are no part of the repository"


def test_vllm_is_started_by_the_script_of_the_version_that_is_pinned() -> None:
    for overlay in ("h20-single", "h20-pool"):
        resources = render(overlay)
        vllm = workloads(resources)["vllm"].main
        (script,) = of_kind(resources, "ConfigMap")
        assert script["data"] == {"serve.sh": (ROOT / "deploy" / "vllm" / "serve.sh").read_text()}
        assert vllm["command"] == ["bash", "/serve/serve.sh"]
        pin = re.search(r"^vllm==(\S+)$", (ROOT / "deploy" / "vllm" / "requirements.txt").read_text(), re.MULTILINE)
        assert pin
        assert vllm["image"] == f"vllm/vllm-openai:v{pin[1]}"
        read = set(re.findall(r"\$\{([A-Z_]+)[:}]", script["data"]["serve.sh"]))
        mine = set(environment(vllm)) - {"HF_HUB_OFFLINE", "HOME", "VLLM_API_KEY"}
        assert mine <= read


def test_cards_are_shared_as_said() -> None:
    """On one card all share it, and fractions of its memory are left for the others; in a pool vLLM has cards alone."""
    single, pool = workloads(render("h20-single")), workloads(render("h20-pool"))
    shared, alone = {"nvidia.com/gpu.shared": 1}, {"nvidia.com/gpu": 1}
    assert {name: pod.cards for name, pod in single.items()} == {"gateway": shared, "iqa": shared, "vllm": shared}
    assert {name: pod.cards for name, pod in pool.items()} == {"gateway": shared, "iqa": shared, "vllm": alone}
    assert "--gpu-memory-utilization=0.45" in single["vllm"].main["args"]
    assert "--gpu-memory-utilization=0.9" in pool["vllm"].main["args"]
    assert {name for name, pod in single.items() if pod.resource["spec"]["strategy"].get("type") == "Recreate"} == {
        "vllm",
        "iqa",
    }
    (plugin,) = of_kind(plain(), "ConfigMap")
    sharing = yaml.safe_load(plugin["data"]["shared"])["sharing"]["timeSlicing"]
    assert sharing["renameByDefault"], "nvidia.com/gpu.shared"
    assert sharing["resources"] == [{"name": "nvidia.com/gpu", "replicas": len(single) + 1}]


def scaled() -> Iterator[tuple[Workload, ScaledObject]]:
    for overlay in OVERLAYS:
        resources = render(overlay)
        pods = workloads(resources)
        for one in of_kind(resources, "ScaledObject"):
            found = ScaledObject.model_validate(one)
            yield pods[found.spec.scaleTargetRef.name], found


def test_what_scales_asks_for_metrics_that_exist_in_its_own_namespace() -> None:
    exported = set(re.findall(r"^# TYPE (\S+)", generate_latest(Metrics().registry).decode(), re.MULTILINE))
    queries = [trigger.metadata.query for _, one in scaled() for trigger in one.spec.triggers]
    asked = {name for query in queries for name in re.findall(r"([a-z_:]+)\{", query)}
    assert asked == {"idiff_queue_depth"} | VLLM_METRICS
    assert asked - VLLM_METRICS <= exported
    assert all(query.count("{") == query.count('{namespace="idiff"}') for query in queries)


def test_scaling_is_left_to_what_scales() -> None:
    """No replicas in a manifest, which an apply would set back; and a pod asks for help before it must refuse."""
    pairs = list(scaled())
    assert {pod.name for pod, _ in pairs} == {"gateway", "vllm"}
    for pod, one in pairs:
        assert "replicas" not in pod.resource["spec"]
        (trigger,) = one.spec.triggers
        if pod.name == "gateway":
            most = Settings(threads=pod.main["resources"]["limits"]["cpu"]).in_flight
            assert float(trigger.metadata.threshold) <= most / 2
            assert one.spec.minReplicaCount >= 2
        else:
            assert float(trigger.metadata.threshold) <= 16
