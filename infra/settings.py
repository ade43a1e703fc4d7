"""Every setting of the platform, typed; `infra.configuration` reads them.

Names that were published before this code existed (`MLOPS_STORAGE_ROOT`, ...) are kept as they
are; all others start with `ACGS_`. The S3 server is named as MLflow and its users name it.
"""

from __future__ import annotations

from functools import cached_property
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from infra import loopback
from infra.confinement.plan import Demand


class Settings(BaseSettings):
    """One process's view of its configuration."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, populate_by_name=True)

    storage_root: Path = Field(
        Path(".acgs"),
        validation_alias="MLOPS_STORAGE_ROOT",
        description="Folder that holds all state: database, artifacts, secrets, logs.",
    )
    constitutional_hash: str = Field(
        "cdd01ef066bc6cf2",
        validation_alias="CONSTITUTIONAL_HASH",
        description="Identifier of the constitution in force; compared, never computed.",
    )
    compliance_target: float = Field(
        0.95,
        ge=0,
        le=1,
        validation_alias="CONSTITUTIONAL_COMPLIANCE_TARGET",
        description="Lowest score for Production; may raise the constitution's, never lower it.",
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
    artifact_roots: str = Field(
        "",
        validation_alias="ACGS_ARTIFACT_ROOTS",
        description="Further places, separated by commas, in which the server lets versions of "
        "governed names be registered: folders or s3://bucket/prefix.",
    )
    s3_endpoint: str = Field(
        "",
        validation_alias="MLFLOW_S3_ENDPOINT_URL",
        description="URL of the S3 server, e.g. MinIO's; empty means Amazon's.",
    )
    artifact_replica: str = Field(
        "",
        validation_alias="ACGS_ARTIFACT_REPLICA",
        description="Second place for the files of registered versions: a folder or "
        "s3://bucket/prefix; empty means none.",
    )
    artifact_retention_days: int = Field(
        90,
        ge=1,
        validation_alias="ACGS_ARTIFACT_RETENTION_DAYS",
        description="How long the files of a version that nothing needs are kept.",
    )
    artifact_scrub_days: float = Field(
        7.0,
        gt=0,
        validation_alias="ACGS_ARTIFACT_SCRUB_DAYS",
        description="How often the background role hashes each version's files again.",
    )
    artifact_scrub_mb_per_second: float = Field(
        20.0,
        gt=0,
        validation_alias="ACGS_ARTIFACT_SCRUB_MB_PER_SECOND",
        description="How fast the background role reads while it hashes, in MB/s.",
    )
    host: str = Field(
        "127.0.0.1",
        validation_alias="ACGS_HOST",
        description="Address every server binds.",
    )
    registry_port: int = Field(
        5000,
        ge=1,
        le=65535,
        validation_alias="ACGS_REGISTRY_PORT",
        description="Port of the MLflow server.",
    )
    gateway_port: int = Field(
        9000,
        ge=1,
        le=65535,
        validation_alias="ACGS_GATEWAY_PORT",
        description="Port of the inference gateway (Envoy).",
    )
    gateway_admin_port: int = Field(
        9001,
        ge=1,
        le=65535,
        validation_alias="ACGS_GATEWAY_ADMIN_PORT",
        description="Port for reading Envoy's numbers and readiness, always on 127.0.0.1.",
    )
    compliance_port: int = Field(
        9002,
        ge=1,
        le=65535,
        validation_alias="ACGS_COMPLIANCE_PORT",
        description="Port of the compliance scorer's webhook receiver.",
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
    registry_body_limit_bytes: int = Field(
        16 << 20,
        ge=1 << 20,
        validation_alias="ACGS_REGISTRY_BODY_LIMIT_BYTES",
        description="Largest request body of the MLflow server, but for files: those are "
        "streamed, and may be of any size.",
    )
    webhook_body_limit_bytes: int = Field(
        1 << 20,
        ge=1 << 10,
        validation_alias="ACGS_WEBHOOK_BODY_LIMIT_BYTES",
        description="Largest request body of the compliance scorer.",
    )
    gateway_body_limit_bytes: int = Field(
        32 << 20,
        ge=1 << 10,
        le=(1 << 32) - 1,
        validation_alias="ACGS_GATEWAY_BODY_LIMIT_BYTES",
        description="Largest request body of the gateway, compressed or not; the model servers "
        "take 33554432 bytes at most.",
    )
    gateway_requests_per_second: int = Field(
        10_000,
        ge=1,
        le=1_000_000,
        validation_alias="ACGS_GATEWAY_REQUESTS_PER_SECOND",
        description="Most requests that the gateway takes of one client address, in requests per "
        "second; the others are answered 429.",
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
    gate_wait_seconds: float = Field(
        30.0,
        ge=0,
        le=110,
        validation_alias="ACGS_GATE_WAIT_SECONDS",
        description="How long a transition call waits for a machine's verdict before it "
        "answers 'pending'. MLflow clients give up at 120.",
    )
    confinement: Demand = Field(
        Demand.REQUIRED,
        validation_alias="ACGS_CONFINEMENT",
        description="Whether models run where the machine cannot confine them: required means "
        "no; best-effort means yes, and the audit trail says so.",
    )
    model_memory_bytes: int = Field(
        6_000_000_000,
        ge=1_000_000_000,
        validation_alias="ACGS_MODEL_MEMORY_BYTES",
        description="Most memory, as address space, that one model may use while it is scored, "
        "and each of its servers.",
    )
    constitution: Path | None = Field(
        None,
        validation_alias="ACGS_CONSTITUTION",
        description="The constitution (YAML); empty means the one in the storage root, "
        "else the one shipped with the platform.",
    )
    evidence: Path | None = Field(
        None,
        validation_alias="ACGS_EVIDENCE",
        description="The evidence catalogue (YAML); empty means the one in the storage root.",
    )
    serving_python: Path | None = Field(
        None,
        validation_alias="ACGS_SERVING_PYTHON",
        description="Interpreter of the model servers' own environment; "
        "empty means .venv-serving beside the platform's, else the one that `acgs setup` makes.",
    )
    git_repository: Path | None = Field(
        None,
        validation_alias="ACGS_GIT_REPOSITORY",
        description="Git repository, bare or not, that gets a tag for every version and every "
        "change of stage; empty means none.",
    )
    git_remote: str = Field(
        "",
        validation_alias="ACGS_GIT_REMOTE",
        description="Name or URL of the remote that the tags are pushed to; empty means none.",
    )
    git_sign: Literal["auto", "always", "never"] = Field(
        "auto",
        validation_alias="ACGS_GIT_SIGN",
        description="Whether the tags are signed; auto does as git's own tag.gpgSign says.",
    )
    git_signing_key: str = Field(
        "",
        validation_alias="ACGS_GIT_SIGNING_KEY",
        description="Path of an SSH key, or id of an OpenPGP key, for the tags; "
        "empty means git's own user.signingKey.",
    )
    git_email: str = Field(
        "acgs@localhost",
        validation_alias="ACGS_GIT_EMAIL",
        description="E-mail address in the tags; their name is who acted.",
    )
    git_timeout_seconds: float = Field(
        60.0,
        gt=0,
        le=3600,
        validation_alias="ACGS_GIT_TIMEOUT_SECONDS",
        description="Longest that one git command may take, a push among them.",
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
        for proxy in _listed(value):
            ip_network(proxy)
        return value

    @cached_property
    def sqlalchemy_url(self) -> str:
        """URL of the database, e.g. `sqlite:////home/me/.acgs/registry.db`."""
        url = self.database_url or f"sqlite:///{self.storage_root / 'registry.db'}"
        if url.startswith("postgresql://"):
            # SQLAlchemy 2.1 would take psycopg 3 here, which is not installed.
            url = "postgresql+psycopg2://" + url.removeprefix("postgresql://")
        return url

    @cached_property
    def registry_uri(self) -> str:
        """The same database under the governed store's own scheme."""
        url = self.sqlalchemy_url
        if url.startswith("postgresql+psycopg2://"):
            return "acgs+postgresql://" + url.removeprefix("postgresql+psycopg2://")
        return f"acgs+{url}"

    @cached_property
    def artifacts_destination(self) -> str:
        """Folder or URI behind the server's artifact proxy."""
        return self.artifact_root or str(self.storage_root / "artifacts")

    @property
    def further_artifact_roots(self) -> list[str]:
        """Places besides the server's own artifacts from which versions may be registered."""
        return _listed(self.artifact_roots)

    @property
    def hosts_allowed(self) -> list[str]:
        """Every host name that a request may give, lower case."""
        return [*loopback.HOSTS, self.host.lower(), *_listed(self.allowed_hosts.lower())]

    @property
    def origins_allowed(self) -> list[str]:
        """Foreign origins whose pages may ask, lower case."""
        return _listed(self.allowed_origins.lower())

    @property
    def proxies_trusted(self) -> list[str]:
        """Addresses and networks of the trusted proxies."""
        return _listed(self.trusted_proxies)

    @property
    def tracking_url(self) -> str:
        """URL of the MLflow server."""
        return f"http://{self.host}:{self.registry_port}"

    @property
    def gateway_url(self) -> str:
        """URL of the inference gateway."""
        return f"http://{self.host}:{self.gateway_port}"

    @property
    def compliance_url(self) -> str:
        """URL of the compliance scorer's webhook receiver."""
        return f"http://{self.host}:{self.compliance_port}"

    def folder(self, name: str) -> Path:
        """Return `<storage root>/<name>`, created if it is missing (mode 0700)."""
        self.storage_root.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.storage_root
        for part in Path(name).parts:
            # One by one: the mode is not for the parents that mkdir makes.
            path /= part
            path.mkdir(mode=0o700, exist_ok=True)
        return path


def _listed(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]
