"""The settings of the platform as such, and what a component's group of settings is.

A component adds a `Group` of its own, in its folder's `settings.py`; code that needs one takes
it with `settings.of(GROUP)`. `infra.configuration` reads them all.

Names that were published before this code existed (`MLOPS_STORAGE_ROOT`, ...) are kept as they
are; all others start with `ACGS_`. The S3 server is named as MLflow and its users name it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass, field, fields, replace
from functools import cached_property
from ipaddress import ip_network
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, TypeVar, runtime_checkable

from infra import addresses, loopback
from infra.confinement.plan import Demand
from infra.setting import DEFINITION, Definition, OneOf, Place, Text, Truth, number, setting, whole


def listed(text: str) -> list[str]:
    """Return the items of a text that separates them by commas."""
    return [item.strip() for item in text.split(",") if item.strip()]


def _host(text: str) -> None:
    if not text or not text.isprintable() or set(text) & set(" /"):
        raise ValueError(text)


def _places(text: str) -> None:
    for place in listed(text):
        addresses.check_place(place)


PLACES = Text("places without a user or password", _places)
"""Kind of settings that name one store, or several separated by commas."""


def _networks(text: str) -> None:
    for proxy in listed(text):
        ip_network(proxy)


class MalformedError(ValueError):
    """A text is no value of a setting; `infra.configuration` says so in a `SettingsError`."""

    def __init__(self, definition: Definition, found: object) -> None:
        super().__init__(f"{definition.name}: expected {definition.kind.expected}")
        self.definition = definition
        self.found = found


class Group(Protocol):
    """Settings that belong together: a frozen dataclass whose fields `setting` makes."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


@runtime_checkable
class NamesPrivatePlaces(Protocol):
    """A group of settings that names places which no model may see."""

    def private_places(self) -> Iterable[Path | str]:
        """Return those folders, files and URIs."""


_Group = TypeVar("_Group", bound=Group)


def definitions(group: type[Group]) -> Mapping[str, Definition]:
    """Return the definition of each setting of a group, by the name of its field."""
    named = ((item.name, item.metadata.get(DEFINITION)) for item in fields(group))
    return {name: found for name, found in named if found is not None}


def _read(group: type[_Group], values: Mapping[str, str], **given: Any) -> _Group:
    known = definitions(group)
    written = {name: values[what.name] for name, what in known.items() if what.name in values}
    return group(**{name: _value(known[name], value) for name, value in (written | given).items()})


def _value(definition: Definition, value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return definition.kind.read(value)
    except ValueError as err:
        raise MalformedError(definition, value) from err


@dataclass(frozen=True)
class Settings:
    """The platform's own settings, through which every component's group is found."""

    storage_root: Path = setting(
        "MLOPS_STORAGE_ROOT",
        Path(".acgs"),
        "Folder that holds all state: database, artifacts, secrets, logs.",
        Place(Path(".acgs")),
    )
    database_url: str = setting(
        "ACGS_DATABASE_URL",
        "",
        "SQLAlchemy URL, with an absolute path for SQLite; empty means SQLite in the storage root.",
        Text("a URL that begins with sqlite://// or postgresql://", addresses.check_database),
        is_secret=True,
    )
    artifact_root: str = setting(
        "ACGS_ARTIFACT_ROOT",
        "",
        "Where the server keeps artifacts; empty means a folder in the storage root.",
        PLACES,
    )
    s3_endpoint: str = setting(
        "MLFLOW_S3_ENDPOINT_URL",
        "",
        "URL of the S3 server, e.g. MinIO's; empty means Amazon's.",
        PLACES,
    )
    host: str = setting(
        "ACGS_HOST",
        "127.0.0.1",
        "Address every server binds.",
        Text("a host name or an address", _host),
    )
    allowed_hosts: str = setting(
        "ACGS_ALLOWED_HOSTS",
        "",
        "Further host names, separated by commas, under which clients may reach the "
        "servers; *.example.org means every name below a domain, * any. Loopback names, "
        "ACGS_HOST and, but for the gateway, the address that a connection came in on always may.",
        Text(),
    )
    allowed_origins: str = setting(
        "ACGS_ALLOWED_ORIGINS",
        "",
        "Origins, separated by commas, whose pages may ask the servers, e.g. "
        "https://app.example.org; * means any. A server's own pages always may.",
        Text(),
    )
    trusted_proxies: str = setting(
        "ACGS_TRUSTED_PROXIES",
        "",
        "Addresses and networks, separated by commas, of proxies whose "
        "X-Forwarded-For and X-Forwarded-Proto count; empty means none.",
        Text("addresses and networks, separated by commas", _networks),
    )
    client_header_seconds: float = setting(
        "ACGS_CLIENT_HEADER_SECONDS",
        10.0,
        "Longest that a client may take to send a request's headers.",
        number(more_than=0, at_most=600),
    )
    client_stall_seconds: float = setting(
        "ACGS_CLIENT_STALL_SECONDS",
        20.0,
        "Time after which a client that sends a body, or reads an answer, more slowly "
        "than ACGS_CLIENT_FLOOR_BYTES_PER_SECOND is dropped.",
        number(more_than=0, at_most=600),
    )
    client_floor_bytes_per_second: int = setting(
        "ACGS_CLIENT_FLOOR_BYTES_PER_SECOND",
        256,
        "Slowest rate, in bytes per second, of a client that is not dropped.",
        whole(at_least=1),
    )
    connection_limit: int = setting(
        "ACGS_CONNECTION_LIMIT",
        4096,
        "Most open connections of each server, as far as the system allows so many "
        "open files; beyond, idle ones are closed for new ones, and where none is idle the new "
        "one is answered 503 (by the gateway: closed).",
        whole(at_least=16, at_most=100_000),
    )
    connection_limit_per_peer: int = setting(
        "ACGS_CONNECTION_LIMIT_PER_PEER",
        1024,
        "Most open connections of one address to the MLflow server and to the scorer; "
        "trusted proxies are exempt.",
        whole(at_least=1),
    )
    confinement: Demand = setting(
        "ACGS_CONFINEMENT",
        Demand.REQUIRED,
        "Whether models run where the machine cannot confine them: required means "
        "no; best-effort means yes, and the audit trail says so.",
        OneOf(Demand),
    )
    share_process: bool = setting(
        "ACGS_SHARE_PROCESS",
        True,
        "Whether the light roles share one process of `acgs up`; false gives each a "
        "process of its own.",
        Truth(),
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = setting(
        "ACGS_LOG_LEVEL",
        "INFO",
        "Level of the roles' logs: DEBUG, INFO, WARNING or ERROR.",
        OneOf(("DEBUG", "INFO", "WARNING", "ERROR"), str.upper),
    )

    _values: Mapping[str, str] = field(
        default_factory=lambda: os.environ, init=False, repr=False, compare=False
    )
    _groups: dict[type[Group], Group] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        """Make the storage root absolute: another process has another working folder."""
        object.__setattr__(self, "storage_root", self.storage_root.expanduser().absolute())

    @classmethod
    def read(cls, values: Mapping[str, str], **given: Any) -> Settings:
        """Read the platform's own settings; components' groups are read from the same values.

        Args:
            values: text by name; names of no setting are passed over.
            **given: values that win, by field name; a text is read, anything else taken as it is.

        Raises:
            MalformedError: a text is no value of its setting.
        """
        settings = _read(cls, values, **given)
        names = {definitions(cls)[name].name: str(value) for name, value in given.items()}
        object.__setattr__(settings, "_values", {**values, **names})
        return settings

    def is_chosen(self, name: str) -> bool:
        """Return whether a setting was given a value, by its name in the environment."""
        return name in self._values

    def of(self, group: type[_Group]) -> _Group:
        """Return a component's group of settings; read once.

        Raises:
            MalformedError: a text is no value of its setting; `load_settings` refuses it before.
        """
        if isinstance(self, group):
            return self
        found = self._groups.get(group)
        if not isinstance(found, group):
            found = self._groups[group] = _read(group, self._values)
        return found

    def having(self, *groups: Group) -> Settings:
        """Return these settings with other groups in place of those that were read."""
        changed = replace(self)
        object.__setattr__(changed, "_values", self._values)
        changed._groups.update(self._groups)
        changed._groups.update({type(group): group for group in groups})
        return changed

    def private_places(self) -> Iterable[Path | str]:
        """Return the storage root, the artifacts and the database, where it is a file."""
        yield from (self.storage_root, self.artifact_root)
        if self.database_url.startswith(addresses.SQLITE):
            yield Path(self.database_url.removeprefix(addresses.SQLITE))

    @cached_property
    def sqlalchemy_url(self) -> str:
        """URL of the database, e.g. `sqlite:////home/me/.acgs/registry.db`."""
        url = self.database_url or f"sqlite:///{self.storage_root / 'registry.db'}"
        if url.startswith("postgresql://"):
            # SQLAlchemy 2.1 would take psycopg 3 here, which is not installed.
            url = "postgresql+psycopg2://" + url.removeprefix("postgresql://")
        return url

    @cached_property
    def artifacts_destination(self) -> str:
        """Folder or URI behind the server's artifact proxy."""
        return self.artifact_root or str(self.storage_root / "artifacts")

    @property
    def hosts_allowed(self) -> list[str]:
        """Every host name that a request may give, lower case."""
        return [*loopback.HOSTS, self.host.lower(), *listed(self.allowed_hosts.lower())]

    @property
    def origins_allowed(self) -> list[str]:
        """Foreign origins whose pages may ask, lower case."""
        return listed(self.allowed_origins.lower())

    @property
    def proxies_trusted(self) -> list[str]:
        """Addresses and networks of the trusted proxies."""
        return listed(self.trusted_proxies)

    def folder(self, name: str) -> Path:
        """Return `<storage root>/<name>`, created if it is missing (mode 0700)."""
        self.storage_root.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.storage_root
        for part in Path(name).parts:
            # One by one: the mode is not for the parents that mkdir makes.
            path /= part
            path.mkdir(mode=0o700, exist_ok=True)
        return path
