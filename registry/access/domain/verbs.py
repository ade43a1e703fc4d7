"""Names everything that a role may allow."""

from __future__ import annotations

from enum import StrEnum

from registry.domain.values import GOVERNED_STAGES, Stage


class Verb(StrEnum):
    """What somebody wants to do."""

    READ = "read"
    REGISTER = "register"
    DESCRIBE = "describe"
    ASK = "ask"
    APPROVE = "approve"
    RETIRE = "retire"
    ROLL_BACK = "roll-back"
    OPERATE = "operate"
    KEEP = "keep"
    HOLD = "hold"
    CHANGE_EVIDENCE = "change-evidence"
    CHANGE_CONSTITUTION = "change-constitution"
    CHANGE_ACCESS = "change-access"
    MANAGE_WEBHOOKS = "manage-webhooks"
    LOG = "log"
    OTHER = "other"

    @property
    def has_stage(self) -> bool:
        """Whether a grant of it may be limited to stages."""
        return self in _OF_A_STAGE

    @property
    def has_name(self) -> bool:
        """Whether it is done to a model; the others are done to the whole platform."""
        return self not in _OF_THE_PLATFORM


_OF_A_STAGE = frozenset({Verb.ASK, Verb.APPROVE})
_OF_THE_PLATFORM = frozenset(
    {
        Verb.CHANGE_EVIDENCE,
        Verb.CHANGE_CONSTITUTION,
        Verb.CHANGE_ACCESS,
        Verb.MANAGE_WEBHOOKS,
        Verb.LOG,
        Verb.OTHER,
    }
)

MEANINGS = {
    Verb.READ: "see a model, its versions, requests, verdicts, lineage and events, and comment on "
    "its requests",
    Verb.REGISTER: "register a version, make a model, or copy or rename one to this name",
    Verb.DESCRIBE: "change descriptions, tags and aliases that are not governed",
    Verb.ASK: "ask for a version to move to a stage, and cancel one's own request",
    Verb.APPROVE: "approve or reject a request for a stage",
    Verb.RETIRE: "archive, deprecate, yank, restore, release, delete or rename",
    Verb.ROLL_BACK: "take an endpoint back to the version before",
    Verb.OPERATE: "create and change endpoints, pause, promote and abort rollouts",
    Verb.KEEP: "repair, scrub, compress and expire files; synchronise tags; adopt versions",
    Verb.HOLD: "set and release legal holds",
    Verb.CHANGE_EVIDENCE: "bind names to the data that they are judged on",
    Verb.CHANGE_CONSTITUTION: "put a constitution in force",
    Verb.CHANGE_ACCESS: "put roles in force",
    Verb.MANAGE_WEBHOOKS: "add, change, test and remove webhooks, and send deliveries again",
    Verb.LOG: "write experiments, runs, traces, logged models and their files",
    Verb.OTHER: "whatever else MLflow's server offers",
}
"""What each verb allows, for people."""

OF_TOKENS_ALONE = frozenset({Verb.LOG, Verb.OTHER})
"""MLflow's own permissions rule over these; a service token can be limited to them all the same."""
OF_ROLES = tuple(verb for verb in Verb if verb not in OF_TOKENS_ALONE)

ASKABLE = tuple(stage for stage in Stage if stage in GOVERNED_STAGES)
"""Stages that a grant may be limited to."""
