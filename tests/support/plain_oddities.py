"""What years of plain MLflow leave behind, made with its own API: gaps, odd names, lost sources."""

from __future__ import annotations

import unicodedata
from pathlib import Path

from mlflow.entities.model_registry import ModelVersionTag, RegisteredModelTag
from mlflow.prompt.constants import IS_PROMPT_TAG_KEY
from mlflow.store.model_registry.dbmodels.models import SqlModelVersion
from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

ODD_NAMES = (
    "кредит 信用 🚀",
    unicodedata.normalize("NFC", "Å"),
    unicodedata.normalize("NFD", "Å"),
    "Case",
    "case",
    " spaced out ",
    "two\nlines",
    "O'Brien's \"best\"; DROP TABLE model_versions --",
    "100%",
    "100%s %(name)s {0}",
    "a_b",
    "a*b[c]?",
    "back\\slash",
    "--json",
    "$HOME `id`",
    "n" * 256,
    "名" * 256,
)
"""All of which MLflow takes."""

LOST = (
    "runs:/0123456789abcdef0123456789abcdef/model",
    "mlflow-artifacts:/1/gone/artifacts/model",
    "file:///no/such/folder",
    "/no/such/folder",
    "relative/folder",
    "https://user@localhost:1/model",
    "dbfs:/models/gone",
    "nosuchscheme://somewhere",
    "file:///%zz#?",
    "not a place at all",
)


UNREADABLE = ("lost", "a file")
"""Models whose versions have no folder with files."""


def make(store: SqlAlchemyStore, folder: Path) -> dict[str, list[int]]:
    """Make them all; return the numbers of each model's versions that are left to record."""
    return {
        **{name: _named(store, name, folder / str(at)) for at, name in enumerate(ODD_NAMES)},
        **_deleted(store, folder / "deleted"),
        **_copies(store, folder / "copies"),
        "lost": [_version(store, "lost", source) for source in LOST],
        "a file": [_version(store, "a file", str(_file(folder / "alone")))],
        **_without_versions(store),
    }


def _named(store: SqlAlchemyStore, name: str, folder: Path) -> list[int]:
    store.create_registered_model(name, [RegisteredModelTag("team", name)], name)
    numbers = [_version(store, name, str(_files(folder / str(at)))) for at in range(2)]
    store.update_model_version(name, "2", "**Governance** is what our risk team calls this")
    store.set_registered_model_alias(name, "champion", "2")
    store.transition_model_version_stage(name, "2", "Production", False)
    return numbers


def _deleted(store: SqlAlchemyStore, folder: Path) -> dict[str, list[int]]:
    """Gaps within, at the start and at the end; all gone; a model gone, renamed, made anew."""
    left = {}
    for name, gone in (
        ("gap within", {2, 3}),
        ("gap first", {1}),
        ("gap last", {5}),
        ("all gone", {1, 2, 3, 4, 5}),
    ):
        numbers = [_version(store, name, str(_files(folder / name / str(n)))) for n in range(1, 6)]
        store.transition_model_version_stage(name, "5", "Production", False)
        store.set_registered_model_alias(name, "champion", "2")
        for number in gone:
            store.delete_model_version(name, str(number))
        left[name] = [number for number in numbers if number not in gone]
    del left["all gone"]
    for name in ("deleted", "made anew", "old name"):
        _version(store, name, str(_files(folder / name)))
    store.delete_registered_model("deleted")
    store.delete_registered_model("made anew")
    left["made anew"] = [_version(store, "made anew", str(_files(folder / "anew")))]
    store.rename_registered_model("old name", "new name")
    left["new name"] = [1]
    return left


def _copies(store: SqlAlchemyStore, folder: Path) -> dict[str, list[int]]:
    """Copies of a version that moved, of one that is gone, and of one as old MLflows wrote it."""
    for name in ("moved", "gone", "old"):
        _version(store, name, str(_files(folder / name)))
    with store.ManagedSessionMaker(read_only=False) as session:
        session.query(SqlModelVersion).filter_by(name="old").update({"storage_location": None})
    copies = [_version(store, "copies", f"models:/{name}/1") for name in ("moved", "gone", "old")]
    store.rename_registered_model("moved", "moved away")
    store.delete_registered_model("gone")
    return {"copies": copies, "moved away": [1], "old": [1]}


def _without_versions(store: SqlAlchemyStore) -> dict[str, list[int]]:
    """A model of none, and prompts, which are models to MLflow's tables."""
    store.create_registered_model("no versions")
    for name in ("prompt", "подсказка 'q' 100%"):
        store.create_registered_model(name, [RegisteredModelTag(IS_PROMPT_TAG_KEY, "true")])
        for _ in range(3):
            tags = [
                ModelVersionTag(IS_PROMPT_TAG_KEY, "true"),
                ModelVersionTag("mlflow.prompt.text", "Say {{word}}"),
            ]
            store.create_model_version(name, "dummy-source", tags=tags)
        store.set_registered_model_alias(name, "production", "3")
        store.delete_model_version(name, "2")
    return {}


def _version(store: SqlAlchemyStore, name: str, source: str) -> int:
    if name not in {model.name for model in store.search_registered_models(max_results=1000)}:
        store.create_registered_model(name)
    tags = [ModelVersionTag("note", name)]
    words = f"\n {name} \n\n"
    return int(store.create_model_version(name, source, tags=tags, description=words).version)


def _files(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "MLmodel").write_text(f"flavors: {{}}\n# {folder}\n")
    return folder


def _file(path: Path) -> Path:
    path.write_text("a file, no folder")
    return path
