"""Describes nodes for people, with one query per kind and batch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from urllib.parse import quote, urlsplit

from sqlalchemy import Connection, and_, or_, select

from infra.clock import moment
from registry.adapters import mlflow_tables as registry_mlflow
from registry.adapters import tables
from registry.domain import plain_json
from registry.lineage.adapters import mlflow_tables as mlflow
from registry.lineage.adapters.hops import BATCH, dataset_key, dataset_splits
from registry.lineage.domain.graph import Kind, Node, NodeId

_V, _R, _S = tables.version.c, tables.request.c, tables.scorecard.c
_A, _RO, _E = tables.approval.c, tables.rollout.c, tables.endpoint.c
_D, _L, _RUN, _TAG = mlflow.datasets.c, mlflow.logged_models.c, mlflow.runs.c, mlflow.run_tags.c
_MV = registry_mlflow.model_versions.c

Describe = Callable[[Connection, Sequence[str]], Iterable[Node]]


def describe(connection: Connection, ids: Iterable[NodeId]) -> Mapping[NodeId, Node]:
    """Return every node with its description; one without a record keeps its key as its label."""
    wanted = sorted(ids)
    nodes = {node: Node(node, node.key, {"note": "its record no longer exists"}) for node in wanted}
    for kind, of in _DESCRIBE.items():
        keys = [node.key for node in wanted if node.kind is kind]
        for begin in range(0, len(keys), BATCH):
            for found in of(connection, keys[begin : begin + BATCH]):
                if found.id in nodes:
                    nodes[found.id] = found
    return nodes


def _facts(**values: object) -> dict[str, str]:
    return {name.replace("_", " "): str(v) for name, v in values.items() if v not in (None, "")}


def _datasets(connection: Connection, keys: Sequence[str]) -> Iterator[Node]:
    pairs = [pair for key in keys for pair in dataset_splits(key)]
    known = select(mlflow.experiments.c.experiment_id)
    rows = connection.execute(
        select(mlflow.datasets).where(
            _D.experiment_id.in_(known),
            or_(*(and_(_D.name == name, _D.digest == digest) for name, digest in pairs)),
        )
    )
    for row in rows:
        profile = _json(row.dataset_profile)
        yield Node(
            NodeId(Kind.DATASET, dataset_key(row.name, row.digest)),
            row.name,
            _facts(digest=row.digest, rows=profile.get("num_rows"), source=row.dataset_source_type),
        )
    for key in keys:
        if key.endswith("@"):
            yield Node(NodeId(Kind.DATASET, key), key[:-1], {"digest": "none recorded"})


def _commits(connection: Connection, commits: Sequence[str]) -> Iterator[Node]:
    # The newest run of a commit names its repository and branch.
    pages: dict[str, tuple[str, str]] = {}
    rows = connection.execute(
        select(_V.git_commit, _TAG.key, _TAG.value)
        .join(
            mlflow.run_tags,
            and_(_TAG.run_uuid == _V.run_id, _TAG.key.in_((mlflow.REPOSITORY, mlflow.BRANCH))),
        )
        .where(_V.git_commit.in_(commits))
        .distinct()
        .limit(BATCH)
    )
    for row in rows:
        repository, branch = pages.get(row.git_commit, ("", ""))
        if row.key == mlflow.REPOSITORY:
            repository = row.value
        else:
            branch = row.value
        pages[row.git_commit] = (repository, branch)
    for commit in commits:
        repository, branch = pages.get(commit, ("", ""))
        page = _commit_page(repository, commit)
        yield Node(
            NodeId(Kind.COMMIT, commit),
            commit[:12],
            _facts(commit=commit, branch=branch, repository=_without_secret(repository)),
            page,
        )


def _runs(connection: Connection, ids: Sequence[str]) -> Iterator[Node]:
    for row in connection.execute(select(mlflow.runs).where(_RUN.run_uuid.in_(ids))):
        yield Node(
            NodeId(Kind.RUN, row.run_uuid),
            row.name or row.run_uuid[:12],
            _facts(
                run=row.run_uuid,
                by=row.user_id,
                status=row.status,
                at=moment(row.start_time),
                note="deleted" if row.lifecycle_stage == "deleted" else "",
            ),
            f"#/experiments/{row.experiment_id}/runs/{row.run_uuid}",
        )


def _models(connection: Connection, ids: Sequence[str]) -> Iterator[Node]:
    for row in connection.execute(select(mlflow.logged_models).where(_L.model_id.in_(ids))):
        yield Node(
            NodeId(Kind.MODEL, row.model_id),
            row.name or row.model_id[:12],
            _facts(model=row.model_id, note="deleted" if row.lifecycle_stage == "deleted" else ""),
            f"#/experiments/{row.experiment_id}/models/{row.model_id}",
        )


def _versions(connection: Connection, uids: Sequence[str]) -> Iterator[Node]:
    rows = connection.execute(
        select(tables.version, _MV.current_stage, _MV.creation_time)
        .outerjoin(
            registry_mlflow.model_versions,
            and_(
                _MV.workspace == registry_mlflow.WORKSPACE,
                _MV.name == _V.name,
                _MV.version == _V.version,
                _MV.creation_time == _V.created_ms,
            ),
        )
        .where(_V.uid.in_(uids))
    )
    for row in rows:
        there = row.deleted_ms is None and row.current_stage is not None
        stage = row.current_stage if row.current_stage != registry_mlflow.DELETED else ""
        yield Node(
            NodeId(Kind.VERSION, row.uid),
            f"{row.name} {row.semver}",
            _facts(
                model=row.name,
                version=row.semver,
                number=row.version,
                stage=stage if there else "deleted",
                change=row.bump,
                digest=row.manifest_digest,
                registered=moment(row.created_ms),
            ),
            f"#/models/{quote(row.name, safe='')}/versions/{row.version}" if there else "",
        )


def _requests(connection: Connection, ids: Sequence[str]) -> Iterator[Node]:
    for row in connection.execute(
        select(tables.request).where(_R.id.in_([int(key) for key in ids]))
    ):
        what = row.target if row.kind == "transition" else f"{row.kind} to {row.judged_as}"
        yield Node(
            NodeId(Kind.REQUEST, str(row.id)),
            f"to {what}" if row.kind == "transition" else what,
            _facts(request=row.id, state=row.state, by=row.actor, at=moment(row.created_ms)),
        )


def _verdicts(connection: Connection, ids: Sequence[str]) -> Iterator[Node]:
    rows = connection.execute(
        select(tables.scorecard, _RUN.experiment_id)
        .outerjoin(mlflow.runs, _RUN.run_uuid == _S.report_run_id)
        .where(_S.id.in_([int(key) for key in ids]))
    )
    for row in rows:
        page = (
            f"#/experiments/{row.experiment_id}/runs/{row.report_run_id}/artifacts/report.html"
            if row.experiment_id is not None
            else ""
        )
        yield Node(
            NodeId(Kind.VERDICT, str(row.id)),
            f"{'passed' if row.passed else 'failed'} {row.score:.3f}",
            _facts(
                score=f"{row.score:.4f}",
                enforcement=row.enforcement,
                constitution=row.constitution_digest,
                evidence=row.evidence_digest,
                at=moment(row.created_ms),
            ),
            page,
        )


def _approvals(connection: Connection, ids: Sequence[str]) -> Iterator[Node]:
    for row in connection.execute(
        select(tables.approval).where(_A.id.in_([int(key) for key in ids]))
    ):
        yield Node(
            NodeId(Kind.APPROVAL, str(row.id)),
            f"{'approved' if row.approved else 'rejected'} by {row.actor}",
            _facts(comment=row.comment, at=moment(row.created_ms)),
        )


def _rollouts(connection: Connection, ids: Sequence[str]) -> Iterator[Node]:
    for row in connection.execute(
        select(tables.rollout).where(_RO.id.in_([int(key) for key in ids]))
    ):
        why = row.state.get("rollback_reason") if isinstance(row.state, dict) else None
        yield Node(
            NodeId(Kind.ROLLOUT, str(row.id)),
            f"rollout {row.id}",
            _facts(
                phase=row.phase.replace("_", " "),
                why=why or "; ".join(str(r.get("rule", "")) for r in row.reasons),
                started=moment(row.created_ms),
                finished=moment(row.finished_ms),
            ),
        )


def _endpoints(connection: Connection, names: Sequence[str]) -> Iterator[Node]:
    rows = connection.execute(
        select(_E.name, _E.namespace, _V.semver)
        .outerjoin(tables.version, _V.uid == _E.stable_uid)
        .where(_E.name.in_(names))
    )
    for row in rows:
        yield Node(
            NodeId(Kind.ENDPOINT, row.name),
            row.name,
            _facts(namespace=row.namespace, serves=row.semver),
        )


def _json(text: str | None) -> Mapping[str, object]:
    try:
        value = plain_json.read(text or "{}", "a data set's profile")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _without_secret(url: str) -> str:
    """Return a repository's address without the user and password that some URLs contain."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if parts.scheme in {"http", "https"}:
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    return url.rpartition("@")[2] if "://" not in url else ""


def _commit_page(repository: str, commit: str) -> str:
    address = _without_secret(repository).removesuffix(".git")
    if not address.startswith(("https://", "http://")):
        return ""
    return f"{address}/commit/{quote(commit, safe='')}"


_DESCRIBE: Mapping[Kind, Describe] = {
    Kind.DATASET: _datasets,
    Kind.COMMIT: _commits,
    Kind.RUN: _runs,
    Kind.MODEL: _models,
    Kind.VERSION: _versions,
    Kind.REQUEST: _requests,
    Kind.VERDICT: _verdicts,
    Kind.APPROVAL: _approvals,
    Kind.ROLLOUT: _rollouts,
    Kind.ENDPOINT: _endpoints,
}
