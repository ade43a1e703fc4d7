"""Keeps a SQLite database with every table, to copy instead of migrating for seconds.

It lies in the Python environment, beside the code that made it, so that changing it takes the same
rights as changing that code. Its name tells what it was made from: other migrations, another
template.
`make setup` keeps one; else the first start does.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from sqlalchemy import URL

    from infra.component import Component

FOLDER = Path(sys.prefix) / "share" / "acgs"


@dataclass(frozen=True, slots=True)
class Template:
    """The template for one database that does not exist yet.

    Attributes:
        database: file that is to be made.
        path: of the template, whether it is there or not.
    """

    database: Path
    path: Path

    @classmethod
    def of(cls, url: URL, components: Sequence[Component]) -> Template | None:
        """Return the template for a database; None if it exists already or is no SQLite file."""
        if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
            return None
        database = Path(url.database)
        if database.exists() and database.stat().st_size:
            return None
        return cls(database, FOLDER / f"schema-{_digest(components)}.db")

    def used(self) -> bool:
        """Create the database from the template. Returns False if there is none, or no need."""
        if self.database.exists() and self.database.stat().st_size:
            return False  # another process made the database meanwhile
        draft = _beside(self.database)
        try:
            shutil.copyfile(self.path, draft)
            draft.replace(self.database)
        except OSError:
            return False  # there is no template, or the disk is full: the migrations will say which
        finally:
            draft.unlink(missing_ok=True)
        return True

    def keep(self) -> None:
        """Store the database, which has only empty tables yet, as the template.

        Where the environment cannot be written, the next start runs the migrations again.
        """
        draft = _beside(self.path)
        with contextlib.suppress(OSError, sqlite3.Error):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.closing(sqlite3.connect(self.database)) as connection:
                connection.execute("VACUUM INTO ?", (str(draft),))
            draft.replace(self.path)
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def mlflow_migrations() -> Path | None:
    """Folder of the installed MLflow's revisions; found without importing MLflow."""
    spec = find_spec("mlflow")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "store" / "db_migrations" / "versions"


def _digest(components: Sequence[Component]) -> str:
    """Return a short digest of what the schema is made from: all migrations, MLflow's version."""
    found = hashlib.sha256(sqlite3.sqlite_version.encode())
    mlflow = mlflow_migrations()
    if mlflow is not None:
        found.update((mlflow.parents[2] / "version.py").read_bytes())
        _add(found, mlflow)
    for component in components:
        if component.migrations is not None:
            found.update(component.name.encode())
            _add(found, component.migrations / "versions")
    return found.hexdigest()[:16]


def _add(found: hashlib._Hash, folder: Path) -> None:
    for path in sorted(folder.glob("*.py")):
        found.update(path.name.encode() + b"\0" + path.read_bytes())


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid4().hex}")


def main() -> None:
    """Make a template for this version of the platform, if there is none."""
    from infra.settings import Settings
    from infra.stores import migrations

    with tempfile.TemporaryDirectory(prefix="acgs-template-") as folder:
        os.umask(0o077)
        migrations.upgrade(Settings(storage_root=Path(folder), database_url=""))


if __name__ == "__main__":
    main()
