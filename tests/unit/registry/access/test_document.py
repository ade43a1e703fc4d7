"""The document of roles: what it may say, and what is said of a wrong one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import registry.access
from infra.identity.principal import Principal, Source
from registry.access.document import parse
from registry.access.domain.rules import lockout
from registry.access.domain.verbs import Verb
from registry.access.errors import AccessInvalidError
from registry.domain.values import Stage

TEMPLATE = Path(registry.access.__file__).with_name("access.yaml")


def document(**changes: Any) -> dict[str, Any]:
    return {
        "api_version": "acgs.access/v1",
        "kind": "Access",
        "roles": [{"id": "lead", "may": ["read", "approve"]}],
        "grants": [{"role": "lead", "to": ["person:grace"], "stages": ["Production"]}],
        **changes,
    }


def test_a_document_gives_roles() -> None:
    roles = parse(document(), "it")
    grace = Principal("grace", source=Source.JWT)
    assert roles.denial(grace, Verb.APPROVE, "credit", Stage.PRODUCTION) is None
    assert roles.denial(grace, Verb.APPROVE, "credit", Stage.STAGING) is not None


WRONG: dict[str, tuple[Any, str]] = {
    "no mapping": ([], "valid dictionary"),
    "another kind": (document(kind="Constitution"), "kind"),
    "a misspelt key": (document(grant=[]), "unknown key 'grant', did you mean 'grants'?"),
    "an unknown verb": (
        document(roles=[{"id": "lead", "may": ["aprove"]}]), "may[0]: expected one of read",
    ),
    "a verb that MLflow's own permissions rule over": (
        document(roles=[{"id": "lead", "may": ["log"]}]), "may[0]: expected one of read",
    ),
    "a role twice": (
        document(roles=[{"id": "lead", "may": ["read"]}] * 2), "ids of roles must be unique",
    ),
    "a grant of no role": (
        document(grants=[{"role": "boss", "to": ["person:x"]}]), "expected a role of this document",
    ),
    "a grant to nobody": (document(grants=[{"role": "lead", "to": []}]), "grants[0].to"),
    "a grantee of no kind": (
        document(grants=[{"role": "lead", "to": ["grace"]}]), "expected person:NAME",
    ),
    "an open bracket": (
        document(grants=[{"role": "lead", "to": ["person:x"], "names": ["credit["]}]),
        "expected a ']' after every '['",
    ),
    "no names": (
        document(grants=[{"role": "lead", "to": ["person:x"], "names": []}]), "grants[0].names",
    ),
    "a stage that nobody asks for": (
        document(grants=[{"role": "lead", "to": ["person:x"], "stages": ["Archived"]}]),
        "expected Staging or Production",
    ),
    "a number for a name": (document(grants=[{"role": "lead", "to": [7]}]), "grants[0].to[0]"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_document_is_refused_with_its_place(case: str) -> None:
    value, text = WRONG[case]
    with pytest.raises(AccessInvalidError) as refused:
        parse(value, "access.yaml")
    assert text in refused.value.message


def test_the_template_is_valid_and_locks_nobody_out() -> None:
    roles = parse(yaml.safe_load(TEMPLATE.read_text("utf-8")), "the template")
    assert lockout(roles, Principal("somebody")) is None
    assert {grant.role.id for grant in roles.grants} >= {
        "technical-lead",
        "security",
        "compliance-officer",
        "business-stakeholder",
        "operations",
    }
