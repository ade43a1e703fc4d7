"""A dossier tells a moment from events alone, and marks what they do not say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from infra.clock import to_millis
from infra.identity.current import Caller, acting
from infra.identity.principal import Principal
from infra.stores.db import transaction
from registry.adapters import tables
from registry.audit.adapters import events
from registry.domain.records import Act
from registry.domain.values import Stage
from registry.dossier.domain.json_values import NOT_RECORDED
from registry.dossier.errors import NothingThenError, NotProvenError, NotSignedYetError
from registry.dossier.making import Made
from registry.dossier.verification import verify_dossier
from tests.integration.registry.dossier import kit
from tests.integration.registry.dossier.kit import Office
from tests.integration.registry.lineage.world import minute
from tests.support.roles import document
from tests.support.stores import Databases, Kind


def section(made: Made, key: str) -> Any:
    story = json.loads(made.payload)["story"]
    return next(one["content"] for one in story["sections"] if one["id"] == key)


MOMENTS = {
    7: ("0.1.0", ["champion"], {"0.1.0": 100}),
    15: ("0.1.0", ["champion"], {"0.1.0": 80, "0.2.0": 20}),
    25: ("0.2.0", ["champion"], {"0.2.0": 100}),
    35: ("0.2.0", ["champion"], {"0.2.0": 80, "0.3.0": 20}),
    45: ("0.2.0", ["champion"], {"0.2.0": 100}),
}


@pytest.mark.parametrize("after", MOMENTS)
def test_what_served_at_a_moment_is_told_from_the_events_up_to_it(
    office: Office, name: str, after: int
) -> None:
    told = section(office.made(name, "champion", minute(after)), "model")
    traffic = {one["version"]: one["percent"] for one in told["endpoint"]["traffic"]}
    assert (told["version"], told["aliases"], traffic) == MOMENTS[after]
    assert told["stage"] == "Production"


def test_todays_tables_are_not_asked_about_a_past_moment(office: Office) -> None:
    """What is there now may say anything; the events do not change."""
    name = kit.afternoon(office)
    before = json.loads(office.made(name, "champion", minute(25)).payload)
    v, r, e, t = (
        tables.version.c,
        tables.request.c,
        tables.endpoint.c,
        tables.tenure.c,
    )
    with transaction(office.world.registry.engine) as connection:
        for change in (
            tables.version.update().where(v.name == name).values(standing="yanked", git_commit="x"),
            tables.request.update().where(r.name == name).values(state="refused", decision={}),
            tables.endpoint.update().where(e.name == name).values(stable_uid=None),
            tables.tenure.delete().where(t.name == name),
        ):
            connection.execute(change)
    after = json.loads(office.made(name, "champion", minute(25)).payload)
    assert after["story"] == before["story"]


def test_a_version_that_was_not_there_yet_is_not_found(office: Office, name: str) -> None:
    with pytest.raises(NothingThenError, match=f"{name}@champion"):
        office.made(name, "champion", minute(3))
    with pytest.raises(NothingThenError, match="found none"):
        office.made("nobody-knows-it", "1", minute(3))


@pytest.mark.parametrize("asked", ["3", "0.3.0"])
def test_a_version_that_was_rolled_back_has_its_rollout_and_its_measurements(
    office: Office, name: str, asked: str
) -> None:
    made = office.made(name, asked)
    (rollout,) = section(made, "monitoring")
    assert rollout["outcome"] == "rolled back"
    steps = [(step["what"], step["measured"]) for step in rollout["steps"]]
    assert steps == [("step", kit.MEASURED), ("rolled back", kit.MEASURED)]
    (incident,) = section(made, "incidents")
    assert (incident["what"], incident["version"]) == ("a rollout was rolled back", "0.3.0")
    assert incident["said"]["reasons"][0]["rule"] == "rollout.error_rate"


def test_every_rule_of_the_constitution_is_listed_and_gaps_say_so(
    office: Office, name: str
) -> None:
    controls = section(office.made(name), "controls")
    rules = {rule["rule"]: rule["outcome"] for rule in controls["rules"]}
    constitution = office.world.registry.governance.current().document
    principles: Any = constitution["principles"]
    assert list(rules) == [rule["id"] for one in principles for rule in one["rules"]]
    assert rules.pop("performance.accuracy") == "pass"
    assert set(rules.values()) == {NOT_RECORDED}
    assert controls["verdict"]["approvals_needed"] == 1


def test_people_who_voted_stand_beside_the_digests_that_they_voted_on(
    office: Office, name: str
) -> None:
    (decision,) = section(office.made(name, "1"), "decisions")
    files = section(office.made(name, "1"), "model")["manifest_digest"]
    votes = [(vote["actor"], vote["vote"], vote["digests"]) for vote in decision["votes"]]
    assert votes == [
        ("ben@cli", "approved", {"manifest_digest": files}),
        ("cleo@cli", "approved", {"manifest_digest": files}),
    ]
    assert decision["asked"]["actor"] == "ada@cli"
    assert {finding["holds"] for finding in decision["follows"]} == {"yes"}


def test_a_refusal_and_its_reasons_are_told(office: Office) -> None:
    name = office.world.name()
    version = office.world.register(name)
    office.promote(version, minute(1), passed=False)
    made = office.made(name, "1")
    (decision,) = section(made, "decisions")
    assert decision["outcome"]["outcome"] == "refused"
    assert decision["outcome"]["reasons"][0]["rule"] == "performance.accuracy"
    assert section(made, "model")["stage"] == Stage.NONE.value
    assert section(made, "monitoring") == NOT_RECORDED
    assert section(made, "files")["statement"] == NOT_RECORDED


def test_a_renamed_model_brings_its_past_along(office: Office) -> None:
    name = kit.afternoon(office)
    new = f"{name}-new"
    with transaction(office.world.registry.engine) as connection:
        events.record(
            connection,
            "model.renamed",
            Act("ada@cli", to_millis(minute(50))),
            name=new,
            data={"from_name": name, "to_name": new},
        )
    told = section(office.made(new, "champion"), "model")
    assert (told["version"], told["earlier_names"]) == ("0.2.0", [name])
    assert section(office.made(name, "champion", minute(45)), "model")["version"] == "0.2.0"
    with pytest.raises(NothingThenError):
        office.made(name, "champion")


def test_an_event_that_no_checkpoint_covers_stops_the_dossier(office: Office, name: str) -> None:
    other = office.world.name()
    office.world.register(other)
    with pytest.raises(NotSignedYetError):
        office.dossiers.make(other, "1", minute(600))
    assert office.made(other, "1").version == "0.1.0"


def test_an_event_that_was_changed_in_the_database_stops_the_dossier(
    tmp_path: Path, databases: Databases
) -> None:
    with kit.office(tmp_path, databases.new(Kind.SQLITE)) as office:
        name = kit.afternoon(office)
        made = office.made(name)
        assert verify_dossier(office.dossiers.sign(made), [office.key]).payload == made.payload
        with transaction(office.world.registry.engine) as connection:
            connection.exec_driver_sql("DROP TRIGGER acgs_event_no_update")
            changed = tables.event.update().where(tables.event.c.type == "approval.given")
            connection.execute(changed.values(actor="mallory@cli"))
        with pytest.raises(NotProvenError, match=r"approval\.given"):
            office.dossiers.make(name, "champion", minute(600))


def test_postgresql_keeps_the_same_story(tmp_path: Path, databases: Databases) -> None:
    with kit.office(tmp_path, databases.new(Kind.POSTGRES)) as office:
        name = kit.afternoon(office)
        verified = verify_dossier(office.page(name), [office.key], log_folder=office.log)
        model = verified.story["sections"][0]["content"]  # type: ignore[index]
        assert (model["version"], verified.is_complete) == ("0.2.0", True)


def test_the_role_of_a_voter_is_that_of_the_roles_in_force_then(office: Office) -> None:
    world = office.world
    name = world.name()
    version = world.register(name)
    auditor = Caller(Principal("Cleo", groups=("risk",)), "127.0.0.1")
    adopt(office, "group:risk", at=5)
    with acting(auditor):
        office.promote(version, minute(10), auditor.actor)
    adopt(office, "person:nobody-else", at=20)
    made = office.made(name, "1")
    (vote,) = section(made, "decisions")[0]["votes"]
    assert (vote["role"], vote["known_by"]) == (["lead"], "claim")
    documents = [one for one in section(made, "governance") if one["document"] == "roles"]
    assert [one["in_force"] for one in documents][-2:] == ["no", "yes"]
    grants = documents[-1]["in_full"]["grants"]
    assert ["person:nobody-else"] in [grant["to"] for grant in grants]
    assert verify_dossier(office.dossiers.sign(made), [office.key]).payload == made.payload


def adopt(office: Office, grantee: str, at: int) -> None:
    """Let somebody approve what goes to Production."""
    administrator = Principal("administrator")
    found = document(
        {"role": "lead", "to": [grantee], "stages": ["Production"]},
        {"role": "owner", "to": ["person:administrator"]},
        lead=["approve"],
        owner=["change-access", "ask"],
    )
    act = Act("administrator@cli", to_millis(minute(at)))
    office.world.registry.access.adopt(found, administrator, act)
