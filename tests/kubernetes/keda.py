"""KEDA's ScaledObject as far as the manifests use it: keda.sh/v1alpha1 of KEDA 2.20, unknown keys refused.

What lies below `behavior` is Kubernetes' own and is validated as part of a HorizontalPodAutoscaler.
"""

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Strict(BaseModel):
    """No other keys, no conversions: the API server makes none."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Metadata(Strict):
    """`labels`: from kustomize."""

    name: str
    namespace: str
    labels: dict[str, str] = {}


class Target(Strict):
    """A Deployment where no kind is given."""

    name: str = Field(min_length=1)


class Fallback(Strict):
    """For when a trigger cannot be asked."""

    failureThreshold: int = Field(ge=0)  # noqa: N815 - KEDA's name
    replicas: int = Field(ge=0)
    behavior: Literal[
        "static", "currentReplicas", "currentReplicasIfHigher", "currentReplicasIfLower", "scalingModifiers"
    ] = "static"


class Autoscaler(Strict):
    """`behavior`: of autoscaling/v2."""

    behavior: dict[str, Any]


class Advanced(Strict):
    """Of the HorizontalPodAutoscaler that KEDA makes."""

    horizontalPodAutoscalerConfig: Autoscaler  # noqa: N815


class Prometheus(Strict):
    """Of the prometheus scaler; every value is a string."""

    serverAddress: str = Field(pattern=r"^https?://")  # noqa: N815
    query: str = Field(min_length=1)
    threshold: str = Field(pattern=r"^\d+(\.\d+)?$")


class Trigger(Strict):
    """Its metric type is AverageValue, by default: the query's result is shared out among the pods."""

    type: Literal["prometheus"]
    metadata: Prometheus


class Spec(Strict):
    """Seconds and counts."""

    scaleTargetRef: Target  # noqa: N815
    pollingInterval: int = Field(ge=1)  # noqa: N815
    minReplicaCount: int = Field(ge=1)  # noqa: N815
    maxReplicaCount: int = Field(ge=1)  # noqa: N815
    fallback: Fallback
    advanced: Advanced
    triggers: list[Trigger] = Field(min_length=1)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.minReplicaCount <= self.fallback.replicas <= self.maxReplicaCount:
            raise ValueError("the fallback is not within the bounds")
        return self


class ScaledObject(Strict):
    """What a Deployment is scaled by."""

    apiVersion: Literal["keda.sh/v1alpha1"]  # noqa: N815
    kind: Literal["ScaledObject"]
    metadata: Metadata
    spec: Spec

    @property
    def autoscaler(self) -> dict[str, Any]:
        """As the HorizontalPodAutoscaler that KEDA makes of it, less its metrics."""
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": self.spec.scaleTargetRef.name}
        behavior = self.spec.advanced.horizontalPodAutoscalerConfig.behavior
        return {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": self.metadata.name},
            "spec": {"scaleTargetRef": target, "maxReplicas": self.spec.maxReplicaCount, "behavior": behavior},
        }
