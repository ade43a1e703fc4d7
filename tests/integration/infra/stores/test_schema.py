"""Every component's schema, on both databases: up, down, up again, and drift that is found."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import create_engine, inspect, text

from infra.component import Component, components
from infra.console.schema_cli import schema
from infra.errors import UsageError
from infra.settings import Settings
from infra.stores import migrations
from infra.stores.schema import SchemaDriftError, require_no_drift
from tests.support.stores import Databases, Kind

OWN = [component for component in components() if component.migrations is not None]
KINDS = pytest.mark.parametrize("kind", list(Kind))


def settings_of(url: str, root: Path) -> Settings:
    return Settings(storage_root=root, database_url=url)


def own_tables(settings: Settings) -> set[str]:
    engine = create_engine(settings.sqlalchemy_url)
    try:
        return {name for name in inspect(engine).get_table_names() if name.startswith("acgs_")}
    finally:
        engine.dispose()


def run_sql(settings: Settings, statement: str) -> None:
    engine = create_engine(settings.sqlalchemy_url)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


@KINDS
def test_what_the_migrations_make_is_what_the_code_expects(
    kind: Kind, databases: Databases, tmp_path: Path
) -> None:
    settings = settings_of(databases.new(kind), tmp_path)
    assert migrations.differences(settings) == {}
    assert require_no_drift(settings) == "as this version expects"


@KINDS
@pytest.mark.parametrize("component", OWN, ids=[component.name for component in OWN])
def test_each_schema_goes_down_to_every_revision_and_up_from_it(
    kind: Kind, component: Component, databases: Databases, tmp_path: Path
) -> None:
    settings = settings_of(databases.new(kind), tmp_path)
    tables = own_tables(settings)
    steps = migrations.revisions(component)
    for revision in (*reversed(steps[:-1]), "base"):
        migrations.downgrade(settings, component, revision)
        expected = None if revision == "base" else revision
        assert migrations.current(settings, [component]) == {component.name: expected}
        assert migrations.differences(settings, [component])
        migrations.upgrade(settings, [component])
        assert migrations.current(settings, [component]) == {component.name: steps[-1]}
        assert migrations.differences(settings, [component]) == {}
        assert own_tables(settings) == tables


@KINDS
def test_taken_all_the_way_back_nothing_of_ours_is_left(
    kind: Kind, databases: Databases, tmp_path: Path
) -> None:
    settings = settings_of(databases.new(kind), tmp_path)
    for component in reversed(OWN):
        migrations.downgrade(settings, component, "base")
    assert own_tables(settings) <= {migrations.version_table(component) for component in OWN}


@KINDS
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("ALTER TABLE acgs_version ADD COLUMN mine INTEGER", "column acgs_version.mine is unknown"),
        ("DROP TABLE acgs_approval", "table acgs_approval is missing"),
        ("DROP INDEX acgs_request_one_open", "index acgs_request_one_open is missing"),
    ],
)
def test_a_schema_changed_by_hand_is_found_and_named(
    kind: Kind, change: str, told: str, databases: Databases, tmp_path: Path
) -> None:
    settings = settings_of(databases.new(kind), tmp_path)
    run_sql(settings, change)
    with pytest.raises(SchemaDriftError, match=f"registry: {told}"):
        require_no_drift(settings)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        (Kind.SQLITE, "DROP TRIGGER acgs_event_no_update"),
        (Kind.POSTGRES, "ALTER TABLE acgs_event DISABLE TRIGGER acgs_event_guard"),
        (Kind.POSTGRES, "DROP TRIGGER acgs_event_guard ON acgs_event"),
        (Kind.POSTGRES, "DROP TRIGGER acgs_event_no_truncate ON acgs_event"),
    ],
)
def test_an_audit_trail_without_its_guard_is_drift(
    kind: Kind, change: str, databases: Databases, tmp_path: Path
) -> None:
    settings = settings_of(databases.new(kind), tmp_path)
    run_sql(settings, change)
    with pytest.raises(SchemaDriftError, match=r"trigger acgs_event_.* is missing"):
        require_no_drift(settings)


def test_a_narrower_column_is_drift(databases: Databases, tmp_path: Path) -> None:
    settings = settings_of(databases.new(Kind.POSTGRES), tmp_path)
    run_sql(settings, "ALTER TABLE acgs_webhook ALTER COLUMN name TYPE varchar(9)")
    with pytest.raises(SchemaDriftError, match=r"acgs_webhook.name is VARCHAR\(9\), expected"):
        require_no_drift(settings)


def test_an_older_mlflow_schema_is_drift(databases: Databases, tmp_path: Path) -> None:
    settings = settings_of(databases.new(Kind.SQLITE), tmp_path)
    run_sql(settings, "UPDATE alembic_version SET version_num = 'older'")
    with pytest.raises(SchemaDriftError, match="mlflow: revision is older, expected"):
        require_no_drift(settings)


def test_a_revision_that_is_not_there_is_named(databases: Databases, tmp_path: Path) -> None:
    settings = settings_of(databases.new(Kind.SQLITE), tmp_path)
    with pytest.raises(UsageError, match="expected an earlier revision, found nowhere"):
        migrations.downgrade(settings, OWN[0], "nowhere")


def test_the_command_line_shows_checks_and_takes_back(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLOPS_STORAGE_ROOT", str(tmp_path))
    monkeypatch.setenv("ACGS_DATABASE_URL", databases.new(Kind.SQLITE))
    runner = CliRunner()

    def said(*arguments: str, status: int = 0) -> str:
        done = runner.invoke(schema, arguments)
        assert done.exit_code == status, done.output
        return str(done.output)

    assert "registry" in said("status")
    assert said("check") == "as this version expects\n"
    assert said("downgrade", "compliance", "base", "--dry-run").startswith("would take compliance")
    assert said("check", "--json", status=0)
    assert said("downgrade", "compliance", "base").startswith("took compliance from")
    assert "revision is None" in said("check", "--json", status=3)
