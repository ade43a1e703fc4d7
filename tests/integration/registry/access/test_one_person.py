"""One person promotes their own model: each way works on an open platform, and on no other.

Where names are proven the way is refused. What the owner of the database does is not refused, on
either: somebody who has a copy of the audit log and its key finds it out.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import httpx
import mlflow
import numpy as np
import pytest
import yaml
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from compliance.bootstrap import subscribe
from compliance.constitution import constitution_file
from compliance.judging.receiver import PATH
from compliance.settings import compliance_url
from infra import signing
from infra.identity.principal import name_key
from registry.gate.domain.quorum import assign
from registry.governance.domain.approval_rules import ANY
from tests.integration.registry.access.one_person import (
    AUTHOR,
    EVERYTHING,
    MLFLOW,
    OPERATIONS,
    OTHER_AUTHOR,
    Site,
    open_site,
    proven_site,
    until,
)
from tests.support.credit import dataset

STARTS = {"open": open_site, "proven": proven_site}


@pytest.fixture(scope="module", params=list(STARTS))
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    with STARTS[request.param](tmp_path_factory.mktemp(request.param)) as started:
        yield started


@pytest.fixture
def kept(site: Site, tmp_path: Path) -> Iterator[Path]:
    """Files of the storage root that a test edits, put back after it."""
    for folder in ("constitution", "evidence"):
        shutil.copytree(site.root / folder, tmp_path / folder)
    yield site.root
    for folder in ("constitution", "evidence"):
        shutil.copytree(tmp_path / folder, site.root / folder, dirs_exist_ok=True)


def test_two_names_are_two_approvals(site: Site) -> None:
    version, number = site.pending()
    for name in ("alice", "bob"):
        site.command(AUTHOR, "approve", str(number), LOGNAME=name, USER=name)
    assert (site.stage(version) == "Production") is site.is_open


def test_who_asked_approves(site: Site) -> None:
    version, number = site.pending(EVERYTHING)
    own = site.ask(f"{OPERATIONS}registry/approve", {"id": number}, EVERYTHING)
    site.ask(f"{OPERATIONS}registry/approve", {"id": number}, "alice")
    assert (site.stage(version) == "Production") is site.is_open
    if not site.is_open:
        assert (own.status_code, own.json()["error_code"]) == (403, "registry.own_version")


def test_one_name_in_two_spellings_is_one_approval(site: Site) -> None:
    version, number = site.pending()
    names = ("alice", "Alice", "ALICE\u200d", "ａｌｉｃｅ")
    for name in names:
        site.ask(f"{OPERATIONS}registry/approve", {"id": number}, name)
    assert site.stage(version) == "None"
    # Were names compared as they are written, each spelling would fill a seat.
    as_written, as_read = (
        {name: {ANY} for name in found} for found in (names, {*map(name_key, names)})
    )
    assert None not in assign([ANY, ANY], as_written)
    assert None in assign([ANY, ANY], as_read)


FORGED = {
    "a password that nobody asks for": {"Authorization": httpx.BasicAuth("admin", "")._auth_header},
    "the proxy's header": {"x-auth-request-user": "admin"},
    "the proxy's header and a guess": {
        "x-auth-request-user": "admin",
        "x-acgs-proxy-secret": "guess",
    },
}


@pytest.mark.parametrize("how", FORGED)
def test_another_s_name_in_a_header(site: Site, how: str) -> None:
    version = site.register()
    body = {"name": version.name, "description": "words"}
    answer = site.ask(
        f"{MLFLOW}registered-models/update", body, method="PATCH", headers=FORGED[how]
    )
    assert (answer.status_code == 200) is site.is_open, answer.text
    # A forged header is refused beside a good token too.
    beside = site.ask(
        f"{MLFLOW}registered-models/update",
        body,
        AUTHOR,
        method="PATCH",
        headers={name: value for name, value in FORGED[how].items() if name != "Authorization"},
    )
    if "the proxy" in how:
        assert (beside.status_code == 200) is site.is_open


def test_another_s_address_in_a_header(site: Site) -> None:
    version = site.register()
    address = "203.0.113.9"
    forwarded = {"X-Forwarded-For": address, "Forwarded": f"for={address}", "X-Real-IP": address}
    body = {"name": version.name, "version": "1", "stage": "Staging"}
    site.ask(
        f"{MLFLOW}model-versions/transition-stage",
        {**body, "archive_existing_versions": False},
        AUTHOR,
        headers=forwarded,
    )
    # No proxy is trusted on either platform; ACGS_TRUSTED_PROXIES is the guard's switch.
    assert {e["actor"] for e in site.events(version.name)} <= {f"{AUTHOR}@127.0.0.1", "acgs"}


def dishonest(folder: Path) -> tuple[Path, Any]:
    """Save a model that learnt noise, and a holdout whose labels and groups suit it."""
    rows = dataset()
    features = list(rows.features)
    known = rows.train[features].astype(float)
    noise = np.random.default_rng(1).integers(0, 2, len(known))
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(known, noise)
    mlflow.sklearn.save_model(
        model,
        str(folder / "model"),
        signature=infer_signature(known, model.predict(known)),
        serialization_format="skops",
        skops_trusted_types=["numpy.dtype"],
        pip_requirements=["scikit-learn"],
    )
    holdout = rows.holdout.copy()
    holdout[rows.label] = model.predict(holdout[features].astype(float))
    for column in rows.sensitive:
        holdout[column] = np.random.default_rng(2).permutation(holdout[column])
    return folder / "model", holdout


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
def test_evidence_is_relabelled(site: Site, kept: Path, tmp_path: Path) -> None:
    rows = dataset()
    folder, holdout = dishonest(tmp_path)
    honest = site.register(folder=folder)
    refused = site.ask_for(honest)
    assert refused.status_code == 403, "an honest holdout shows what it is worth"

    own = tmp_path / "own.csv"
    holdout.to_csv(own, index=False)
    features = [word for one in rows.features for word in ("--feature", one)]
    sensitive = [word for one in rows.sensitive for word in ("--sensitive", one)]
    added = site.command(
        AUTHOR, "evidence", "add", "credit*", "--dataset", str(own), "--task", "classification",
        "--label", rows.label, *sensitive, *features, "--replace",
    )  # fmt: skip
    assert added.status == 0, added.err
    if not site.is_open:
        # The file on the disk is edited all the same, and counts for nothing.
        adopted = site.command(AUTHOR, "evidence", "adopt")
        assert adopted.status == 1
        assert "the permission change-evidence" in adopted.err
    version = site.register(folder=folder)
    answer = site.ask_for(version)
    number = answer.json().get("acgs_request_id")
    state = site.request(number) if number else None
    waits = state is not None and "approval" in str(state["decision"].get("waiting_for"))
    assert waits is site.is_open, answer.text


def test_the_constitution_is_lowered_and_locked_by_one_person(site: Site, kept: Path) -> None:
    version = site.register()
    document = kept / "constitution" / "constitution.yaml"
    lowered = yaml.safe_load(document.read_text())
    lowered["stages"]["Production"]["approvals"] = 0
    document.write_text(yaml.safe_dump(lowered))
    constitution_file.write_lock(document)
    answer = site.ask_for(version)
    assert (site.stage(version) == "Production") is site.is_open, answer.text
    if not site.is_open:
        assert "that was put in force" in answer.text
        adopted = site.command(AUTHOR, "constitution", "adopt")
        assert (adopted.status, "the permission change-constitution" in adopted.err) == (1, True)


def test_invented_lineage_is_shown_as_a_claim(site: Site) -> None:
    # Nothing can check it: the registry has no training data, and here no repository. So it is
    # neither refused nor believed; a constitution can insist (`commit_in_repository`).
    version, _ = site.pending()
    shown = site.platform.json("compliance", "show", f"{version.name}@1")
    rules = {rule["id"]: rule for each in shown["principles"] for rule in each["rules"]}
    observed = rules["traceability.lineage"]["observed"]
    assert f"dataset digest {'1' * 12} (claimed), git commit {'0' * 12} (claimed)" in observed


DESTRUCTIVE: dict[str, tuple[str, str, dict[str, Any]]] = {
    "archive": (
        "POST",
        "model-versions/transition-stage",
        {"version": "1", "stage": "Archived", "archive_existing_versions": False},
    ),
    "describe": ("PATCH", "registered-models/update", {"description": "Approved by the chief."}),
    "delete": ("DELETE", "model-versions/delete", {"version": "1"}),
}


def test_another_s_version_is_archived_described_and_deleted(site: Site) -> None:
    version = site.promoted()
    for what, (method, path, body) in DESTRUCTIVE.items():
        for who in (None, "stranger"):
            asked = {"name": version.name, **body}
            answer = site.ask(f"{MLFLOW}{path}", asked, who, method=method)
            done = answer.status_code == 200
            # What is deleted once is gone.
            assert done is (site.is_open and (what, who) != ("delete", "stranger")), answer.text
            if not site.is_open:
                assert answer.status_code == (401 if who is None else 403)


def test_another_s_request_is_cancelled(site: Site) -> None:
    _, number = site.pending(OTHER_AUTHOR)
    site.command(AUTHOR, "request", "cancel", str(number))
    state = site.request(number)["state"]
    assert state == ("cancelled" if site.is_open else "open")


def test_a_replayed_or_forged_webhook_makes_no_verdict(site: Site) -> None:
    """The scorer's door asks for a signature, no matter who is known at the registry's."""
    _, number = site.pending()
    settings = site.platform.settings
    secret, url = subscribe(settings), compliance_url(settings) + PATH
    body = json.dumps(
        {"entity": "transition_request", "action": "created", "data": {"request_id": number}}
    ).encode()

    def send(stamp: float, key: str = secret) -> httpx.Response:
        headers = signing.signed_headers(key, "delivery", int(stamp), body)
        return httpx.post(url, content=body, headers=headers, trust_env=False)

    before = verdicts(site, number)
    old = time.time() - signing.REPLAY_WINDOW_SECONDS - 60
    for answer in (send(old), send(time.time(), "a" * 32)):
        assert (answer.status_code, answer.json()["error_code"]) == (403, "infra.signature_invalid")
    # Only the clock refuses the old one: at its own time its signature was good.
    sent = signing.signed_headers(secret, "delivery", int(old), body)
    assert signing.verify(secret, sent, body, old) == "delivery"
    # Within the window a repetition is taken, and changes nothing.
    assert [send(time.time()).status_code for _ in range(2)] == [202, 202]
    until(lambda: not jobs(site, number))
    assert verdicts(site, number) == before == 1


def verdicts(site: Site, number: int) -> int:
    return counted(site, f"SELECT count(*) FROM acgs_scorecard WHERE request_id = {number}")


def jobs(site: Site, number: int) -> int:
    return counted(site, f"SELECT count(*) FROM acgs_scoring_job WHERE request_id = {number}")


def counted(site: Site, query: str) -> int:
    with closing(sqlite3.connect(site.root / "registry.db", timeout=30)) as connection:
        return int(connection.execute(query).fetchone()[0])


# From here on the attacker owns the database. No identity keeps its owner out.


def test_events_rewritten_after_dropping_the_triggers_are_found(site: Site, tmp_path: Path) -> None:
    version, _ = site.pending()
    log, key = site.kept(tmp_path)
    # On a copy: the platform signs nothing over a broken history.
    other = tmp_path / "root"
    other.mkdir()
    with ExitStack() as stack:
        live = stack.enter_context(closing(sqlite3.connect(site.root / "registry.db", timeout=30)))
        copy = stack.enter_context(closing(sqlite3.connect(other / "registry.db")))
        live.backup(copy)
    site.sql(
        "DROP TRIGGER acgs_event_no_update",
        "DROP TRIGGER acgs_event_no_delete",
        f"UPDATE acgs_event SET actor = 'somebody-else' WHERE name = '{version.name}'",
        database=other / "registry.db",
    )
    export = tmp_path / "events.jsonl"
    written = site.command("x", "audit", "export", str(export), MLOPS_STORAGE_ROOT=str(other))
    assert written.status == 0, written.err
    assert "somebody-else" in export.read_text(), "without the log nothing tells"
    found = site.outsider(
        "audit", "verify", str(log), "--public-key", str(key), "--events", str(export)
    )
    assert found.status == 1
    assert 'found "somebody-else"' in found.err


def test_a_stage_written_by_sql_is_found(site: Site, tmp_path: Path) -> None:
    version, _ = site.pending()
    log, key = site.kept(tmp_path)
    move = "UPDATE model_versions SET current_stage = '{}' WHERE name = '{}'"
    site.sql(move.format("Production", version.name))
    assert site.stage(version) == "Production", "the owner of the database needs nobody"
    try:
        found = site.outsider("audit", "coverage", "--log", str(log), "--public-key", str(key))
    finally:
        site.sql(move.format("None", version.name))
    assert found.status == 1
    assert f"{version.name} 1: in Production, the events say None" in found.out


def test_a_forged_verdict_is_found(site: Site, tmp_path: Path) -> None:
    version, number = site.pending()
    site.sql(forged_verdict(number))
    # It is what approvers are shown, though the quorum is the constitution's, not the verdict's.
    shown = site.platform.json("version", "show", f"{version.name}@{version.number}")
    assert shown["verdict"]["score"] == 0.9999
    assert site.stage(version) == "None"
    log, key = site.kept(tmp_path)
    found = site.outsider("audit", "coverage", "--log", str(log), "--public-key", str(key))
    site.sql(f"DELETE FROM acgs_scorecard WHERE request_id = {number} AND approvals_needed = 0")
    assert found.status == 1
    assert f"on request {number}: score 0.9999, passed" in found.out


def forged_verdict(number: int) -> str:
    """Copy a request's verdict, but for the approvals that it takes."""
    same = (
        "request_id, version_uid, judged_as, target, manifest_digest, constitution_digest, "
        "evidence_digest, enforcement, document, created_ms"
    )
    return (
        f"INSERT INTO acgs_scorecard ({same}, score, passed, approvals_needed) "
        f"SELECT {same}, 0.9999, 1, 0 FROM acgs_scorecard WHERE request_id = {number}"
    )


def test_nothing_but_these_attacks_left_a_gap(site: Site, tmp_path: Path) -> None:
    """Comes last: what the platform did itself, every event of the proven log tells."""
    log, key = site.kept(tmp_path)
    found = site.outsider("audit", "coverage", "--log", str(log), "--public-key", str(key))
    assert found.status == 0, found.out
