"""Where callers are known, an edited document counts for nothing until it is put in force."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from compliance.operations import operations
from infra.clock import to_millis, utc_now
from infra.component import Operation
from infra.errors import RefusedError
from infra.identity.current import Caller, acting
from infra.identity.principal import Principal, Source
from infra.identity.settings import IdentitySettings
from infra.settings import Settings
from infra.stores.db import reading
from registry.bootstrap import Registry, open_registry
from registry.domain.records import Act
from registry.governance.adapters import constitution_memory, evidence_file
from registry.governance.adapters.constitution_memory import NotInForceError
from tests.support.platform import write_constitution
from tests.support.roles import document
from tests.support.stores import put_database

GRACE = Caller(Principal("grace", source=Source.JWT), "127.0.0.1")
MALLORY = Caller(Principal("mallory", source=Source.JWT), "127.0.0.1")
ACT = Act("grace@cli", 1)


@pytest.fixture
def known(tmp_path: Path) -> Settings:
    """Settings of a platform that knows who asks."""
    write_constitution(tmp_path)
    put_database(tmp_path)
    return Settings(storage_root=tmp_path).having(IdentitySettings(identity="jwt"))


@pytest.fixture
def registry(known: Settings) -> Iterator[Registry]:
    opened = open_registry(known)
    opened.governance.note_in_force()
    roles = document(
        {"role": "officer", "to": ["person:grace"]},
        {"role": "all", "to": ["person:admin"]},
        officer=["change-constitution", "change-evidence"],
    )
    opened.access.adopt(roles, Principal("root"), ACT, recovering="the first roles")
    yield opened
    opened.engine.dispose()


@pytest.fixture
def offered(known: Settings) -> dict[str, Operation]:
    return dict(operations(known))


def bind(root: Path, pattern: str) -> None:
    binding = {"pattern": pattern, "dataset": "x.csv", "sha256": "0" * 64}
    file = root / "evidence" / "catalogue.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(yaml.safe_dump({"bindings": [binding]}))


def evidence_of(registry: Registry) -> str:
    with reading(registry.engine) as connection:
        return registry.governance.evidence_digest(connection, "credit")


def test_an_edited_constitution_stops_everything_until_it_is_put_in_force(
    registry: Registry, known: Settings, offered: dict[str, Operation]
) -> None:
    first = registry.governance.current().constitution_digest
    write_constitution(known.storage_root, approvals=1)
    constitution_memory.forget()
    with pytest.raises(NotInForceError, match=first):
        registry.governance.current()
    # A server starts all the same: somebody has to be able to put it in force.
    registry.governance.note_in_force()
    with acting(MALLORY), pytest.raises(RefusedError, match="change-constitution"):
        offered["adopt_constitution"]({})
    with acting(GRACE):
        would = offered["adopt_constitution"]({"dry_run": True})["digest"]
        with pytest.raises(NotInForceError):
            registry.governance.current()
        assert offered["adopt_constitution"]({})["digest"] == would
    assert registry.governance.current().constitution_digest == would != first
    last = registry.audit.events()[-1]
    assert (last.type, last.actor) == ("constitution.changed", "grace@127.0.0.1")


def test_an_edited_catalogue_judges_nothing_until_it_is_put_in_force(
    registry: Registry, known: Settings, offered: dict[str, Operation]
) -> None:
    assert evidence_of(registry) == evidence_file.NO_BINDING
    bind(known.storage_root, "other*")
    assert evidence_of(registry) == evidence_file.NOT_ADOPTED
    with acting(MALLORY), pytest.raises(RefusedError, match="change-evidence"):
        offered["adopt_evidence"]({})
    with acting(GRACE):
        registry.governance.adopt_evidence(Act(GRACE.actor, to_millis(utc_now())))
    assert evidence_of(registry) == evidence_file.NO_BINDING
    last = registry.audit.events()[-1]
    assert (last.type, last.actor) == ("evidence.changed", "grace@127.0.0.1")


def test_on_an_open_server_an_edit_counts_at_once(tmp_path: Path) -> None:
    write_constitution(tmp_path)
    put_database(tmp_path)
    opened = open_registry(Settings(storage_root=tmp_path))
    opened.governance.note_in_force()
    before = opened.governance.current()
    write_constitution(tmp_path, approvals=1)
    bind(tmp_path, "other*")
    constitution_memory.forget()
    assert opened.governance.current() != before
    assert evidence_of(opened) == evidence_file.NO_BINDING
    opened.engine.dispose()
