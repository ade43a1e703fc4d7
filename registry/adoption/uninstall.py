"""Takes the platform out of a database; plain MLflow then serves it as before.

What stays is MLflow's: models, versions, stages, aliases, runs. What goes is the mirror (tags and
the line under a description that the platform wrote) and every `acgs_*` table. Safe to kill and to
run again: each step does what is still to do.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, delete, exists, func, inspect, select, text, update

from infra.component import components
from infra.errors import AlreadyRunningError
from infra.processes import running
from infra.settings import Settings
from infra.stores import migrations
from infra.stores.db import open_engine, reading, transaction
from registry.adapters import mirror
from registry.adapters import mlflow_tables as mlflow

PREFIX = "acgs_"
_V, _T = mlflow.model_versions.c, mlflow.model_version_tags.c
_OURS = (_T.workspace == mlflow.WORKSPACE, _T.key.in_(mirror.TAGS))
_SHOWN = (
    _V.workspace == mlflow.WORKSPACE,
    _V.description.contains(mirror.MARK, autoescape=True),
    # Else the words are a person's, whatever they look like.
    exists().where(_T.name == _V.name, _T.version == _V.version, *_OURS),
)


@dataclass(frozen=True, slots=True)
class UninstallPlan:
    """Lists what an uninstall removes.

    Attributes:
        tables: the platform's tables, with how many rows each has.
        tags: of versions, written by the platform.
        descriptions: of versions, with the platform's line.
    """

    tables: dict[str, int]
    tags: int
    descriptions: int

    @property
    def empty(self) -> bool:
        """Return whether there is nothing to remove."""
        return not (self.tables or self.tags or self.descriptions)


def plan(settings: Settings) -> UninstallPlan:
    """Return what an uninstall would remove; changes nothing."""
    engine = open_engine(settings.sqlalchemy_url)
    try:
        with reading(engine) as connection:
            return UninstallPlan(
                tables={name: _count(connection, name) for name in _tables(connection)},
                tags=_number(
                    connection.execute(
                        select(func.count()).select_from(mlflow.model_version_tags).where(*_OURS)
                    ).scalar()
                ),
                descriptions=_number(
                    connection.execute(
                        select(func.count()).select_from(mlflow.model_versions).where(*_SHOWN)
                    ).scalar()
                ),
            )
    finally:
        engine.dispose()


def uninstall(settings: Settings) -> None:
    """Remove everything that the plan names.

    Raises:
        AlreadyRunningError: something uses the database.
        UnavailableError: the database cannot be reached or written.
    """
    must_be_idle(settings)
    engine = open_engine(settings.sqlalchemy_url)
    try:
        with transaction(engine) as connection:
            _take_out_mirror(connection)
        revisions = migrations.current(settings)
        for component in reversed(components()):
            if revisions.get(component.name) is not None:
                migrations.downgrade(settings, component, "base")
        with transaction(engine) as connection:
            for name in _tables(connection):
                connection.execute(text(f'DROP TABLE "{name}"'))
    finally:
        engine.dispose()


def must_be_idle(settings: Settings) -> None:
    """Refuse while roles run here or anything else is connected.

    Raises:
        AlreadyRunningError: something is.
    """
    supervisor = running.live_supervisor(settings.storage_root)
    alive = [
        role.name
        for role in running.read_roles(settings.storage_root)
        if role.identity is not None and role.identity.alive()
    ]
    if supervisor is not None or alive:
        raise AlreadyRunningError(
            f"expected no role to run in {settings.storage_root}, found "
            f"{', '.join(alive) or 'acgs up'}",
            hint="acgs down",
        )
    others = _connections(settings)
    if others:
        raise AlreadyRunningError(
            f"expected no other connection to the database, found {others}",
            hint="stop the platform's roles on every machine, and MLflow's servers, first",
        )


def _connections(settings: Settings) -> int:
    """Return how many others are connected; SQLite cannot say."""
    engine = open_engine(settings.sqlalchemy_url)
    if engine.dialect.name != "postgresql":
        return 0
    try:
        with reading(engine) as connection:
            return _number(
                connection.execute(
                    text(
                        "SELECT count(*) FROM pg_stat_activity "
                        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                    )
                ).scalar()
            )
    finally:
        engine.dispose()


def _take_out_mirror(connection: Connection) -> None:
    rows = connection.execute(select(_V.name, _V.version, _V.description).where(*_SHOWN)).all()
    for row in rows:
        connection.execute(
            update(mlflow.model_versions)
            .where(_V.workspace == mlflow.WORKSPACE, _V.name == row.name, _V.version == row.version)
            .values(description=mirror.own_words(row.description) or None)
        )
    connection.execute(delete(mlflow.model_version_tags).where(*_OURS))


def _tables(connection: Connection) -> list[str]:
    return sorted(n for n in inspect(connection).get_table_names() if n.startswith(PREFIX))


def _count(connection: Connection, table: str) -> int:
    return _number(connection.execute(text(f'SELECT count(*) FROM "{table}"')).scalar())  # noqa: S608 (a name that the database gave)


def _number(value: object) -> int:
    return int(str(value or 0))
