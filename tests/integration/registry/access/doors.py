"""Every way to change something through the server, with the permission that it needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from registry.access.domain.verbs import Verb
from registry.domain.values import Stage

MLFLOW = "/api/2.0/mlflow/"
OPERATIONS = "/acgs/api/v1/operations/"
HOOK = {
    "name": "w",
    "url": "https://127.0.0.1:9/x",
    "events": [{"entity": "MODEL_VERSION", "action": "CREATED"}],
}


@dataclass(frozen=True)
class Door:
    """One call.

    Attributes:
        needs: each permission that it takes: verb, name (None for the whole platform), stage.
        body: JSON.
    """

    method: str
    path: str
    needs: tuple[tuple[Verb, str | None, Stage | None], ...]
    body: Mapping[str, Any] = field(default_factory=dict, hash=False)


def doors(name: str, other: str, request_id: int) -> dict[str, Door]:
    """Return the doors to a model, another name and an open request for Production."""
    version = {"name": name, "version": "1"}

    def mlflow(verb: Verb, method: str, path: str, body: Mapping[str, Any], *more: Any) -> Door:
        stage = more[0] if more else None
        return Door(method, MLFLOW + path, ((verb, name, stage),), body)

    def stage(target: Stage) -> Mapping[str, Any]:
        return {**version, "stage": target.value, "archive_existing_versions": False}

    def operation(
        verb: Verb, path: str, of: str | None = None, at: Stage | None = None, /, **body: Any
    ) -> Door:
        return Door("POST", OPERATIONS + path, ((verb, of, at),), {**body, "dry_run": True})

    alias = {**version, "alias": "candidate"}
    tag = {"key": "note", "value": "x"}
    described = {"description": "words"}
    found = {
        "create a model": mlflow(Verb.REGISTER, "POST", "registered-models/create", {"name": name}),
        "describe a model": mlflow(
            Verb.DESCRIBE, "PATCH", "registered-models/update", {"name": name, **described}
        ),
        "tag a model": mlflow(
            Verb.DESCRIBE, "POST", "registered-models/set-tag", {"name": name, **tag}
        ),
        "take a model's tag off": mlflow(
            Verb.DESCRIBE, "DELETE", "registered-models/delete-tag", {"name": name, "key": "no"}
        ),
        "register a version": mlflow(
            Verb.REGISTER, "POST", "model-versions/create", {"name": name, "source": "s3://no/x"}
        ),
        "describe a version": mlflow(
            Verb.DESCRIBE, "PATCH", "model-versions/update", {**version, **described}
        ),
        "tag a version": mlflow(
            Verb.DESCRIBE, "POST", "model-versions/set-tag", {**version, **tag}
        ),
        "take a version's tag off": mlflow(
            Verb.DESCRIBE, "DELETE", "model-versions/delete-tag", {**version, "key": "no"}
        ),
        "set an alias": mlflow(Verb.DESCRIBE, "POST", "registered-models/alias", alias),
        "take an alias off": mlflow(
            Verb.DESCRIBE, "DELETE", "registered-models/alias", {"name": name, "alias": "no"}
        ),
        "set champion": mlflow(
            Verb.ASK, "POST", "registered-models/alias", {**version, "alias": "Champion"},
            Stage.PRODUCTION,
        ),
        "set challenger": mlflow(
            Verb.ASK, "POST", "registered-models/alias", {**version, "alias": "challenger"},
            Stage.STAGING,
        ),
        "take champion off": mlflow(
            Verb.RETIRE, "DELETE", "registered-models/alias", {"name": name, "alias": "champion"}
        ),
        "ask for Staging": mlflow(
            Verb.ASK, "POST", "model-versions/transition-stage", stage(Stage.STAGING), Stage.STAGING
        ),
        "ask for Production": mlflow(
            Verb.ASK, "POST", "model-versions/transition-stage", stage(Stage.PRODUCTION),
            Stage.PRODUCTION,
        ),
        "archive": mlflow(
            Verb.RETIRE, "POST", "model-versions/transition-stage", stage(Stage.ARCHIVED)
        ),
        "delete a version": mlflow(
            Verb.RETIRE, "DELETE", "model-versions/delete", {"name": name, "version": "77"}
        ),
        "rename": Door(
            "POST", MLFLOW + "registered-models/rename",
            ((Verb.RETIRE, name, None), (Verb.REGISTER, other, None)),
            {"name": name, "new_name": other},
        ),
        "add MLflow's webhook": Door(
            "POST", MLFLOW + "webhooks", ((Verb.MANAGE_WEBHOOKS, None, None),), HOOK
        ),
        "list MLflow's webhooks": Door(
            "GET", MLFLOW + "webhooks", ((Verb.MANAGE_WEBHOOKS, None, None),)
        ),
        "approve": operation(
            Verb.APPROVE, "registry/approve", name, Stage.PRODUCTION, id=request_id
        ),
        "reject": operation(Verb.APPROVE, "registry/reject", name, Stage.PRODUCTION, id=request_id),
        "cancel": operation(Verb.ASK, "registry/cancel", name, Stage.PRODUCTION, id=request_id),
        "approve for another": operation(
            Verb.READ, "registry/approve", name, **{"id": request_id, "for": "somebody"}
        ),
        "withdraw an approval": operation(
            Verb.READ, "registry/withdraw_approval", name, id=request_id
        ),
        "comment on a request": operation(
            Verb.READ, "registry/comment", name, id=request_id, comment="words"
        ),
        "see a request's page": Door(
            "GET", f"/acgs/requests/{request_id}", ((Verb.READ, name, None),)
        ),
        "see what a voter was shown": Door(
            "GET", f"/acgs/screens/{request_id}?vote=1", ((Verb.READ, name, None),)
        ),
        "lend a vote": operation(
            Verb.READ, "registry/delegate", name, to="somebody", names=[name],
            until="2099-01-01T00:00+00:00",
        ),
        "add a webhook": operation(
            Verb.MANAGE_WEBHOOKS, "registry/add_webhook", name="w", url="https://127.0.0.1:9/x",
            events=["*"],
        ),
        "remove a webhook": operation(
            Verb.MANAGE_WEBHOOKS, "registry/remove_webhook", name="no"
        ),
        "change a webhook's secret": operation(
            Verb.MANAGE_WEBHOOKS, "registry/rotate_webhook", name="no", overlap_hours=1
        ),
        "test a webhook": operation(Verb.MANAGE_WEBHOOKS, "registry/test_webhook", name="no"),
        "put a constitution in force": operation(
            Verb.CHANGE_CONSTITUTION, "compliance/adopt_constitution"
        ),
        "put evidence in force": operation(Verb.CHANGE_EVIDENCE, "compliance/adopt_evidence"),
        "repair files": operation(
            Verb.KEEP, "artifacts/repair", name, name=name, version="1"
        ),
        "free files": operation(Verb.KEEP, "artifacts/expire"),
        "change the signing key": operation(Verb.KEEP, "artifacts/rotate_key"),
        "synchronise tags": operation(Verb.KEEP, "git/sync"),
        "adopt versions": operation(Verb.KEEP, "adoption/run", name, name=name),
        "repair findings": operation(Verb.KEEP, "registry/resolve", name, name=name),
        "make a token": operation(
            Verb.CHANGE_ACCESS, "registry/create_token", service="ci", names=["*"], stages=["*"],
            verbs=["read"], days=1,
        ),
        "revoke a token": operation(Verb.CHANGE_ACCESS, "registry/revoke_token", which="no"),
        "make a dossier": operation(Verb.READ, "dossier/make", name, **version),
        "send deliveries again": operation(Verb.MANAGE_WEBHOOKS, "registry/redeliver"),
        "create an endpoint": operation(
            Verb.OPERATE, "serving/create_endpoint", name, name=name, namespace="acgs", plan={}
        ),
    }  # fmt: skip
    for verb in ("deprecate", "yank", "restore"):
        found[verb] = operation(Verb.RETIRE, f"registry/{verb}", name, **version, reason="because")
    for verb in ("hold", "release"):
        found[verb] = operation(Verb.HOLD, f"artifacts/{verb}", name, **version, reason="because")
    return found
