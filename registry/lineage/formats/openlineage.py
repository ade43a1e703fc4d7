"""Writes lineage as OpenLineage run events: one for each step that made something.

A training run reads datasets and models and writes a model; a registration reads the model and
writes a version; a request reads a version and is judged; a rollout reads a version and writes to
an endpoint. Spec 2-0-2, facets as published; what the spec has no word for is in the platform's
facets, whose names begin with `acgs_`, as the spec asks.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from registry.lineage.domain.graph import Edge, Graph, Kind, Node, NodeId, Relation

Json = dict[str, Any]
PRODUCER = "urn:acgs:mlops:lineage"
SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
_FACETS = "https://openlineage.io/spec/facets"
_JOBS = {
    Kind.RUN: "train",
    Kind.VERSION: "register",
    Kind.REQUEST: "request",
    Kind.ROLLOUT: "roll out",
}
_DATA = frozenset({Kind.DATASET, Kind.MODEL, Kind.VERSION, Kind.ENDPOINT})
_DECIDING = frozenset({Kind.REQUEST, Kind.VERDICT, Kind.APPROVAL})
_TYPES = {
    Kind.DATASET: "FILE",
    Kind.MODEL: "MODEL",
    Kind.VERSION: "MODEL",
    Kind.ENDPOINT: "SERVICE",
}
_STATES = {"FAILED": "FAIL", "KILLED": "ABORT", "RUNNING": "RUNNING", "SCHEDULED": "START"}
_TIMES = ("at", "registered", "started")


def events(graph: Graph, namespace: str) -> list[Json]:
    """Return the events, causes before effects; equal graphs give equal events.

    Args:
        graph: what to write.
        namespace: of jobs and datasets: the address of the MLflow server.
    """
    writer = _Writer(graph, namespace)
    steps = [node for node in graph.nodes.values() if node.id.kind in _JOBS]
    known = max((_time(node) for node in steps), default="")
    written = [writer.event(node, known) for node in steps]
    return sorted(written, key=lambda event: (event["eventTime"], event["run"]["runId"]))


class _Writer:
    def __init__(self, graph: Graph, namespace: str) -> None:
        self.graph = graph
        self.namespace = namespace
        self.causes: dict[NodeId, list[Edge]] = {}
        self.effects: dict[NodeId, list[Edge]] = {}
        for edge in sorted(graph.edges):
            self.causes.setdefault(edge.effect, []).append(edge)
            self.effects.setdefault(edge.cause, []).append(edge)

    def event(self, node: Node, otherwise: str) -> Json:
        inputs, outputs = self._inputs(node.id), self._outputs(node.id)
        return {
            "eventType": _state(node),
            "eventTime": _time(node) or otherwise or "1970-01-01T00:00:00+00:00",
            "run": {"runId": run_id(node.id), "facets": self._run_facets(node)},
            "job": {
                "namespace": self.namespace,
                "name": self._job_name(node),
                "facets": self._job_facets(node),
            },
            "inputs": [self._dataset(there, relation) for there, relation in inputs],
            "outputs": [self._dataset(there, None) for there in outputs],
            "producer": PRODUCER,
            "schemaURL": SPEC,
        }

    def _inputs(self, node: NodeId) -> list[tuple[NodeId, Relation]]:
        """Return the data that a step read: through verdicts and approvals, back to the version."""
        found: dict[NodeId, Relation] = {}
        waiting, seen = [node], {node}
        while waiting:
            for edge in self.causes.get(waiting.pop(), ()):
                if edge.cause.kind in _DATA:
                    found.setdefault(edge.cause, edge.relation)
                elif edge.cause.kind in _DECIDING and edge.cause not in seen:
                    seen.add(edge.cause)
                    waiting.append(edge.cause)
        return sorted(found.items())

    def _outputs(self, node: NodeId) -> list[NodeId]:
        if node.kind is Kind.VERSION:
            return [node]
        return sorted(
            edge.effect
            for edge in self.effects.get(node, ())
            if edge.effect.kind in _DATA - {Kind.VERSION}
        )

    def _job_name(self, node: Node) -> str:
        facts = node.facts
        match node.id.kind:
            case Kind.RUN:
                return f"train/{node.page.split('/')[2] if node.page.count('/') > 2 else 'unknown'}"
            case Kind.VERSION:
                return f"register/{facts.get('model', node.label)}"
            case Kind.REQUEST:
                return f"request/{node.label}"
            case _:
                endpoints = self._outputs(node.id)
                return f"roll out/{endpoints[0].key if endpoints else node.label}"

    def _run_facets(self, node: Node) -> Json:
        facets: Json = {"acgs_lineage": _own({"id": str(node.id), **_camel(node.facts)})}
        parents = [
            edge.cause for edge in self.causes.get(node.id, ()) if edge.cause.kind is Kind.RUN
        ]
        if parents and parents[0] in self.graph.nodes:
            parent = self.graph.nodes[parents[0]]
            facets["parent"] = _facet(
                "ParentRunFacet",
                "1-2-0",
                {
                    "run": {"runId": run_id(parent.id)},
                    "job": {"namespace": self.namespace, "name": self._job_name(parent)},
                },
            )
        if node.id.kind is Kind.REQUEST:
            facets["acgs_governance"] = _own(self._governance(node.id))
        return facets

    def _governance(self, request: NodeId) -> Json:
        answers = [self.graph.nodes[e.effect] for e in self.effects.get(request, ())]
        return {
            "verdicts": [_camel(n.facts) for n in answers if n.id.kind is Kind.VERDICT],
            "approvals": [
                {"said": n.label, **_camel(n.facts)} for n in answers if n.id.kind is Kind.APPROVAL
            ],
        }

    def _job_facets(self, node: Node) -> Json:
        facets: Json = {
            "jobType": _facet(
                "JobTypeJobFacet",
                "2-0-4",
                {
                    "processingType": "BATCH",
                    "integration": "ACGS",
                    "jobType": _JOBS[node.id.kind].upper(),
                },
            )
        }
        for edge in self.causes.get(node.id, ()):
            if edge.cause.kind is Kind.COMMIT:
                commit = self.graph.nodes[edge.cause]
                facets["sourceCodeLocation"] = _location(commit)
        return facets

    def _dataset(self, node_id: NodeId, relation: Relation | None) -> Json:
        node = self.graph.nodes[node_id]
        name, version = _named(node)
        facets: Json = {
            "datasetType": _facet(
                "DatasetTypeDatasetFacet", "1-0-1", {"datasetType": _TYPES[node_id.kind]}
            ),
            "acgs_lineage": _own({"id": str(node_id), **_camel(node.facts)}),
        }
        if version:
            facets["version"] = _facet(
                "DatasetVersionDatasetFacet", "1-0-1", {"datasetVersion": version}
            )
        written: Json = {"namespace": self.namespace, "name": name, "facets": facets}
        if relation is not None:
            written["inputFacets"] = {"acgs_use": _own({"relation": relation.value})}
        return written


def run_id(node: NodeId) -> str:
    """Return a step's UUID: its own if it has one, else one derived from its identity."""
    try:
        own = uuid.UUID(node.key)
    except ValueError:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{PRODUCER}:{node}"))
    return str(own)


def _named(node: Node) -> tuple[str, str]:
    """Return the name and namespace by which OpenLineage knows a data node."""
    facts = node.facts
    match node.id.kind:
        case Kind.DATASET:
            # The digest in the key: a name may hold an "@", and a digest too.
            return f"dataset/{node.label}", node.id.key.removeprefix(f"{node.label}@")
        case Kind.VERSION:
            return f"model/{facts.get('model', node.id.key)}", facts.get("version", "")
        case Kind.MODEL:
            return f"logged model/{node.id.key}", ""
        case _:
            return f"endpoint/{node.id.key}", ""


def _location(commit: Node) -> Json:
    repository = commit.facts.get("repository", "")
    located = {"type": "git", "url": commit.page or repository or f"git:{commit.id.key}"}
    optional = {
        "repoUrl": repository,
        "version": commit.id.key,
        "branch": commit.facts.get("branch", ""),
    }
    located |= {name: value for name, value in optional.items() if value}
    return _facet("SourceCodeLocationJobFacet", "1-1-0", located)


def _state(node: Node) -> str:
    if node.id.kind is Kind.RUN:
        return _STATES.get(node.facts.get("status", ""), "COMPLETE")
    if node.id.kind is Kind.ROLLOUT:
        phase = node.facts.get("phase", "")
        return {"succeeded": "COMPLETE", "rolled back": "FAIL"}.get(phase, "RUNNING")
    if node.id.kind is Kind.REQUEST:
        state = node.facts.get("state", "")
        return {"open": "RUNNING", "refused": "FAIL", "cancelled": "ABORT"}.get(state, "COMPLETE")
    return "COMPLETE"


def _time(node: Node) -> str:
    return next((node.facts[name] for name in _TIMES if name in node.facts), "")


def _facet(name: str, version: str, body: Mapping[str, object]) -> Json:
    url = f"{_FACETS}/{version}/{name}.json#/$defs/{name}"
    return {"_producer": PRODUCER, "_schemaURL": url, **body}


def _own(body: Mapping[str, object]) -> Json:
    return {"_producer": PRODUCER, "_schemaURL": f"{PRODUCER}:facets:1", **body}


def _camel(facts: Mapping[str, str]) -> Json:
    return {name.replace(" ", "_"): value for name, value in facts.items()}


def edges(written: list[Json]) -> Iterator[tuple[NodeId, NodeId]]:
    """Yield which data node was made from which, as any consumer of the events would find."""
    for event in written:
        for cause in event["inputs"]:
            for effect in event["outputs"]:
                yield (
                    NodeId.parse(cause["facets"]["acgs_lineage"]["id"]),
                    NodeId.parse(effect["facets"]["acgs_lineage"]["id"]),
                )
