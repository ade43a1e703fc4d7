"""A platform on which one person tries to promote their own model, guarded or open."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import httpx

from infra.console import cli
from registry.audit.merkle.adapters import keys
from registry.audit.merkle.domain.note import KeyKind
from registry.audit.merkle.settings import log_folder
from tests.support import credit, platform, roles
from tests.support.credit import Registered
from tests.support.issuer import AUDIENCE, Issuer, published

MLFLOW = "/api/2.0/mlflow/"
OPERATIONS = "/acgs/api/v1/operations/"
AUTHOR, OTHER_AUTHOR, EVERYTHING = "mallory", "oscar", "olga"
APPROVERS = ("alice", "bob")
WAIT_SECONDS = 60

ROLES = roles.document(
    {"role": "author", "to": [f"person:{AUTHOR}", f"person:{OTHER_AUTHOR}"]},
    {"role": "approver", "to": [f"person:{name}" for name in APPROVERS]},
    {"role": "all", "to": ["person:admin", f"person:{EVERYTHING}"]},
    author=["read", "register", "describe", "ask"],
    approver=["read", "approve"],
)


@dataclass(frozen=True)
class Said:
    """What a command printed."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Site:
    """A platform where two people must approve Production.

    Attributes:
        issuer: proves who people are; None on an open platform, where names are claims.
    """

    platform: platform.Platform
    issuer: Issuer | None

    @property
    def is_open(self) -> bool:
        return self.issuer is None

    @property
    def root(self) -> Path:
        return self.platform.root

    def credential(self, name: str) -> str:
        """Return the value of `Authorization` that a person has."""
        if self.issuer is None:
            return httpx.BasicAuth(name, "")._auth_header
        return f"Bearer {self.issuer.token(sub=name)}"

    def ask(
        self, path: str, body: Mapping[str, Any], who: str | None = None, **more: Any
    ) -> httpx.Response:
        headers = {} if who is None else {"Authorization": self.credential(who)}
        return httpx.request(
            more.pop("method", "POST"),
            self.platform.url + path,
            json=dict(body),
            headers={**headers, **more.pop("headers", {})},
            trust_env=False,
            timeout=150,
            **more,
        )

    def command(self, who: str, *words: str, **claimed: str) -> Said:
        """Run a command with a person's credential, and whatever they claim to be besides."""
        out, err = io.StringIO(), io.StringIO()
        environment = {**self.platform.environment, **self._variables(who), **claimed}
        with (
            mock.patch.dict(os.environ, environment, clear=True),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            status = cli.invoke(list(words))
        return Said(status, out.getvalue(), err.getvalue())

    def _variables(self, who: str) -> dict[str, str]:
        # On an open platform the operating system's user is the name.
        if self.issuer is None:
            return {"LOGNAME": who}
        return {"MLFLOW_TRACKING_TOKEN": self.issuer.token(sub=who)}

    def register(self, who: str = AUTHOR, prefix: str = "credit", **more: Any) -> Registered:
        name = credit.unique(prefix)
        variables = {"MLFLOW_TRACKING_USERNAME": who, "MLFLOW_TRACKING_PASSWORD": "x"}
        with mock.patch.dict(os.environ, variables if self.is_open else self._variables(who)):
            return credit.register(self.platform, name, **more)

    def ask_for(
        self, version: Registered, stage: str = "Production", who: str | None = AUTHOR
    ) -> httpx.Response:
        body = {"name": version.name, "version": str(version.number), "stage": stage}
        body["archive_existing_versions"] = False  # type: ignore[assignment]
        return self.ask(f"{MLFLOW}model-versions/transition-stage", body, who)

    def pending(self, who: str = AUTHOR, **more: Any) -> tuple[Registered, int]:
        """Return a version that was judged and waits for its approvals, and its request."""
        version = self.register(who, **more)
        answer = self.ask_for(version, who=who)
        assert answer.status_code == 409, answer.text
        number = int(answer.json()["acgs_request_id"])
        until(lambda: "approval" in str(self.request(number)["decision"].get("waiting_for")))
        return version, number

    def request(self, number: int) -> dict[str, Any]:
        return dict(self.platform.json("request", "show", str(number)))

    def stage(self, version: Registered) -> str:
        path = f"{MLFLOW}model-versions/get?name={version.name}&version={version.number}"
        answer = self.ask(path, {}, EVERYTHING, method="GET")
        return str(answer.json()["model_version"]["current_stage"])

    def promoted(self) -> Registered:
        """Return a version in Production, as two people approved it."""
        version, number = self.pending(OTHER_AUTHOR)
        for name in APPROVERS:
            answer = self.ask(f"{OPERATIONS}registry/approve", {"id": number}, name)
            assert answer.status_code == 200, answer.text
        assert self.stage(version) == "Production"
        return version

    def events(self, name: str) -> list[dict[str, Any]]:
        return list(self.platform.json("audit", "log", "--name", name))

    def sql(self, *statements: str, database: Path | None = None) -> None:
        """Change the database as its owner can, who needs no server."""
        with contextlib.closing(
            sqlite3.connect(database or self.root / "registry.db", timeout=30)
        ) as connection:
            connection.execute("BEGIN IMMEDIATE")
            for statement in statements:
                connection.execute(statement)
            connection.commit()

    def kept(self, folder: Path) -> tuple[Path, Path]:
        """Take a copy of the audit log, and the public key: what an outsider has."""
        last = max(event["id"] for event in self.platform.json("audit", "log", "--limit", "9999"))
        until(lambda: last in self._logged())
        copy, key = folder / "audit-log", folder / "log.vkey"
        shutil.copytree(log_folder(self.platform.settings), copy)
        shutil.copy(keys.public_file(self.platform.settings, KeyKind.LOG), key)
        return copy, key

    def _logged(self) -> set[int]:
        folder = log_folder(self.platform.settings)
        size = int((folder / "checkpoint").read_text().splitlines()[1])
        files = sorted((folder / "entries").iterdir())
        lines = [line for file in files for line in file.read_text().splitlines()]
        return {json.loads(line)["id"] for line in lines[:size]}

    def outsider(self, *words: str) -> Said:
        """Run a command of somebody who trusts nothing but a copy of the log and its key."""
        return self.command("nobody-in-particular", *words)


def until(holds: Callable[[], bool]) -> None:
    limit = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < limit
        time.sleep(0.1)


@contextlib.contextmanager
def open_site(root: Path) -> Iterator[Site]:
    """Start a platform whose names are claims."""
    with platform.started(root, approvals=2) as started:
        yield Site(started, None)


@contextlib.contextmanager
def proven_site(root: Path) -> Iterator[Site]:
    """Start a platform that knows who asks, with roles in force."""
    issuer = Issuer()
    with published(issuer) as published_keys:
        given = {
            "ACGS_IDENTITY": "jwt,proxy",
            "ACGS_PROXY_PEERS": "127.0.0.1",
            "ACGS_JWT_ISSUER": issuer.url,
            "ACGS_JWT_AUDIENCE": AUDIENCE,
            "ACGS_JWT_JWKS": published_keys,
        }
        with platform.started(root, approvals=2, **given) as started:
            started.acgs("access", "adopt", str(roles.written(root, ROLES)), check=True)
            yield Site(started, issuer)
