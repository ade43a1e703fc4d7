"""Takes one step through the lineage, from nodes of one kind to their direct causes or effects.

Edges are derived, each time, from the tables where the facts are kept: what is renamed, deleted,
copied or tagged later is right at once, and nothing can disagree. Every query here goes by an
index, in batches, whatever the number of versions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, and_, exists, func, or_, select

from registry.adapters import tables
from registry.lineage.adapters import mlflow_tables as mlflow
from registry.lineage.domain.graph import Edge, Kind, NodeId, Relation
from registry.stages.adapters.tenures import PlaceKind

BATCH = 500
"""Keys per query; SQLite takes no more than 32,766 parameters, and plans fewer faster."""

Hop = Callable[[Connection, Sequence[str]], Iterable[Edge]]

_V, _R, _S = tables.version.c, tables.request.c, tables.scorecard.c
_A, _RO, _T = tables.approval.c, tables.rollout.c, tables.tenure.c
_I, _D, _IT = mlflow.inputs.c, mlflow.datasets.c, mlflow.input_tags.c
_L, _TAG, _M = mlflow.logged_models.c, mlflow.run_tags.c, mlflow.logged_model_metrics.c


def _edge(cause: Kind, cause_key: object, effect: Kind, key: object, relation: Relation) -> Edge:
    return Edge(NodeId(cause, str(cause_key)), NodeId(effect, str(key)), relation)


def dataset_key(name: str, digest: str) -> str:
    """Return what identifies a dataset."""
    return f"{name}@{digest}"


def dataset_splits(key: str) -> Iterator[tuple[str, str]]:
    """Yield each way to read a dataset's key, the longest name first: both parts may hold "@"."""
    parts = key.split("@")
    for at in range(len(parts) - 1, 0, -1):
        yield "@".join(parts[:at]), "@".join(parts[at:])


# Upwards


def _version_up(connection: Connection, uids: Sequence[str]) -> Iterator[Edge]:
    rows = connection.execute(
        select(_V.uid, _V.run_id, _V.model_id, _V.predecessor_uid, _V.origin_uid, _L.source_run_id)
        .outerjoin(mlflow.logged_models, _L.model_id == _V.model_id)
        .where(_V.uid.in_(uids))
    )
    for row in rows:
        if row.model_id:
            yield _edge(Kind.MODEL, row.model_id, Kind.VERSION, row.uid, Relation.REGISTERED)
        if row.run_id and row.run_id != row.source_run_id:
            yield _edge(Kind.RUN, row.run_id, Kind.VERSION, row.uid, Relation.REGISTERED)
        if row.origin_uid:
            yield _edge(Kind.VERSION, row.origin_uid, Kind.VERSION, row.uid, Relation.COPIED)
        if row.predecessor_uid:
            yield _edge(Kind.VERSION, row.predecessor_uid, Kind.VERSION, row.uid, Relation.PRECEDED)


def _model_up(connection: Connection, ids: Sequence[str]) -> Iterator[Edge]:
    rows = connection.execute(
        select(_L.model_id, _L.source_run_id).where(
            _L.model_id.in_(ids), _L.source_run_id.is_not(None)
        )
    )
    for row in rows:
        yield _edge(Kind.RUN, row.source_run_id, Kind.MODEL, row.model_id, Relation.LOGGED)
    measured = connection.execute(
        select(_M.model_id, _M.dataset_name, _M.dataset_digest)
        .where(_M.model_id.in_(ids), _M.dataset_name.is_not(None), _M.dataset_digest.is_not(None))
        .distinct()
    )
    for metric in measured:
        key = dataset_key(metric.dataset_name, metric.dataset_digest)
        yield _edge(Kind.DATASET, key, Kind.MODEL, metric.model_id, Relation.EVALUATED)


def _run_up(connection: Connection, ids: Sequence[str]) -> Iterator[Edge]:
    datasets = connection.execute(
        select(_I.destination_id, _D.name, _D.digest, _IT.value.label("context"))
        .select_from(mlflow.inputs)
        .join(mlflow.datasets, _D.dataset_uuid == _I.source_id)
        .outerjoin(
            mlflow.input_tags, and_(_IT.input_uuid == _I.input_uuid, _IT.name == mlflow.CONTEXT)
        )
        .where(
            _I.destination_type == "RUN", _I.destination_id.in_(ids), _I.source_type == "DATASET"
        )
    )
    for row in datasets:
        key = dataset_key(row.name, row.digest)
        yield _edge(Kind.DATASET, key, Kind.RUN, row.destination_id, _use(row.context))
    tags = connection.execute(
        select(_TAG.run_uuid, _TAG.key, _TAG.value).where(
            _TAG.run_uuid.in_(ids), _TAG.key.in_((mlflow.COMMIT, mlflow.PARENT_RUN))
        )
    )
    for tag in tags:
        if tag.value and tag.key == mlflow.COMMIT:
            yield _edge(Kind.COMMIT, tag.value, Kind.RUN, tag.run_uuid, Relation.RAN_IN)
        elif tag.value:
            yield _edge(Kind.RUN, tag.value, Kind.RUN, tag.run_uuid, Relation.STARTED)
    models = connection.execute(
        select(_I.source_id, _I.destination_id).where(
            _I.source_type == "RUN_INPUT",
            _I.source_id.in_(ids),
            _I.destination_type == "MODEL_INPUT",
        )
    )
    for used in models:
        yield _edge(Kind.MODEL, used.destination_id, Kind.RUN, used.source_id, Relation.USED_BY)


def _request_up(connection: Connection, ids: Sequence[str]) -> Iterator[Edge]:
    for row in connection.execute(
        select(_R.id, _R.version_uid).where(_R.id.in_([int(i) for i in ids]))
    ):
        yield _edge(Kind.VERSION, row.version_uid, Kind.REQUEST, row.id, Relation.ASKED)


def _verdict_up(connection: Connection, ids: Sequence[str]) -> Iterator[Edge]:
    for row in connection.execute(
        select(_S.id, _S.request_id, _S.version_uid).where(_S.id.in_([int(i) for i in ids]))
    ):
        if row.request_id is not None:
            yield _edge(Kind.REQUEST, row.request_id, Kind.VERDICT, row.id, Relation.JUDGED)
        else:
            yield _edge(Kind.VERSION, row.version_uid, Kind.VERDICT, row.id, Relation.JUDGED)


def _approval_up(connection: Connection, ids: Sequence[str]) -> Iterator[Edge]:
    for row in connection.execute(
        select(_A.id, _A.request_id).where(_A.id.in_([int(i) for i in ids]))
    ):
        yield _edge(Kind.REQUEST, row.request_id, Kind.APPROVAL, row.id, Relation.SIGNED)


def _rollout_up(connection: Connection, ids: Sequence[str]) -> Iterator[Edge]:
    granted: dict[int, int] = {}
    for row in connection.execute(
        select(_RO.id, _RO.candidate_uid, _RO.request_id).where(_RO.id.in_([int(i) for i in ids]))
    ):
        if row.request_id is None:
            yield _edge(Kind.VERSION, row.candidate_uid, Kind.ROLLOUT, row.id, Relation.LED_TO)
        else:
            granted[row.id] = row.request_id
    yield from _granted_by(connection, granted)


def _granted_by(connection: Connection, granted: Mapping[int, int]) -> Iterator[Edge]:
    """Yield the causes of rollouts: verdict and approvals, else the request alone.

    Args:
        connection: to the database.
        granted: rollout id to request id.
    """
    requests = set(granted.values())
    verdicts = connection.execute(
        select(_S.request_id, func.max(_S.id))
        .where(_S.request_id.in_(requests))
        .group_by(_S.request_id)
    ).all()
    approvals = connection.execute(
        select(_A.request_id, _A.id).where(
            _A.request_id.in_(requests), _A.approved, _A.ended.is_(None)
        )
    ).all()
    causes: dict[int, list[tuple[Kind, int]]] = {}
    for kind, rows in ((Kind.VERDICT, verdicts), (Kind.APPROVAL, approvals)):
        for request_id, key in rows:
            causes.setdefault(request_id, []).append((kind, key))
    for rollout_id, request_id in granted.items():
        for kind, key in causes.get(request_id, [(Kind.REQUEST, request_id)]):
            yield _edge(kind, key, Kind.ROLLOUT, rollout_id, Relation.LED_TO)


def _endpoint_up(connection: Connection, names: Sequence[str]) -> Iterator[Edge]:
    yield from _to_endpoints(connection, _RO.endpoint.in_(names))


# Downwards


def _dataset_down(connection: Connection, keys: Sequence[str]) -> Iterator[Edge]:
    pairs = [pair for key in keys for pair in dataset_splits(key)]
    # MLflow's own key begins with the experiment: naming them all turns a scan into seeks.
    known = select(mlflow.experiments.c.experiment_id)
    rows = connection.execute(
        select(_D.name, _D.digest, _I.destination_id, _IT.value.label("context"))
        .select_from(mlflow.datasets)
        .join(mlflow.inputs, and_(_I.source_type == "DATASET", _I.source_id == _D.dataset_uuid))
        .outerjoin(
            mlflow.input_tags, and_(_IT.input_uuid == _I.input_uuid, _IT.name == mlflow.CONTEXT)
        )
        .where(
            _D.experiment_id.in_(known),
            or_(*(and_(_D.name == name, _D.digest == digest) for name, digest in pairs)),
            _I.destination_type == "RUN",
        )
    )
    for row in rows:
        key = dataset_key(row.name, row.digest)
        yield _edge(Kind.DATASET, key, Kind.RUN, row.destination_id, _use(row.context))


def _commit_down(connection: Connection, commits: Sequence[str]) -> Iterator[Edge]:
    rows = connection.execute(
        select(_V.git_commit, _V.run_id)
        .where(_V.git_commit.in_(commits), _V.run_id.is_not(None))
        .distinct()
    )
    for row in rows:
        yield _edge(Kind.COMMIT, row.git_commit, Kind.RUN, row.run_id, Relation.RAN_IN)


def _run_down(connection: Connection, ids: Sequence[str]) -> Iterator[Edge]:
    logged = connection.execute(
        select(_I.source_id, _I.destination_id).where(
            _I.source_type == "RUN_OUTPUT",
            _I.source_id.in_(ids),
            _I.destination_type == "MODEL_OUTPUT",
        )
    )
    for row in logged:
        yield _edge(Kind.RUN, row.source_id, Kind.MODEL, row.destination_id, Relation.LOGGED)
    registered = connection.execute(
        select(_V.run_id, _V.uid, _V.model_id, _L.source_run_id)
        .outerjoin(mlflow.logged_models, _L.model_id == _V.model_id)
        .where(_V.run_id.in_(ids))
    )
    for version in registered:
        if version.run_id != version.source_run_id:
            yield _edge(Kind.RUN, version.run_id, Kind.VERSION, version.uid, Relation.REGISTERED)
    started = connection.execute(
        select(_TAG.value, _TAG.run_uuid).where(_TAG.key == mlflow.PARENT_RUN, _TAG.value.in_(ids))
    )
    for row in started:
        yield _edge(Kind.RUN, row.value, Kind.RUN, row.run_uuid, Relation.STARTED)


def _model_down(connection: Connection, ids: Sequence[str]) -> Iterator[Edge]:
    for row in connection.execute(select(_V.model_id, _V.uid).where(_V.model_id.in_(ids))):
        yield _edge(Kind.MODEL, row.model_id, Kind.VERSION, row.uid, Relation.REGISTERED)
    used = connection.execute(
        select(_I.source_id, _I.destination_id).where(
            _I.destination_type == "MODEL_INPUT",
            _I.destination_id.in_(ids),
            _I.source_type == "RUN_INPUT",
        )
    )
    for row in used:
        yield _edge(Kind.MODEL, row.destination_id, Kind.RUN, row.source_id, Relation.USED_BY)


def _version_down(connection: Connection, uids: Sequence[str]) -> Iterator[Edge]:
    for row in connection.execute(select(_R.version_uid, _R.id).where(_R.version_uid.in_(uids))):
        yield _edge(Kind.VERSION, row.version_uid, Kind.REQUEST, row.id, Relation.ASKED)
    for row in connection.execute(
        select(_S.version_uid, _S.id).where(_S.version_uid.in_(uids), _S.request_id.is_(None))
    ):
        yield _edge(Kind.VERSION, row.version_uid, Kind.VERDICT, row.id, Relation.JUDGED)
    for row in connection.execute(
        select(_RO.candidate_uid, _RO.id).where(
            _RO.candidate_uid.in_(uids), _RO.request_id.is_(None)
        )
    ):
        yield _edge(Kind.VERSION, row.candidate_uid, Kind.ROLLOUT, row.id, Relation.LED_TO)
    for column, relation in (
        (_V.origin_uid, Relation.COPIED),
        (_V.predecessor_uid, Relation.PRECEDED),
    ):
        for row in connection.execute(select(column, _V.uid).where(column.in_(uids))):
            yield _edge(Kind.VERSION, row[0], Kind.VERSION, row.uid, relation)


def _request_down(connection: Connection, ids: Sequence[str]) -> Iterator[Edge]:
    numbers = [int(i) for i in ids]
    for row in connection.execute(select(_S.request_id, _S.id).where(_S.request_id.in_(numbers))):
        yield _edge(Kind.REQUEST, row.request_id, Kind.VERDICT, row.id, Relation.JUDGED)
    for row in connection.execute(select(_A.request_id, _A.id).where(_A.request_id.in_(numbers))):
        yield _edge(Kind.REQUEST, row.request_id, Kind.APPROVAL, row.id, Relation.SIGNED)
    opened = connection.execute(select(_RO.id, _RO.request_id).where(_RO.request_id.in_(numbers)))
    for edge in _granted_by(connection, {row.id: row.request_id for row in opened}):
        if edge.cause.kind is Kind.REQUEST:
            yield edge


def _rollout_down(connection: Connection, ids: Sequence[str]) -> Iterator[Edge]:
    yield from _to_endpoints(connection, _RO.id.in_([int(i) for i in ids]))


def _to_endpoints(connection: Connection, which: ColumnElement[bool]) -> Iterator[Edge]:
    """Yield edges to endpoints; a rollout that never got traffic has one, but served nothing."""
    got_traffic = exists().where(
        _T.version_uid == _RO.candidate_uid,
        _T.place == PlaceKind.ENDPOINT.value,
        _T.name == _RO.endpoint,
        or_(_RO.finished_ms.is_(None), _T.from_ms <= _RO.finished_ms),
        or_(_T.to_ms.is_(None), _T.to_ms > _RO.created_ms),
    )
    for row in connection.execute(
        select(_RO.id, _RO.endpoint, got_traffic.label("served")).where(which)
    ):
        relation = Relation.SERVED if row.served else Relation.LED_TO
        yield _edge(Kind.ROLLOUT, row.id, Kind.ENDPOINT, row.endpoint, relation)


def _use(context: str | None) -> Relation:
    evaluating = (context or "").strip().lower() in mlflow.EVALUATING
    return Relation.EVALUATED if evaluating else Relation.TRAINED


def _granting_down(kind: Kind) -> Hop:
    ids = _S.id if kind is Kind.VERDICT else _A.id
    requests = _S.request_id if kind is Kind.VERDICT else _A.request_id

    def hop(connection: Connection, keys: Sequence[str]) -> Iterator[Edge]:
        wanted = set(keys)
        query = (
            select(_RO.id, _RO.request_id)
            .where(_RO.request_id.in_(select(requests).where(ids.in_([int(key) for key in keys]))))
            .distinct()
        )
        granted = {row.id: row.request_id for row in connection.execute(query)}
        for edge in _granted_by(connection, granted):
            if edge.cause.kind is kind and edge.cause.key in wanted:
                yield edge

    return hop


UP: Mapping[Kind, Hop] = {
    Kind.VERSION: _version_up,
    Kind.MODEL: _model_up,
    Kind.RUN: _run_up,
    Kind.REQUEST: _request_up,
    Kind.VERDICT: _verdict_up,
    Kind.APPROVAL: _approval_up,
    Kind.ROLLOUT: _rollout_up,
    Kind.ENDPOINT: _endpoint_up,
}
DOWN: Mapping[Kind, Hop] = {
    Kind.DATASET: _dataset_down,
    Kind.COMMIT: _commit_down,
    Kind.RUN: _run_down,
    Kind.MODEL: _model_down,
    Kind.VERSION: _version_down,
    Kind.REQUEST: _request_down,
    Kind.VERDICT: _granting_down(Kind.VERDICT),
    Kind.APPROVAL: _granting_down(Kind.APPROVAL),
    Kind.ROLLOUT: _rollout_down,
}
