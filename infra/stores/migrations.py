"""Brings schemas up to date: MLflow's own first, then each component's Alembic history.

Every component's history has a version table of its own, `acgs_<component>_revision`, so that
MLflow's and each other's histories never meet.
"""

from __future__ import annotations

import fcntl
import re
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from infra.component import Component, components
from infra.errors import PlatformError, UnavailableError, UsageError
from infra.stores.db import open_engine, translated
from infra.stores.template import Template, mlflow_migrations

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from sqlalchemy import Connection, Engine

    from infra.settings import Settings

MLFLOW_VERSION_TABLE = "alembic_version"
ADVISORY_LOCK = 0x61636773
"""Number of the PostgreSQL advisory lock; the letters `acgs`."""

_REVISION = re.compile(r"""^revision(?::.*)? = ["'](\w+)["']""", re.MULTILINE)
_DOWN_REVISION = re.compile(r"""^down_revision(?::.*)? = ["'](\w+)["']""", re.MULTILINE)


class SchemaUnknownError(PlatformError):
    """The database has a revision that this version of the platform does not know."""

    code = "infra.schema_unknown"


def upgrade(settings: Settings, of: Iterable[Component] | None = None) -> None:
    """Bring the database up to date; a no-op if it is.

    Concurrent processes wait for each other. A SQLite database that is not there
    yet is copied from a template, if one was kept (`infra.stores.template`).

    Raises:
        SchemaUnknownError: a newer version of the platform or of MLflow made the database.
        UnavailableError: the database cannot be reached or written.
    """
    parts = components() if of is None else tuple(of)
    engine = open_engine(settings.sqlalchemy_url, make=True)
    template = Template.of(engine.url, parts)
    try:
        with translated(engine), alone(settings, engine):
            if template is not None and template.used():
                return
            _upgrade_mlflow(settings, engine)
            for component in parts:
                if component.migrations is not None:
                    _upgrade_component(engine, component)
            if template is not None:
                template.keep()
    finally:
        engine.dispose()


def downgrade(settings: Settings, component: Component, revision: str) -> None:
    """Downgrade a component's schema to an earlier revision; `base` drops all of its tables.

    One transaction, on SQLite too: it is done or it is not.

    Raises:
        UsageError: there is no such revision, or it is not an earlier one.
        SchemaUnknownError: a newer version of the platform made the database.
        UnavailableError: the database cannot be reached or written.
    """
    from alembic import command
    from alembic.util import CommandError

    engine = open_engine(settings.sqlalchemy_url)
    try:
        with (
            translated(engine),
            alone(settings, engine),
            _reachable(engine) as connection,
        ):
            config = _config(component)
            config.attributes["connection"] = connection
            _require_known(_script(config), _revision(connection, component), component.name)
            try:
                command.downgrade(config, revision)
            except CommandError as err:
                raise UsageError(
                    f"component {component.name!r}: expected an earlier revision, found "
                    f"{revision}: {err}",
                    hint="`acgs schema status` names the revisions",
                ) from err
            connection.commit()
    finally:
        engine.dispose()


def revisions(component: Component) -> tuple[str, ...]:
    """Every revision of a component's schema, oldest first."""
    walked = _script(_config(component)).walk_revisions()
    return tuple(reversed([script.revision for script in walked]))


def differences(settings: Settings, of: Iterable[Component] | None = None) -> dict[str, list[str]]:
    """Return, by component, how the database differs from what this version expects.

    MLflow's part is compared by revision, the components' by table: columns, types, indexes,
    triggers.

    Raises:
        UnavailableError: the database cannot be reached.
    """
    from alembic.migration import MigrationContext

    engine = open_engine(settings.sqlalchemy_url)
    found: dict[str, list[str]] = {}
    try:
        with _reachable(engine) as connection:
            mlflow = MigrationContext.configure(connection).get_current_revision()
            if mlflow not in mlflow_heads():
                expected = ", ".join(sorted(mlflow_heads()))
                found["mlflow"] = [f"revision is {mlflow}, expected {expected}"]
            for component in components() if of is None else tuple(of):
                if component.migrations is not None:
                    lines = _compare(connection, component)
                    if lines:
                        found[component.name] = lines
    finally:
        engine.dispose()
    return found


def _compare(connection: Connection, component: Component) -> list[str]:
    from alembic.runtime.environment import EnvironmentContext

    config = _config(component)
    script = _script(config)
    revision, head = _revision(connection, component), script.get_current_head()
    if revision != head:
        return [f"revision is {revision}, expected {head}"]
    lines: list[str] = []
    config.attributes.update(connection=connection, differences=lines)
    with EnvironmentContext(config, script):
        script.run_env()
    return lines


def current(settings: Settings, of: Iterable[Component] | None = None) -> dict[str, str | None]:
    """Return the revision of each component's schema in the database; None before the first."""
    engine = open_engine(settings.sqlalchemy_url)
    found: dict[str, str | None] = {}
    try:
        with _reachable(engine) as connection:
            for component in components() if of is None else tuple(of):
                if component.migrations is not None:
                    found[component.name] = _revision(connection, component)
    finally:
        engine.dispose()
    return found


def version_table(component: Component) -> str:
    """Return the name of the table that holds a component's revision."""
    return f"acgs_{component.name}_revision"


def _upgrade_mlflow(settings: Settings, engine: Engine) -> None:
    # Importing MLflow costs seconds, and nearly every start finds its schema up to date.
    if _recorded(engine, MLFLOW_VERSION_TABLE) != mlflow_heads():
        from alembic.migration import MigrationContext

        with _reachable(engine) as connection:
            revision = MigrationContext.configure(connection).get_current_revision()
        _run_mlflow_migrations(settings, revision)


def mlflow_heads() -> set[str]:
    """Return the newest revisions of MLflow's schema, without importing MLflow."""
    folder = mlflow_migrations()
    return set() if folder is None else _heads(folder)


def _heads(folder: Path) -> set[str]:
    """Return the newest revisions of an Alembic history, without importing Alembic."""
    text = "\n".join(path.read_text() for path in folder.glob("*.py"))
    return set(_REVISION.findall(text)) - set(_DOWN_REVISION.findall(text))


def _recorded(engine: Engine, table: str) -> set[str]:
    """Return the revisions in a version table; empty if there is no such table."""
    from sqlalchemy import inspect, text

    with _reachable(engine) as connection:
        if not inspect(connection).has_table(table):
            return set()
        return set(connection.scalars(text(f"SELECT version_num FROM {table}")))  # noqa: S608


def _run_mlflow_migrations(settings: Settings, revision: str | None) -> None:
    from alembic.script import ScriptDirectory
    from mlflow.exceptions import MlflowException
    from mlflow.store.db import utils

    script = ScriptDirectory.from_config(utils._get_alembic_config(settings.sqlalchemy_url))
    _require_known(script, revision, "MLflow")
    # MLflow's own engine: its migrations expect the driver's way of beginning transactions.
    own = utils.create_sqlalchemy_engine_with_retry(settings.sqlalchemy_url)
    try:
        utils._safe_initialize_tables(own)
        utils._upgrade_db(own)
    except MlflowException as err:
        raise UnavailableError(
            f"MLflow's schema could not be brought up to date: {err.message}",
            hint="restore the database from a backup, then try again",
        ) from err
    finally:
        own.dispose()


def _upgrade_component(engine: Engine, component: Component) -> None:
    assert component.migrations is not None
    # Most starts find it up to date; Alembic costs them a tenth of a second and more.
    if _recorded(engine, version_table(component)) == _heads(component.migrations / "versions"):
        return
    from alembic import command

    config = _config(component)
    script = _script(config)
    with _reachable(engine) as connection:
        revision = _revision(connection, component)
        _require_known(script, revision, f"component {component.name!r}")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()


def _revision(connection: Connection, component: Component) -> str | None:
    from alembic.migration import MigrationContext

    options = {"version_table": version_table(component)}
    return MigrationContext.configure(connection, opts=options).get_current_revision()


def _script(config: Config) -> ScriptDirectory:
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(config)


def _config(component: Component) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(component.migrations).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["version_table"] = version_table(component)
    return config


def _require_known(script: ScriptDirectory, revision: str | None, owner: str) -> None:
    from alembic.util import CommandError

    if revision is None:
        return
    try:
        script.get_revision(revision)
    except CommandError as err:
        raise SchemaUnknownError(
            f"the schema of {owner} is at revision {revision}: expected one up to "
            f"{script.get_current_head()}, found one that this version does not know",
            hint="install the version of the platform that made this database, or restore a "
            "backup from before its upgrade",
        ) from err


@contextmanager
def _reachable(engine: Engine) -> Generator[Connection]:
    with translated(engine):
        connection = engine.connect()
    with connection:
        yield connection


@contextmanager
def alone(settings: Settings, engine: Engine) -> Generator[None]:
    """Hold the migration lock: a file for this machine, the database's for all machines."""
    from sqlalchemy import text

    with (settings.folder("run") / "migrations.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if engine.dialect.name != "postgresql":
            yield
            return
        with _reachable(engine) as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": ADVISORY_LOCK})
            connection.commit()
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": ADVISORY_LOCK})
                connection.commit()
