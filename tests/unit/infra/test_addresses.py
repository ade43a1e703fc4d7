"""Addresses that may hold a password: what is wrong is named, and never shown."""

from __future__ import annotations

import pytest
from sqlalchemy import make_url

from infra.addresses import PartError, check_database, check_place

RIGHT = [
    "",
    "sqlite:////srv/registry.db",
    "sqlite:////srv/a b.db",
    "postgresql://db/x",
    "postgresql+psycopg2://db/x",
    "postgresql://u:secret@db:5432/x",
    "postgresql://u:s%40cret@db/x",
    "postgresql://u:se/cret@db/x",
    "postgresql://u:se:cret@db/x",
    "postgresql://u:@db/x",
    "postgresql://u@db",
    "postgresql://u:secret@[::1]:5432/x",
    "postgresql://u:secret@[fe80::1%eth0]/x",
    "postgresql://u:secret@/x",
    "postgresql:///x?host=/var/run/postgresql&user=u&password=secret",
    "postgresql://db/x?sslmode=verify-full&sslrootcert=/etc/ca.pem&connect_timeout=3",
    "postgresql://db/x?target_session_attrs=read-write&application_name=acgs",
]
WRONG = {
    "postgresql://u:p@secret@127.0.0.1:1/d": "an @ in its password",
    "postgresql://u:p@se@cret@h/d": "an @ in its password",
    "postgresql://u:p@h:secret@x/d": "an @ in its password",
    "postgresql://u:sec?ret@h/d": r"a \? in its password",
    "postgresql://127.0.0.1:1/d?user=u&password=sec@ret": r"a \? in its password",
    "postgresql://u:secret@[::1/d": "its host is none",
    "postgresql://u:secret@::1/d": "its port is no number",
    "postgresql://u:secret@[::1]x/d": "its host is none",
    "postgresql://u:secret@[x]/d": "no IPv6 address",
    "postgresql://u:secret@h[/d": "its host is none",
    "postgresql://u:secret@a b/d": "its host is none",
    "postgresql://u:secret@127.0.0.1:1,127.0.0.1:2/d": "several hosts",
    "postgresql://u:secret@a,b/d": "several hosts",
    "postgresql://u:secret@h:port/d": "its port is no number",
    "postgresql://u:secret@h:0/d": "its port is no number",
    "postgresql://u:secret@h:999999/d": "its port is no number",
    "postgresql://u:secret@h:\u0663/d": "its port is no number",
    "postgresql://u:p@h/d?secret=1": "an option that PostgreSQL's driver does not know",
    "postgresql://u:p@h/d?secret": "an option that PostgreSQL's driver does not know",
    "postgresql://u:p@h/d?sslmode=secret": "sslmode in its query has a value",
    "postgresql://u:p@h/d?connect_timeout=secret": "connect_timeout in its query",
    "postgresql://u:p@h/d?port=secret": "port in its query",
    "postgresql://u:secret@h/d\n": "cannot be printed",
    "postgresql://u:sec\0ret@h/d": "cannot be printed",
    "sqlite:///secret.db": "its path is relative",
    "sqlite:///./secret.db": "its path is relative",
    "sqlite:///:memory:": "its path is relative",
    "sqlite:///": "its path is relative",
    "sqlite:////srv/x.db?secret=1": "a query",
    "mysql://u:secret@h/d": "",
    "secret": "",
    "postgresql:secret": "",
}


@pytest.mark.parametrize("url", RIGHT)
def test_an_url_that_a_driver_reads_is_taken(url: str) -> None:
    check_database(url)


@pytest.mark.parametrize("url", WRONG)
def test_what_is_wrong_is_named_and_not_shown(url: str) -> None:
    with pytest.raises(ValueError, match=WRONG[url] or None) as told:
        check_database(url)
    assert WRONG[url] == "" or isinstance(told.value, PartError)
    assert "secret" not in str(told.value)


@pytest.mark.parametrize("url", [url for url in RIGHT if url.startswith("postgresql")])
def test_what_is_taken_means_the_same_to_sqlalchemy(url: str) -> None:
    parsed = make_url(url)
    assert "@" not in (parsed.host or "")
    assert parsed.get_backend_name() == "postgresql"


@pytest.mark.parametrize(
    "place",
    ["", "/srv/a@b:c", "s3://bucket/x", "s3://bucket/a@b:c", "http://127.0.0.1:9000",
     "https://s3.example.org/x", "abfss://container@account.dfs.core.windows.net/x"],
)  # fmt: skip
def test_a_place_without_a_password_is_taken(place: str) -> None:
    check_place(place)


@pytest.mark.parametrize(
    "place",
    ["s3://u:secret@bucket/x", "s3://secret@bucket", "https://u:secret@host/x",
     "http://secret@127.0.0.1:9000", "abfss://u:secret@account/x", "http://[secret", "~secret/x"],
)  # fmt: skip
def test_a_place_with_a_password_is_refused(place: str) -> None:
    with pytest.raises(PartError) as told:
        check_place(place)
    assert "secret" not in str(told.value)
