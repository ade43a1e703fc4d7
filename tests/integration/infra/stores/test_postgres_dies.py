"""PostgreSQL restarted and killed in the middle of our work: nothing is lost or half done."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException
from sqlalchemy import Engine, func, select, text

from infra.errors import PlatformError, UnavailableError
from infra.servers import postgres
from infra.servers.postgres import Postgres
from infra.settings import Settings
from infra.stores import migrations
from infra.stores.db import DatabaseRefusedError, open_engine, reading, transaction
from infra.stores.health import require_database
from registry.adapters import tables
from registry.plugin.store import GovernedStore
from tests.support.stores import entered
from tests.support.webhooks import Receiver, listening, open_outbox, wait_until

PATIENCE_SECONDS = 30.0


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    """A server that the tests of this file may kill."""
    from contextlib import ExitStack

    with ExitStack() as stack:
        yield entered(stack, postgres.started())


@pytest.fixture(scope="module")
def prepared(server: Postgres, tmp_path_factory: pytest.TempPathFactory) -> str:
    url = server.new_database()
    root = tmp_path_factory.mktemp("prepared")
    migrations.upgrade(Settings(storage_root=root, database_url=url))
    return url


@pytest.fixture
def settings(server: Postgres, prepared: str, tmp_path: Path) -> Settings:
    return Settings(storage_root=tmp_path, database_url=server.new_database(prepared))


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    opened = open_engine(settings.sqlalchemy_url)
    yield opened
    opened.dispose()


INSERT = text(
    "INSERT INTO acgs_webhook (name, url, events, sealed_secret, active, created_ms)"
    " VALUES (:name, 'http://x', '[]', '', true, 0)"
)


def count(engine: Engine) -> int:
    with reading(engine) as connection:
        return int(connection.scalar(text("SELECT count(*) FROM acgs_webhook")))


@pytest.mark.parametrize("end", [Postgres.kill, Postgres.stop], ids=["killed", "stopped"])
def test_a_transaction_under_way_is_undone_and_told_as_worth_another_try(
    server: Postgres, engine: Engine, end: Callable[[Postgres], None]
) -> None:
    with transaction(engine) as connection:
        connection.execute(INSERT, {"name": "before"})

    def meet_the_end() -> None:
        with transaction(engine) as connection:
            connection.execute(INSERT, {"name": "half"})
            end(server)
            connection.execute(INSERT, {"name": "other half"})

    with pytest.raises(UnavailableError) as told:
        meet_the_end()
    assert told.value.retriable
    assert "\n" not in told.value.message
    with pytest.raises(UnavailableError), reading(engine) as connection:
        connection.execute(text("SELECT 1"))
    server.start()
    # The same engine, whose pool is full of dead connections.
    assert count(engine) == 1
    with transaction(engine) as connection:
        connection.execute(INSERT, {"name": "after"})
    assert count(engine) == 2


def wait_for(acknowledged: list[int], goal: int) -> None:
    wait_until(lambda: len(acknowledged) >= goal, f"{goal} versions")


def test_what_was_acknowledged_is_there_after_kills_with_its_event(
    server: Postgres, settings: Settings
) -> None:
    store = GovernedStore(settings)
    acknowledged: list[int] = []
    refused: list[MlflowException] = []
    done = threading.Event()

    def write() -> None:
        while not done.is_set():
            source = settings.storage_root / "files" / str(time.monotonic_ns())
            source.mkdir(parents=True)
            (source / "MLmodel").write_text(f"flavors: {{}}\n# {source.name}\n")
            try:
                acknowledged.append(int(store.create_model_version("plain", str(source)).version))
            except MlflowException as err:
                refused.append(err)
                time.sleep(0.02)

    store.create_registered_model("plain")
    writer = threading.Thread(target=write)
    writer.start()
    try:
        for goal in (5, 10, 15):
            wait_for(acknowledged, goal)
            server.kill()
            server.start()
        wait_for(acknowledged, 20)
    finally:
        done.set()
        writer.join()
    assert len(set(acknowledged)) == len(acknowledged)
    assert {err.error_code for err in refused} <= {"TEMPORARILY_UNAVAILABLE"}
    with reading(store.registry.engine) as connection:
        found = set(connection.scalars(select(tables.version.c.version)))
        events = int(
            connection.scalar(
                select(func.count()).where(tables.event.c.type == "model_version.created")
            )
            or 0
        )
        plain = set(connection.scalars(text("SELECT version FROM model_versions")))
    assert set(acknowledged) <= found
    # Neither half of a version without the other.
    assert found == plain
    assert events == len(found)
    store.registry.engine.dispose()
    store.engine.dispose()


def test_the_outbox_outlives_kills_and_every_event_arrives(
    server: Postgres, settings: Settings, tmp_path: Path
) -> None:
    with listening(Receiver()) as receiver, open_outbox(tmp_path, settings.database_url) as outbox:
        outbox.subscribe("ci", receiver.url)
        uids: list[str] = []
        with outbox.delivering():
            for _ in range(3):
                uids += outbox.publish(5)
                server.kill()
                server.start()
            wait_until(lambda: {*uids} <= {*receiver.event_ids}, "every event")


def test_a_wrong_password_or_database_is_no_outage(server: Postgres, tmp_path: Path) -> None:
    url = server.new_database()
    wrong = url.replace(server.password, "wrong"), url[:-3] + "xyz"
    for database_url in wrong:
        settings = Settings(storage_root=tmp_path, database_url=database_url)
        for act in (require_database, migrations.upgrade):
            with pytest.raises(PlatformError) as told:
                act(settings)
            assert isinstance(told.value, DatabaseRefusedError), told.value
            assert "ACGS_DATABASE_URL" in (told.value.hint or "")
            assert server.password not in str(told.value)


def test_a_value_that_no_column_holds_is_no_raw_sql(engine: Engine) -> None:
    with (
        pytest.raises(PlatformError, match="cannot hold a value") as told,
        transaction(engine) as connection,
    ):
        connection.execute(INSERT, {"name": "n" * 129})
    assert "INSERT" not in str(told.value)


def test_of_two_that_block_each_other_one_is_told_to_try_again(engine: Engine) -> None:
    with transaction(engine) as connection:
        for name in ("a", "b"):
            connection.execute(INSERT, {"name": name})
    barrier = threading.Barrier(2)
    told: list[PlatformError] = []

    def update(first: str, second: str) -> None:
        change = text("UPDATE acgs_webhook SET url = 'http://y' WHERE name = :name")
        try:
            with transaction(engine) as connection:
                connection.execute(change, {"name": first})
                barrier.wait(PATIENCE_SECONDS)
                connection.execute(change, {"name": second})
        except PlatformError as err:
            told.append(err)

    threads = [threading.Thread(target=update, args=pair) for pair in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [err.code for err in told] == ["infra.conflict"]
    assert told[0].retriable
