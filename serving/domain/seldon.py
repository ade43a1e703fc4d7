"""Seldon's own object as the desired state: versions, their model servers and their traffic.

The same manifest goes to a cluster that runs Seldon, or is run on this machine.
Source: CRD `seldondeployments.machinelearning.seldon.io`, version v1, and the rules that Seldon's
admission webhook adds to it (seldon-core 1.17.1, operator/apis/.../seldondeployment_webhook.go).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from infra.errors import UsageError

API_VERSION = "machinelearning.seldon.io/v1"
KIND = "SeldonDeployment"
DEFAULT, CANARY = "default", "canary"
MLFLOW_SERVER = "MLFLOW_SERVER"
UID, NUMBER, SEMVER, DIGEST = (
    "acgs.mlops/version-uid",
    "acgs.mlops/version",
    "acgs.mlops/semver",
    "acgs.mlops/manifest-digest",
)
_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\Z")
# Seldon makes names like <deployment>-<predictor>-0-<container>, which must stay below 63.
_LONGEST_DEPLOYMENT = 40


class ManifestError(UsageError):
    """A SeldonDeployment that Seldon would not accept."""

    code = "serving.manifest_invalid"


@dataclass(frozen=True, slots=True)
class ServedVersion:
    """One version as serving knows it.

    Attributes:
        uid: names it for ever.
        digest: digest of its files, or "" where none is registered.
        model_uri: where a cluster's storage initializer fetches it.
    """

    uid: str
    name: str
    number: int
    semver: str
    digest: str
    model_uri: str


@dataclass(frozen=True, slots=True)
class Predictor:
    """One version's model servers in a deployment, and their share of the traffic."""

    name: str
    version: ServedVersion
    traffic: int
    replicas: int = 1

    def manifest(self) -> dict[str, object]:
        """Return the predictor as Seldon writes it."""
        return {
            "name": self.name,
            "traffic": self.traffic,
            "replicas": self.replicas,
            "labels": {"app.kubernetes.io/version": _label(self.version.semver)},
            "annotations": {
                UID: self.version.uid,
                NUMBER: str(self.version.number),
                SEMVER: self.version.semver,
                DIGEST: self.version.digest,
            },
            "graph": {
                "name": resource_name(self.version.name),
                "type": "MODEL",
                "implementation": MLFLOW_SERVER,
                "modelUri": self.version.model_uri,
                "children": [],
            },
        }


@dataclass(frozen=True, slots=True)
class SeldonDeployment:
    """The desired state of one endpoint.

    Raises:
        ManifestError: Seldon's webhook, or its CRD, would refuse it.
    """

    name: str
    namespace: str
    predictors: tuple[Predictor, ...]
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        for what, value in (("name", self.name), ("namespace", self.namespace)):
            _require(bool(_DNS_LABEL.match(value)), what, "a DNS label (a-z, 0-9, -)", value)
        _require(bool(self.predictors), "predictors", "at least one", 0)
        names = [p.name for p in self.predictors]
        _require(len(set(names)) == len(names), "predictors", "unique names", names)
        for name in names:
            _require(bool(_DNS_LABEL.match(name)), "predictor name", "a DNS label", name)
        traffic = [p.traffic for p in self.predictors]
        _require(all(0 <= t <= 100 for t in traffic), "traffic", "percentages 0..100", traffic)
        if len(traffic) > 1:
            _require(sum(traffic) == 100, "traffic", "a sum of 100", traffic)
        replicas = [p.replicas for p in self.predictors]
        _require(all(r >= 1 for r in replicas), "replicas", "at least 1", replicas)

    def manifest(self) -> dict[str, object]:
        """Return the object as it is applied to a cluster."""
        return {
            "apiVersion": API_VERSION,
            "kind": KIND,
            "metadata": {
                "name": self.name,
                "namespace": self.namespace,
                "labels": {"app.kubernetes.io/managed-by": "acgs"},
                "annotations": dict(self.annotations),
            },
            "spec": {
                "name": self.name,
                "protocol": "seldon",
                "transport": "rest",
                "predictors": [predictor.manifest() for predictor in self.predictors],
            },
        }


def check_namespace(namespace: str) -> None:
    """Refuse a namespace that Kubernetes would refuse.

    Raises:
        ManifestError: the namespace is no DNS label.
    """
    _require(bool(_DNS_LABEL.match(namespace)), "namespace", "a DNS label (a-z, 0-9, -)", namespace)


def resource_name(model_name: str) -> str:
    """Return a registered model's name as Kubernetes and URLs can carry it.

    A name that is a short DNS label stays as it is; any other is spelled out in what is allowed
    and gets a digest of the original, so that two models never share one.
    """
    if _DNS_LABEL.match(model_name) and len(model_name) <= _LONGEST_DEPLOYMENT:
        return model_name
    digest = hashlib.sha256(model_name.encode()).hexdigest()[:6]
    plain = re.sub(r"[^a-z0-9]+", "-", model_name.lower()).strip("-")
    return f"{plain[: _LONGEST_DEPLOYMENT - 7].strip('-') or 'model'}-{digest}"


def _label(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", text)[:63]


def _require(holds: bool, what: str, expected: str, found: object) -> None:
    if not holds:
        raise ManifestError(
            f"SeldonDeployment: {what}: expected {expected}, found {found!r}",
            hint="see the rules of Seldon's SeldonDeployment",
        )
