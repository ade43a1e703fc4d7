"""Exported lineage fits OpenLineage's official classes, and says the same as the graph."""

from __future__ import annotations

import importlib
import pkgutil
import uuid
from typing import Any

from hypothesis import given
from openlineage.client import generated
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent, RunState
from openlineage.client.serde import Serde

from registry.lineage.domain.graph import Edge, Graph, Kind, Node, NodeId, Relation
from registry.lineage.formats import openlineage
from tests.unit.registry.lineage.test_graph import graphs

WHERE = "http://127.0.0.1:5000"


def official() -> dict[str, Any]:
    """Return the official facet classes by the address of their schema."""
    found = {}
    for module in pkgutil.iter_modules(generated.__path__):
        for item in vars(importlib.import_module(f"{generated.__name__}.{module.name}")).values():
            if hasattr(item, "_get_schema"):
                found[item._get_schema()] = item
    return found


FACETS = official()


def require_official(facets: dict[str, Any]) -> None:
    """Build each published facet with its class: unknown or missing fields fail there."""
    for name, facet in facets.items():
        body = {key: value for key, value in facet.items() if not key.startswith("_")}
        if name.startswith("acgs_"):
            continue
        FACETS[facet["_schemaURL"]](**body)


def require_valid(event: dict[str, Any]) -> None:
    for part in (event["run"], event["job"], *event["inputs"], *event["outputs"]):
        require_official(part["facets"])
    built = RunEvent(
        eventType=RunState[event["eventType"]],
        eventTime=event["eventTime"],
        run=Run(**event["run"]),
        job=Job(**event["job"]),
        inputs=[InputDataset(**item) for item in event["inputs"]],
        outputs=[OutputDataset(**item) for item in event["outputs"]],
        producer=event["producer"],
    )
    written = Serde.to_dict(built)
    assert written["schemaURL"] == event["schemaURL"]
    assert written["run"] == Serde.to_dict(event["run"])
    assert written["job"] == Serde.to_dict(event["job"])


@given(graphs())
def test_any_graph_makes_valid_events(graph: Graph) -> None:
    told = openlineage.events(graph, WHERE)
    for event in told:
        require_valid(event)
    ids = [event["run"]["runId"] for event in told]
    assert len(set(ids)) == len(ids)


def node(kind: Kind, key: str, **facts: str) -> Node:
    return Node(NodeId(kind, key), f"{kind} {key}", facts)


def story() -> Graph:
    """A dataset's way into an endpoint."""
    run, version = uuid.UUID(int=1).hex, str(uuid.UUID(int=2))
    nodes = [
        node(Kind.DATASET, "train@abc", digest="abc"),
        node(Kind.COMMIT, "c0ffee", repository="https://example.org/r", branch="main"),
        node(Kind.RUN, run, status="FINISHED", at="2026-11-24T09:00:00.000+00:00"),
        node(Kind.MODEL, "m-1"),
        node(
            Kind.VERSION, version, model="credit", version="1.2.0",
            registered="2026-11-24T09:05:00.000+00:00",
        ),
        node(Kind.REQUEST, "7", state="granted", at="2026-11-24T10:00:00.000+00:00"),
        node(Kind.VERDICT, "5", score="0.9700"),
        node(Kind.APPROVAL, "1", comment="fine"),
        node(Kind.ROLLOUT, "2", phase="succeeded", started="2026-11-24T10:01:00.000+00:00"),
        node(Kind.ENDPOINT, "credit"),
    ]  # fmt: skip
    data, commit, made, model, registered, request, verdict, approval, rollout, endpoint = (
        item.id for item in nodes
    )
    edges = [
        Edge(data, made, Relation.TRAINED),
        Edge(commit, made, Relation.RAN_IN),
        Edge(made, model, Relation.LOGGED),
        Edge(model, registered, Relation.REGISTERED),
        Edge(registered, request, Relation.ASKED),
        Edge(request, verdict, Relation.JUDGED),
        Edge(request, approval, Relation.SIGNED),
        Edge(verdict, rollout, Relation.LED_TO),
        Edge(approval, rollout, Relation.LED_TO),
        Edge(rollout, endpoint, Relation.SERVED),
    ]
    return Graph({item.id: item for item in nodes}, frozenset(edges))


def test_a_consumer_reads_the_same_chain_from_data_to_endpoint() -> None:
    told = openlineage.events(story(), WHERE)
    for event in told:
        require_valid(event)
    kinds = [(cause.kind, effect.kind) for cause, effect in openlineage.edges(told)]
    assert kinds == [
        (Kind.DATASET, Kind.MODEL), (Kind.MODEL, Kind.VERSION), (Kind.VERSION, Kind.ENDPOINT),
    ]  # fmt: skip
    assert [event["job"]["name"].split("/")[0] for event in told] == [
        "train", "register", "request", "roll out",
    ]  # fmt: skip


def test_code_verdict_and_approval_go_along_as_facets() -> None:
    train, register, request, _rollout = openlineage.events(story(), WHERE)
    assert train["job"]["facets"]["sourceCodeLocation"]["version"] == "c0ffee"
    assert train["run"]["runId"] == str(uuid.UUID(int=1))
    assert register["outputs"][0]["facets"]["version"]["datasetVersion"] == "1.2.0"
    governance = request["run"]["facets"]["acgs_governance"]
    assert governance["verdicts"] == [{"score": "0.9700"}]
    assert governance["approvals"][0]["comment"] == "fine"


def test_the_same_graph_is_told_in_the_same_bytes() -> None:
    assert openlineage.events(story(), WHERE) == openlineage.events(story(), WHERE)
