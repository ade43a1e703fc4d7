from __future__ import annotations

import pytest
from sqlalchemy import text

from infra.errors import NotPreparedError
from infra.servers.postgres import Postgres
from infra.stores.db import open_engine, reading


def test_a_postgresql_without_the_tables_is_not_prepared_and_its_password_stays_secret(
    postgres: Postgres,
) -> None:
    engine = open_engine(postgres.new_database())
    with (
        pytest.raises(NotPreparedError, match="no platform was prepared in") as told,
        reading(engine) as connection,
    ):
        connection.execute(text("SELECT * FROM acgs_request"))
    engine.dispose()
    assert "127.0.0.1" in told.value.message
    assert postgres.password not in told.value.message
