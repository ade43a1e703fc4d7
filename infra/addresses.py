"""Checks addresses that may hold a password, and says which part is wrong without showing it.

Drivers read an address in their own way and quote what they cannot read: a password with an `@`
becomes the name of a host that does not exist. So every part is checked before a driver sees it.
SQLAlchemy could parse the database's URL, but costs every process that does not need it 20 MB.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from ipaddress import ip_address
from os.path import expanduser
from types import MappingProxyType
from urllib.parse import parse_qsl, urlsplit

SQLITE = "sqlite:///"
_POSTGRES = ("postgresql://", "postgresql+psycopg2://")
_PARTS = re.compile(
    r"(?:(?P<user>[^:/]*)(?::(?P<password>[^@]*))?@)?"
    r"(?:\[(?P<ipv6>[^/?\]]+)\]|(?P<host>[^/:?]*))"
    r"(?::(?P<port>[^/?]*))?"
    r"(?:/(?P<database>[^?]*))?"
    r"(?:\?(?P<query>.*))?"
)
"""What follows `postgresql://`, in the parts that SQLAlchemy makes of it."""
_LAST_PORT = 65535


class PartError(ValueError):
    """A part of a text is wrong, which is not shown: it may hold a password.

    The message says what is wrong, in words that follow "one of which".
    """


def _is_any(value: str) -> bool:
    return bool(value)


def _is_number(value: str) -> bool:
    return value.isascii() and value.isdecimal() and len(value) < 10


def _is_port(value: str) -> bool:
    return _is_number(value) and 0 < int(value) <= _LAST_PORT


def _one_of(*words: str) -> Callable[[str], bool]:
    return frozenset(words).__contains__


_OPTIONS: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {
        **dict.fromkeys(
            ("user", "password", "host", "hostaddr", "dbname", "passfile", "options"), _is_any
        ),
        **dict.fromkeys(("application_name", "fallback_application_name", "service"), _is_any),
        **dict.fromkeys(("sslcert", "sslkey", "sslpassword", "sslrootcert", "sslcrl"), _is_any),
        **dict.fromkeys(("sslcrldir", "krbsrvname", "requirepeer", "client_encoding"), _is_any),
        **dict.fromkeys(
            (
                "connect_timeout",
                "tcp_user_timeout",
                "keepalives",
                "keepalives_idle",
                "keepalives_interval",
                "keepalives_count",
            ),
            _is_number,
        ),
        "port": _is_port,
        "sslmode": _one_of("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
        "gssencmode": _one_of("disable", "prefer", "require"),
        "channel_binding": _one_of("disable", "prefer", "require"),
        "sslcompression": _one_of("0", "1"),
        "sslsni": _one_of("0", "1"),
        "ssl_min_protocol_version": _one_of("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"),
        "ssl_max_protocol_version": _one_of("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"),
        "target_session_attrs": _one_of(
            "any", "read-write", "read-only", "primary", "standby", "prefer-standby"
        ),
    }
)
"""What PostgreSQL's driver takes after the `?`, and the values of each."""


def check_database(text: str) -> None:
    """Refuse a database's URL that a driver would read otherwise, or not at all.

    Args:
        text: of SQLAlchemy's form; empty means the default.

    Raises:
        PartError: a part is wrong.
        ValueError: it is of no supported database.
    """
    if not text:
        return
    if not text.isprintable():
        raise PartError("a character in it cannot be printed, such as the end of a line")
    if text.startswith(SQLITE):
        _check_sqlite(text.removeprefix(SQLITE))
        return
    for scheme in _POSTGRES:
        if text.startswith(scheme):
            _check_postgres(text.removeprefix(scheme))
            return
    raise ValueError("no supported database")


def check_place(text: str) -> None:
    """Refuse an address of a store that holds a user and a password.

    Such a text is shown in many places: in health, in errors, to clients.

    Raises:
        PartError: it does, or it is no address.
    """
    if "://" not in text:
        if text.startswith("~") and expanduser(text).startswith("~"):
            raise PartError("it begins with the home of nobody who is known")
        return
    try:
        parts = urlsplit(text)
    except ValueError:
        raise PartError("its host is none") from None
    user, at, _ = parts.netloc.rpartition("@")
    # Azure's addresses have the container in front of the @.
    if at and (":" in user or parts.scheme in {"s3", "http", "https"}):
        raise PartError(
            "it has a user or a password, which belong into AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY"
        )


def _check_sqlite(path: str) -> None:
    if not path.startswith("/"):
        raise PartError("its path is relative: write four slashes, as in sqlite:////srv/x.db")
    if "?" in path:
        raise PartError("it has a query, which SQLite takes none of")


def _check_postgres(rest: str) -> None:
    parts = _PARTS.fullmatch(rest)
    if parts is None:
        raise PartError("its host is none; an IPv6 address stands in brackets")
    password, host, port = parts["password"] or "", parts["host"] or "", parts["port"]
    if "?" in password:
        raise PartError("a ? in its password is not written as %3F, or an @ behind it as %40")
    if "@" in host or "@" in (port or ""):
        raise PartError("an @ in its password is not written as %40")
    if "," in f"{host}{port}":
        raise PartError("it names several hosts, of which one is expected")
    if set(host) & set("[]\\ "):
        raise PartError("its host is none; an IPv6 address stands in brackets")
    if parts["ipv6"] is not None:
        _check_ipv6(parts["ipv6"])
    if port and not _is_port(port):
        raise PartError(f"its port is no number from 1 to {_LAST_PORT}")
    _check_query(parts["query"] or "")


def _check_ipv6(text: str) -> None:
    try:
        ip_address(text.partition("%")[0])
    except ValueError:
        raise PartError("what its brackets hold is no IPv6 address") from None


def _check_query(query: str) -> None:
    for name, value in parse_qsl(query, keep_blank_values=True):
        is_valid = _OPTIONS.get(name)
        if is_valid is None:
            raise PartError("its query has an option that PostgreSQL's driver does not know")
        if not is_valid(value):
            raise PartError(f"{name} in its query has a value that PostgreSQL's driver refuses")
