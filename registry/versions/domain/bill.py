"""Writes a version's bill of materials, as CycloneDX JSON (specification 1.6).

Built from what the registry knows, so that the same version gives the same document.
"""

from __future__ import annotations

import math
import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from registry.domain.signature import Field
from registry.domain.values import VersionRef
from registry.files.domain.manifest import Manifest
from registry.versions.domain.difference import ComparedVersion

SPECIFICATION = "1.6"
TOOL = "acgs-mlops"
_NAMESPACE = uuid.UUID("0b6f1c5c-6f0e-5d0c-9d1f-3a8f5f0d2c11")
_PINNED = re.compile(r"==([^\s;,*]+)$")


def bill(
    ref: VersionRef,
    created_ms: int,
    description: str,
    subject: ComparedVersion,
    manifest: Manifest | None,
    tool_version: str,
) -> dict[str, Any]:
    """Return the document as JSON values.

    Args:
        ref: the version.
        created_ms: when it was registered, milliseconds since the epoch.
        description: what people wrote about it, or "".
        subject: contract, numbers, data and requirements.
        manifest: every file; None when they could not be read at registration.
        tool_version: of the platform.
    """
    files = _files(manifest)
    data = [_dataset(name, digest) for name, digest in sorted(subject.datasets.items())]
    libraries = [_library(name, pin) for name, pin in sorted(subject.requirements.items())]
    parts = [*files, *data, *libraries]
    root = f"model:{ref.uid}"
    model = {
        "type": "machine-learning-model",
        "bom-ref": root,
        "name": ref.name,
        "version": ref.semver,
        "modelCard": _card(subject, data),
        "properties": _properties(ref, subject),
    }
    if description:
        model["description"] = description
    when = datetime.fromtimestamp(created_ms / 1000, UTC).isoformat(timespec="milliseconds")
    digest = manifest.digest if manifest else ""
    return {
        "$schema": f"http://cyclonedx.org/schema/bom-{SPECIFICATION}.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": SPECIFICATION,
        "serialNumber": uuid.uuid5(_NAMESPACE, f"{ref.uid} {digest}").urn,
        "version": 1,
        "metadata": {
            "timestamp": when,
            "tools": {
                "components": [{"type": "application", "name": TOOL, "version": tool_version}]
            },
            "component": model,
        },
        "components": parts,
        "dependencies": [
            {"ref": root, "dependsOn": [part["bom-ref"] for part in parts]},
            *({"ref": part["bom-ref"]} for part in parts),
        ],
    }


def _files(manifest: Manifest | None) -> list[dict[str, Any]]:
    return [
        {
            "type": "file",
            "bom-ref": f"file:{entry.path}",
            "name": entry.path,
            "hashes": [{"alg": "SHA-256", "content": entry.sha256}],
            "properties": [{"name": "acgs:size_bytes", "value": str(entry.size_bytes)}],
        }
        for entry in (manifest.files if manifest else ())
    ]


def _dataset(name: str, digest: str) -> dict[str, Any]:
    return {
        "type": "data",
        "bom-ref": f"data:{name}",
        "name": name,
        "version": digest,
        "data": [{"type": "dataset", "name": name}],
    }


def _library(name: str, pin: str) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "library", "bom-ref": f"library:{name}", "name": name}
    pinned = _PINNED.match(pin.partition(" ;")[0])
    if pinned:
        bare = name.partition("[")[0]
        found["version"] = pinned[1]
        found["purl"] = f"pkg:pypi/{quote(bare)}@{quote(pinned[1])}"
    elif pin:
        found["properties"] = [{"name": "acgs:requirement", "value": pin}]
    return found


def _card(subject: ComparedVersion, data: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    signature = subject.signature
    parameters: dict[str, Any] = {"datasets": [{"ref": part["bom-ref"]} for part in data]}
    if signature is not None:
        parameters["inputs"] = [_format(field) for field in signature.inputs]
        parameters["outputs"] = [_format(field) for field in signature.outputs]
    metrics = [
        {"type": name, "value": f"{value:.6g}"}
        for name, value in sorted(subject.metrics.items())
        if math.isfinite(value)
    ]
    return {
        "modelParameters": parameters,
        "quantitativeAnalysis": {"performanceMetrics": metrics},
        "properties": [
            {"name": f"acgs:parameter:{name}", "value": value}
            for name, value in sorted(subject.params.items())
        ],
    }


def _format(field: Field) -> dict[str, str]:
    optional = "" if field.required else " (optional)"
    return {"format": f"{field.name}: {field.type}{optional}"}


def _properties(ref: VersionRef, subject: ComparedVersion) -> list[dict[str, str]]:
    known = {"mlflow_version": str(ref.version), "uid": ref.uid, **subject.facts}
    return [
        {"name": f"acgs:{name}", "value": value} for name, value in sorted(known.items()) if value
    ]
