"""Finds the node that a person names, and what is known of a version's origin."""

from __future__ import annotations

import re

from sqlalchemy import Connection, select

from registry.adapters import tables, version_rows
from registry.domain.records import VersionRecord
from registry.domain.values import SignatureOrigin
from registry.lineage.adapters import mlflow_tables as mlflow
from registry.lineage.adapters.hops import dataset_splits
from registry.lineage.domain.completeness import (
    FIRST,
    Completeness,
    Origins,
    completeness,
    shown_signature,
)
from registry.lineage.domain.graph import Kind, NodeId
from registry.lineage.errors import OriginUnclearError, UnknownOriginError
from registry.versions.adapters import provenance

_V, _D, _RUN, _L = tables.version.c, mlflow.datasets.c, mlflow.runs.c, mlflow.logged_models.c
_HEX = re.compile(r"[0-9a-f]{4,64}")
NAMED = "dataset:NAME@DIGEST, commit:SHA, run:ID or model:ID"
_SHOWN = 5
_SHORTEST = 4
"""Characters of a digest that say which one is meant, as of a commit."""


def find_origin(connection: Connection, text: str) -> NodeId:
    """Return the dataset, commit, run or logged model that a person names.

    Raises:
        OriginUnclearError: the form is wrong, a digest is missing, or several begin so.
        UnknownOriginError: there is none.
    """
    kind, colon, key = text.partition(":")
    if not colon or not key or kind not in _FINDERS:
        raise OriginUnclearError(
            f"expected {NAMED}, found {text[:80]!r}",
            hint="acgs lineage show NAME@VERSION says what a version was made from",
        )
    return NodeId(Kind(kind), _FINDERS[kind](connection, key))


def _dataset(connection: Connection, key: str) -> str:
    splits = [(name, digest) for name, digest in dataset_splits(key) if name and digest]
    for name, digest in splits:
        digests = _digests(connection, name)
        if digest in digests:
            return f"{name}@{digest}"
        begin = [known for known in digests if _begins(known, digest)]
        if len(begin) > 1:
            raise OriginUnclearError(
                f"expected one dataset {name}, found several whose digest begins with {digest}: "
                + _list("digests", begin, ""),
                hint="write more of the digest",
            )
        if begin:
            return f"{name}@{begin[0]}"
    # A name may hold an "@" itself, and stand here without a digest.
    whole = key.removesuffix("@")
    of_whole = _digests(connection, whole)
    if of_whole or not splits:
        raise OriginUnclearError(
            f"expected a dataset with its digest, dataset:NAME@DIGEST, found {key!r}: "
            + _list("known digests", of_whole, f"no run has a dataset {whole}"),
            hint="a name alone does not say which data it was",
        )
    named = ((name, digest, _digests(connection, name)) for name, digest in splits)
    name, digest, digests = next((one for one in named if one[2]), (*splits[0], []))
    raise UnknownOriginError(
        f"expected a dataset {name} with digest {digest} in some run, found none: "
        + _list("known digests", digests, f"no run has a dataset {name}"),
        hint="the MLflow UI shows a run's datasets with their digests",
    )


def _begins(digest: str, beginning: str) -> bool:
    """Return whether a digest begins with a text, with or without the name of its algorithm."""
    plain = beginning.rpartition(":")[2]
    return len(plain) >= _SHORTEST and (
        digest.startswith(beginning) or digest.rpartition(":")[2].startswith(beginning)
    )


def _digests(connection: Connection, name: str) -> list[str]:
    known = select(mlflow.experiments.c.experiment_id)
    return list(
        connection.execute(
            select(_D.digest)
            .where(_D.experiment_id.in_(known), _D.name == name)
            .distinct()
            .order_by(_D.digest)
        ).scalars()
    )


def _commit(connection: Connection, key: str) -> str:
    beginning = key.lower()
    if not _HEX.fullmatch(beginning):
        raise OriginUnclearError(f"expected a commit of 4 to 64 hex digits, found {key[:80]!r}")
    # A range, not LIKE: that goes by the index on every database.
    found = list(
        connection.execute(
            select(_V.git_commit)
            .where(_V.git_commit >= beginning, _V.git_commit < beginning + "g")
            .distinct()
            .order_by(_V.git_commit)
            .limit(_SHOWN)
        ).scalars()
    )
    if not found:
        raise UnknownOriginError(f"expected a commit {key} that a version was made at, found none")
    if len(found) > 1 and found[0] != beginning:
        raise OriginUnclearError(
            f"expected one commit, found several that begin with {key}: {', '.join(found)}"
        )
    return str(found[0])


def _run(connection: Connection, key: str) -> str:
    found = connection.execute(select(_RUN.run_uuid).where(_RUN.run_uuid == key)).scalar()
    if found is None:
        raise UnknownOriginError(f"expected a run {key[:80]}, found none", hint="mlflow runs list")
    return str(found)


def _model(connection: Connection, key: str) -> str:
    found = connection.execute(
        select(_V.model_id)
        .where(_V.model_id == key)
        .union(select(_L.model_id).where(_L.model_id == key))
    ).scalar()
    if found is None:
        raise UnknownOriginError(
            f"expected a logged model {key[:80]}, found none",
            hint="its number begins with m-; the MLflow UI shows it beside its run",
        )
    return str(found)


def _list(title: str, items: list[str], none: str) -> str:
    if not items:
        return none
    more = f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return f"{title}: {', '.join(items[:_SHOWN])}{more}"


_FINDERS = {"dataset": _dataset, "commit": _commit, "run": _run, "model": _model}


def completeness_of(connection: Connection, record: VersionRecord) -> Completeness:
    """Measure how much of a version's origin is known now."""
    commit, dataset = provenance.lineage(connection, record.run_id)
    # A signature inferred from an example only numbers the version: its author declared none.
    declared = record.signature_origin is not SignatureOrigin.INFERRED
    signature = record.signature if declared else None
    before = record.predecessor_uid or record.origin_uid
    parent = version_rows.version_by_uid(connection, before) if before else None
    return completeness(
        Origins(
            run=record.run_id or "",
            dataset_digest=record.dataset_digest or dataset or "",
            git_commit=record.git_commit or commit or "",
            logged_model=record.model_id or "",
            signature=shown_signature(len(signature.inputs), len(signature.outputs))
            if signature
            else "",
            parent=f"{parent.name} {parent.semver}" if parent else FIRST,
        )
    )
