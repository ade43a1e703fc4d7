"""Where names are proven, nobody approves what is theirs, or cancels what is not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.clock import utc_now
from infra.identity.current import Caller, acting
from infra.identity.principal import Principal, Source
from infra.identity.settings import IdentitySettings
from infra.settings import Settings
from registry.bootstrap import Registry, open_registry
from registry.domain.records import Act, Ask
from registry.domain.values import RequestKind, RequestState, Stage
from registry.errors import OthersRequestError, OwnVersionError
from registry.operations import requests
from tests.integration.registry import shelf as kit
from tests.integration.registry.shelf import Shelf
from tests.support.roles import document

NAME = "credit"
AUTHOR, ASKER, OTHER = "ann@10.0.0.1", "ben@10.0.0.2", "cleo@10.0.0.3"


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    opened = kit.opened(tmp_path)
    yield opened
    opened.store.registry.engine.dispose()
    opened.store.engine.dispose()


def registry_of(shelf: Shelf, identity: str) -> Registry:
    settings = Settings(storage_root=shelf.root)
    return open_registry(settings.having(IdentitySettings(identity=identity)))


def asked(shelf: Shelf, registry: Registry) -> int:
    who = Principal("ann", source=Source.JWT)
    with acting(Caller(who, "10.0.0.1")):
        version = shelf.register(name=NAME)
    ask = Ask(RequestKind.TRANSITION, version, NAME, Stage.PRODUCTION, ASKER)
    return registry.gate.open_request(ask, utc_now()).id


@pytest.mark.parametrize(
    ("actor", "part"),
    [(ASKER, "asked for it"), ("BEN@cli", "asked for it"), (AUTHOR, "registered it"),
     ("Ann@192.168.0.9", "registered it")],
)  # fmt: skip
def test_who_has_a_part_in_a_version_does_not_approve_it(
    shelf: Shelf, actor: str, part: str
) -> None:
    registry = registry_of(shelf, "jwt")
    request = asked(shelf, registry)
    with pytest.raises(OwnVersionError, match=part):
        registry.gate.approve(request, actor, "", utc_now())
    kinds = [event.type for event in registry.audit.events()]
    assert "approval.given" not in kinds
    registry.engine.dispose()


def test_others_approve_and_everybody_may_reject(shelf: Shelf) -> None:
    registry = registry_of(shelf, "jwt")
    request = asked(shelf, registry)
    assert registry.gate.approve(request, OTHER, "", utc_now()).state is RequestState.OPEN
    rejected = registry.gate.reject(request, ASKER, "I was wrong", utc_now())
    assert rejected.state is RequestState.REFUSED
    registry.engine.dispose()


def test_on_an_open_server_one_person_may_do_both_for_names_are_claims(shelf: Shelf) -> None:
    registry = registry_of(shelf, "open")
    request = asked(shelf, registry)
    registry.gate.approve(request, ASKER, "", utc_now())
    assert "approval.given" in [event.type for event in registry.audit.events()]
    registry.engine.dispose()


def test_who_did_not_ask_does_not_cancel(shelf: Shelf) -> None:
    registry = registry_of(shelf, "jwt")
    everybody = document({"role": "all", "to": ["everybody", "person:admin"]})
    registry.access.adopt(everybody, Principal("admin"), Act("admin@cli", 1), recovering="first")
    request = asked(shelf, registry)
    cancel = requests.operations(registry)["cancel"]
    with acting(Caller(Principal("mallory", source=Source.JWT), "10.0.0.9")):
        for dry_run in (True, False):
            with pytest.raises(OthersRequestError, match="who made request"):
                cancel({"id": request, "dry_run": dry_run})
    assert registry.gate.get_request(request).state is RequestState.OPEN
    with acting(Caller(Principal("BEN", source=Source.JWT), "10.0.0.7")):
        assert cancel({"id": request})["state"] == "cancelled"


def test_on_an_open_server_anybody_cancels(shelf: Shelf) -> None:
    registry = registry_of(shelf, "open")
    request = asked(shelf, registry)
    with acting(Caller(Principal("mallory"), "10.0.0.9")):
        assert requests.operations(registry)["cancel"]({"id": request})["state"] == "cancelled"
