"""The settings of the platform as such, and what a component's group of settings is.

A component adds a `Group` of its own, in its folder's `settings.py`; code that needs one takes
it with `settings.of(GROUP)`. `infra.configuration` reads them all.

Names that were published before this code existed (`MLOPS_STORAGE_ROOT`, ...) are kept as they
are; all others start with `ACGS_`. The S3 server is named as MLflow and its users name it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field, PrivateAttr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from infra import loopback
from infra.confinement.plan import Demand

_SQLITE = "sqlite:///"


class Group(BaseSettings):
    """Settings that belong together; each is named in the environment by its `validation_alias`."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, populate_by_name=True)

    def private_places(self) -> Iterable[Path | str]:
        """Return the folders, files and URIs named here that no model may see."""
        return ()


_Group = TypeVar("_Group", bound=Group)


class Settings(Group):
    """The platform's own settings, through which every component's group is found."""

    _file: Path | None = PrivateAttr(None)
    _groups: dict[type[Group], Group] = PrivateAttr(default_factory=dict)

    storage_root: Path = Field(
        Path(".acgs"),
        validation_alias="MLOPS_STORAGE_ROOT",
        description="Folder that holds all state: database, artifacts, secrets, logs.",
    )
    database_url: str = Field(
        "",
        validation_alias="ACGS_DATABASE_URL",
        description="SQLAlchemy URL; empty means SQLite in the storage root.",
    )
    artifact_root: str = Field(
        "",
        validation_alias="ACGS_ARTIFACT_ROOT",
        description="Where the server keeps artifacts; empty means a folder in the storage root.",
    )
    s3_endpoint: str = Field(
        "",
        validation_alias="MLFLOW_S3_ENDPOINT_URL",
        description="URL of the S3 server, e.g. MinIO's; empty means Amazon's.",
    )
    host: str = Field(
        "127.0.0.1",
        validation_alias="ACGS_HOST",
        description="Address every server binds.",
    )
    allowed_hosts: str = Field(
        "",
        validation_alias="ACGS_ALLOWED_HOSTS",
        description="Further host names, separated by commas, under which clients may reach the "
        "servers; *.example.org means every name below a domain, * any. Loopback names, "
        "ACGS_HOST and, but for the gateway, the address that a connection came in on always may.",
    )
    allowed_origins: str = Field(
        "",
        validation_alias="ACGS_ALLOWED_ORIGINS",
        description="Origins, separated by commas, whose pages may ask the servers, e.g. "
        "https://app.example.org; * means any. A server's own pages always may.",
    )
    trusted_proxies: str = Field(
        "",
        validation_alias="ACGS_TRUSTED_PROXIES",
        json_schema_extra={"expected": "addresses and networks, separated by commas"},
        description="Addresses and networks, separated by commas, of proxies whose "
        "X-Forwarded-For and X-Forwarded-Proto count; empty means none.",
    )
    client_header_seconds: float = Field(
        10.0,
        gt=0,
        le=600,
        validation_alias="ACGS_CLIENT_HEADER_SECONDS",
        description="Longest that a client may take to send a request's headers.",
    )
    client_stall_seconds: float = Field(
        20.0,
        gt=0,
        le=600,
        validation_alias="ACGS_CLIENT_STALL_SECONDS",
        description="Time after which a client that sends a body, or reads an answer, more slowly "
        "than ACGS_CLIENT_FLOOR_BYTES_PER_SECOND is dropped.",
    )
    client_floor_bytes_per_second: int = Field(
        256,
        ge=1,
        validation_alias="ACGS_CLIENT_FLOOR_BYTES_PER_SECOND",
        description="Slowest rate, in bytes per second, of a client that is not dropped.",
    )
    connection_limit: int = Field(
        4096,
        ge=16,
        le=100_000,
        validation_alias="ACGS_CONNECTION_LIMIT",
        description="Most open connections of each server, as far as the system allows so many "
        "open files; beyond, idle ones are closed for new ones, and where none is idle the new "
        "one is answered 503 (by the gateway: closed).",
    )
    connection_limit_per_peer: int = Field(
        1024,
        ge=1,
        validation_alias="ACGS_CONNECTION_LIMIT_PER_PEER",
        description="Most open connections of one address to the MLflow server and to the scorer; "
        "trusted proxies are exempt.",
    )
    confinement: Demand = Field(
        Demand.REQUIRED,
        validation_alias="ACGS_CONFINEMENT",
        description="Whether models run where the machine cannot confine them: required means "
        "no; best-effort means yes, and the audit trail says so.",
    )
    share_process: bool = Field(
        True,
        validation_alias="ACGS_SHARE_PROCESS",
        description="Whether the light roles share one process of `acgs up`; false gives each a "
        "process of its own.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO",
        validation_alias="ACGS_LOG_LEVEL",
        description="Level of the roles' logs: DEBUG, INFO, WARNING or ERROR.",
    )

    @field_validator("storage_root")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("log_level", mode="before")
    @classmethod
    def _capitals(cls, value: Any) -> Any:
        return value.upper() if isinstance(value, str) else value

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: str) -> str:
        for proxy in listed(value):
            ip_network(proxy)
        return value

    @classmethod
    def read(cls, file: Path | None, **given: Any) -> Settings:
        """Read the settings from the environment and a file; groups are read likewise.

        Args:
            file: of `NAME=value` lines; None reads the environment alone.
            **given: values that win over both, by field name.

        Raises:
            ValidationError: a value is malformed.
        """
        settings = cls(_env_file=file, **given)
        settings._file = file
        return settings

    def of(self, group: type[_Group]) -> _Group:
        """Return a component's group of settings; read once.

        Raises:
            ValidationError: a value is malformed. `load_settings` has refused it before.
        """
        if isinstance(self, group):
            return self
        found = self._groups.get(group)
        if not isinstance(found, group):
            found = self._groups[group] = group(_env_file=self._file)
        return found

    def having(self, *groups: Group) -> Settings:
        """Return these settings with other groups in place of those that were read."""
        changed = self.model_copy()
        changed._groups = self._groups | {type(group): group for group in groups}
        return changed

    def private_places(self) -> Iterable[Path | str]:
        """Return the storage root, the artifacts and the database, where it is a file."""
        yield from (self.storage_root, self.artifact_root)
        if self.database_url.startswith(_SQLITE):
            yield Path(self.database_url.removeprefix(_SQLITE))

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


def listed(text: str) -> list[str]:
    """Return the items of a text that separates them by commas."""
    return [item.strip() for item in text.split(",") if item.strip()]
