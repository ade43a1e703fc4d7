"""On a real server every door is open exactly to those to whom the roles in force give it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from infra.clock import to_millis, utc_now
from infra.component import components
from infra.identity.principal import Principal
from registry.access.domain.verbs import OF_ROLES
from registry.domain.records import Act, Ask
from registry.domain.values import RequestKind, Stage
from tests.integration.registry import shelf as kit
from tests.integration.registry.access.doors import OPERATIONS, Door, doors
from tests.support.replicas import replicas
from tests.support.roles import document

NAME, OTHER = "credit-doors", "credit-other"
ALL = [verb.value for verb in OF_ROLES]
PEOPLE = {**{f"may-{verb}": [verb.value] for verb in OF_ROLES}, "may-all": ALL}
ELSEWHERE, STAGING_ONLY, NOBODY = "all-but-elsewhere", "all-but-staging", ""


@dataclass(frozen=True)
class Site:
    url: str
    doors: dict[str, Door]

    def ask(self, door: Door, who: str) -> httpx.Response:
        return httpx.request(
            door.method,
            self.url + door.path,
            content=json.dumps(dict(door.body)) if door.method != "GET" else None,
            headers={"Content-Type": "application/json"},
            auth=(who, "") if who else None,
            timeout=60,
            trust_env=False,
        )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    root = tmp_path_factory.mktemp("root")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLOPS_STORAGE_ROOT", str(root))
        shelf = kit.opened(root)
        registry = shelf.store.registry
        version = shelf.register(name=NAME)
        asked = Ask(RequestKind.TRANSITION, version, NAME, Stage.PRODUCTION, "ben@cli")
        request = registry.gate.open_request(asked, utc_now())
        roles = {f"role-{name}": may for name, may in PEOPLE.items()}
        registry.access.adopt(
            document(
                *({"role": f"role-{who}", "to": [f"person:{who}"]} for who in PEOPLE),
                {"role": "all", "to": [f"person:{ELSEWHERE}"], "names": ["credit-else*"]},
                {"role": "all", "to": [f"person:{STAGING_ONLY}"], "stages": ["Staging"]},
                **roles,
            ),
            Principal("may-all"),
            Act("may-all@cli", to_millis(utc_now())),
        )
        with replicas(root, 1, ACGS_GATE_WAIT_SECONDS="0") as [url]:
            yield Site(url, doors(NAME, OTHER, request.id))
        registry.engine.dispose()
        shelf.store.engine.dispose()


DOORS = doors(NAME, OTHER, 1)
# What a rename leaves is another model.
ORDERED = sorted(DOORS, key=lambda door: door == "rename")
EVERYBODY = [*PEOPLE, ELSEWHERE, STAGING_ONLY, NOBODY]


def is_allowed(door: Door, who: str) -> bool:
    match who:
        case "":
            return False
        case "all-but-elsewhere":
            return False
        case "all-but-staging":
            return all(stage is not Stage.PRODUCTION for _, _, stage in door.needs)
        case _:
            return all(verb.value in PEOPLE[who] for verb, _, _ in door.needs)


def test_a_refusal_says_which_permission_is_missing_and_who_can_give_it(site: Site) -> None:
    answer = site.ask(site.doors["deprecate"], "may-read").json()
    assert answer["error_code"] == "access.denied"
    assert "the permission retire for credit-doors" in answer["message"]
    assert "role-may-retire" in answer["hint"]
    assert "person:may-all, person:all-but-staging can give it" in answer["hint"]


@pytest.mark.parametrize("name", ORDERED)
def test_a_door_opens_to_those_alone_who_have_its_permission(site: Site, name: str) -> None:
    door = site.doors[name]
    # Whoever may go through last: what is done then is done.
    for who in sorted(EVERYBODY, key=lambda who: is_allowed(door, who)):
        answer = site.ask(door, who)
        denied = answer.status_code == 403 and "expected the permission" in answer.text
        assert denied is not is_allowed(door, who), (who, answer.status_code, answer.text)
        assert answer.status_code < 500, answer.text


def test_every_operation_is_among_the_doors(site: Site) -> None:
    del site
    from infra.settings import Settings

    tried = {door.path.removeprefix(OPERATIONS) for door in DOORS.values()}
    settings = Settings(storage_root=Path("/nonexistent"))
    offered = {
        f"{component.name}/{name}"
        for component in components()
        for name in component.operations(settings)
    }
    # They ask what they are about first: tried where there is an endpoint, a document, a lent vote.
    elsewhere = {
        "serving/order",
        "serving/rollback",
        "registry/adopt_access",
        "registry/revoke_delegation",
    }
    assert offered == {path for path in tried if not path.startswith("/")} | elsewhere
