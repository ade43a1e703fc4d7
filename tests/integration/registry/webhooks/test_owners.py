"""Whose a subscription is that an earlier release made."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import text

from infra.identity.principal import Principal
from infra.secrets import Sealer
from infra.settings import Settings
from infra.stores import migrations
from infra.stores.db import open_engine, transaction
from registry.component import component
from registry.webhooks.service import Webhooks
from tests.support.stores import put_database

HOOK = """
INSERT INTO acgs_webhook (name, url, events, sealed_secret, active, created_ms)
VALUES (:name, 'http://127.0.0.1:9/', '["*"]', '', true, 1)
"""
EVENT = """
INSERT INTO acgs_event (uid, type, name, actor, at_ms, data, principal)
VALUES (:uid, 'webhook.created', :name, :actor, 1, '{}', :principal)
"""
KNOWN = '{"name": "Ada", "key": "ada", "kind": "person", "groups": ["risk"], "source": "claim"}'


def test_the_audit_trail_says_who_made_a_subscription_last(tmp_path: Path) -> None:
    put_database(tmp_path)
    settings = Settings(storage_root=tmp_path)
    migrations.downgrade(settings, component, "0014")
    engine = open_engine(settings.sqlalchemy_url)
    made = [
        ("own", "acgs", None),
        ("old", "ben@cli", None),
        ("new", "eve@cli", None),
        ("new", "Ada@127.0.0.1", KNOWN),
    ]
    with transaction(engine) as connection:
        for name in ("own", "old", "new"):
            connection.execute(text(HOOK), {"name": name})
        for number, (name, actor, principal) in enumerate(made):
            values = {"uid": str(number), "name": name, "actor": actor, "principal": principal}
            connection.execute(text(EVENT), values)
    migrations.upgrade(settings, (component,))
    found = {each.name: each.owner for each in Webhooks(engine, Sealer(settings)).list()}
    engine.dispose()
    assert found == {
        "own": None,
        "old": Principal("ben"),
        "new": Principal("Ada", groups=("risk",)),
    }
