"""Schemas brought up to date: MLflow's own first, then each component's Alembic history.

Every component's history has a version table of its own, `acgs_<component>_revision`, so that
MLflow's and each other's histories never meet.
"""

from __future__ import annotations

import fcntl
import re
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from infra.component import Component, components
from infra.db import open_engine, translated
from infra.errors import PlatformError, UnavailableError

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection, Engine

    from infra.settings import Settings

ADVISORY_LOCK = 0x61636773
"""Number of the PostgreSQL advisory lock; the letters `acgs`."""

_REVISION = re.compile(r"""^revision(?::.*)? = ["'](\w+)["']""", re.MULTILINE)
_DOWN_REVISION = re.compile(r"""^down_revision(?::.*)? = ["'](\w+)["']""", re.MULTILINE)


class SchemaUnknownError(PlatformError):
    """The database has a revision that this version of the platform does not know."""

    code = "infra.schema_unknown"


def upgrade(settings: Settings, of: Iterable[Component] | None = None) -> None:
    """Bring the database up to date; does nothing to one that is.

    Processes that come at the same time wait for each other.

    Raises:
        SchemaUnknownError: a newer version of the platform or of MLflow made the database.
        UnavailableError: the database cannot be reached or written.
    """
    engine = open_engine(settings.sqlalchemy_url, make=True)
    try:
        with translated(engine), _alone(settings, engine):
            _upgrade_mlflow(settings, engine)
            for component in components() if of is None else tuple(of):
                if component.migrations is not None:
                    _upgrade_component(engine, component)
    finally:
        engine.dispose()


def current(settings: Settings, of: Iterable[Component] | None = None) -> dict[str, str | None]:
    """Revision of each component's schema in the database; None where there is none yet."""
    from alembic.migration import MigrationContext

    engine = open_engine(settings.sqlalchemy_url)
    found: dict[str, str | None] = {}
    try:
        with _reachable(engine) as connection:
            for component in components() if of is None else tuple(of):
                if component.migrations is not None:
                    options = {"version_table": version_table(component)}
                    context = MigrationContext.configure(connection, opts=options)
                    found[component.name] = context.get_current_revision()
    finally:
        engine.dispose()
    return found


def version_table(component: Component) -> str:
    """Name of the table that holds a component's revision."""
    return f"acgs_{component.name}_revision"


def _upgrade_mlflow(settings: Settings, engine: Engine) -> None:
    from alembic.migration import MigrationContext

    with _reachable(engine) as connection:
        revision = MigrationContext.configure(connection).get_current_revision()
    # Importing MLflow costs seconds, and nearly every start finds its schema up to date.
    if revision is None or mlflow_heads() != {revision}:
        _run_mlflow_migrations(settings, revision)


def mlflow_heads() -> set[str]:
    """Newest revisions of the installed MLflow's schema, read without importing MLflow."""
    spec = find_spec("mlflow")
    if spec is None or spec.origin is None:
        return set()
    folder = Path(spec.origin).parent / "store" / "db_migrations" / "versions"
    text = "\n".join(path.read_text() for path in folder.glob("*.py"))
    return set(_REVISION.findall(text)) - set(_DOWN_REVISION.findall(text))


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
    from alembic import command
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    config = _config(component)
    script = ScriptDirectory.from_config(config)
    with _reachable(engine) as connection:
        options = {"version_table": version_table(component)}
        revision = MigrationContext.configure(connection, opts=options).get_current_revision()
        _require_known(script, revision, f"component {component.name!r}")
        if revision == script.get_current_head():
            return
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()


def _config(component: Component) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(component.migrations).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["version_table"] = version_table(component)
    return config


def _require_known(script: object, revision: str | None, owner: str) -> None:
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    assert isinstance(script, ScriptDirectory)
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
def _alone(settings: Settings, engine: Engine) -> Generator[None]:
    """Hold the right to migrate: on this machine by a file, beyond it by the database."""
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
