"""MLflow's users in the platform's own database, on several servers at once."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.support.platform import write_constitution
from tests.support.replicas import replicas
from tests.support.stores import Databases, Kind

PASSWORD = "correct horse battery"
SEARCH = "/api/2.0/mlflow/experiments/search?max_results=1"


def test_a_user_of_one_server_is_a_user_of_all(databases: Databases, tmp_path: Path) -> None:
    write_constitution(tmp_path)
    given = {
        "ACGS_DATABASE_URL": databases.new(Kind.POSTGRES),
        "ACGS_IDENTITY": "basic-auth,service-token",
    }
    with replicas(tmp_path, 2, **given) as [first, second]:
        admin = "admin", (tmp_path / "secrets" / "mlflow-admin.password").read_text()
        body = {"username": "alice", "password": PASSWORD}
        made = httpx.post(
            f"{first}/api/2.0/mlflow/users/create", auth=admin, json=body, trust_env=False
        )
        assert made.status_code == 200, made.text

        for url in (first, second):
            assert httpx.get(url + SEARCH, auth=("alice", PASSWORD), trust_env=False).is_success
        gone = httpx.request(
            "DELETE",
            f"{second}/api/2.0/mlflow/users/delete",
            auth=admin,
            json={"username": "alice"},
            trust_env=False,
        )
        assert gone.status_code == 200, gone.text
        answer = httpx.get(first + SEARCH, auth=("alice", PASSWORD), trust_env=False)
        assert answer.status_code == 401, "deleted on one, out on all"
    assert not (tmp_path / "users.db").exists()
