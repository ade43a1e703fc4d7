"""A governed store of its own, without a server, for what needs no verdict."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from mlflow.entities.model_registry import ModelVersionTag

from infra.settings import Settings
from registry.domain.records import VersionRecord
from registry.plugin.store import GovernedStore
from tests.support.platform import write_constitution
from tests.support.stores import put_database

NAME = "observed-shelf"
"""Governed by the tests' constitution, and never refused by it."""

SMALL = ({"name": "a", "type": "double", "required": True},)
GROWN = (*SMALL, {"name": "b", "type": "double", "required": False})
OTHER = ({"name": "z", "type": "string", "required": True},)
Columns = Sequence[Mapping[str, Any]]


@dataclass
class Shelf:
    """A store, and a folder to write models into."""

    root: Path
    store: GovernedStore

    def model(self, inputs: Columns | None = SMALL, **more: Any) -> str:
        """Write a model's files and return their folder; no two are alike."""
        folder = self.root / "models" / str(len(list((self.root / "models").glob("*"))))
        folder.mkdir(parents=True)
        document: dict[str, Any] = {"flavors": {}, "n": folder.name, **more}
        if inputs is not None:
            document["signature"] = {
                "inputs": json.dumps(list(inputs)),
                "outputs": '[{"type": "long", "required": true}]',
            }
        (folder / "MLmodel").write_text(yaml.safe_dump(document))
        return str(folder)

    def register(
        self, inputs: Columns | None = SMALL, name: str = NAME, source: str = "", **tags: str
    ) -> VersionRecord:
        """Register a model with version tags: `version_bump="major"`, `version_prerelease="rc"`."""
        if name not in {m.name for m in self.store.search_registered_models()}:
            self.store.create_registered_model(name)
        named = [ModelVersionTag(key.replace("_", "."), value) for key, value in tags.items()]
        created = self.store.create_model_version(name, source or self.model(inputs), tags=named)
        return self.record(int(created.version), name)

    def record(self, number: int, name: str = NAME) -> VersionRecord:
        record = self.store.registry.versions.live_record(name, number)
        assert record is not None
        return record


def opened(root: Path, url: str | None = None) -> Shelf:
    """Open a store on SQLite below a folder, or on another database."""
    write_constitution(root)
    if url is None:
        put_database(root)
        return Shelf(root, GovernedStore(Settings(storage_root=root)))
    return Shelf(root, GovernedStore(Settings(storage_root=root, database_url=url)))
