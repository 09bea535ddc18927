"""Who may reach whom under a namespace's NetworkPolicies, by the rules of networking.k8s.io/v1."""

from collections.abc import Iterator
from dataclasses import dataclass

from manifests import Resource, Workload

NAMESPACE = "idiff"


@dataclass(frozen=True)
class Peer:
    """A pod: its labels, its namespace and the labels of that, and the number of its port `http`."""

    labels: dict[str, str]
    namespace: str = NAMESPACE
    namespace_labels: tuple[tuple[str, str], ...] = ()
    http: int = 0

    @classmethod
    def of(cls, workload: Workload) -> "Peer":
        """One of a workload's pods."""
        return cls(workload.labels, http=workload.port)

    @property
    def around(self) -> dict[str, str]:
        """Its namespace's labels, with the one that every namespace has."""
        return {"kubernetes.io/metadata.name": self.namespace, **dict(self.namespace_labels)}


def allowed(policies: list[Resource], source: Peer, target: Peer, port: int) -> bool:
    """Whether a connection is let out where it begins and in where it ends; other namespaces have no policies."""
    return _passes(policies, "Egress", source, target, target, port) and admitted(policies, source, target, port)


def admitted(policies: list[Resource], source: Peer, target: Peer, port: int) -> bool:
    """Whether it is let in, however it got out."""
    return _passes(policies, "Ingress", target, source, target, port)


def _passes(policies: list[Resource], way: str, here: Peer, there: Peer, target: Peer, port: int) -> bool:
    if here.namespace != NAMESPACE:
        return True
    own = [one["spec"] for one in policies if way in one["spec"]["policyTypes"]]
    own = [spec for spec in own if _selects(spec["podSelector"], here.labels)]
    return not own or any(_admits(rule, way, there, target, port) for spec in own for rule in spec.get(way.lower(), []))


def _admits(rule: Resource, way: str, there: Peer, target: Peer, port: int) -> bool:
    peers = rule.get("from" if way == "Ingress" else "to")
    return any(number == port for number in _ports(rule, target)) and (
        peers is None or any(_is(peer, there) for peer in peers)
    )


def _ports(rule: Resource, target: Peer) -> Iterator[int]:
    assert rule.get("ports"), "a rule without ports opens them all"
    for one in rule["ports"]:
        assert set(one) <= {"port", "protocol"}
        yield target.http if one["port"] == "http" else one["port"]


def _is(peer: Resource, there: Peer) -> bool:
    assert set(peer) <= {"podSelector", "namespaceSelector"}
    if "namespaceSelector" in peer:
        near = _selects(peer["namespaceSelector"], there.around)
    else:
        near = there.namespace == NAMESPACE
    return near and _selects(peer.get("podSelector", {}), there.labels)


def _selects(selector: Resource, labels: dict[str, str]) -> bool:
    assert set(selector) <= {"matchLabels", "matchExpressions"}
    for one in selector.get("matchExpressions", []):
        assert one["operator"] == "In"
        if labels.get(one["key"]) not in one["values"]:
            return False
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
