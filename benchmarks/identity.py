"""Measures what it costs to know who asks: registry calls with each source, and with none."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from benchmarks.benchmark import Benchmark, Effort, require
from benchmarks.report import Row, Target
from infra.clock import to_millis, utc_now
from infra.identity.asked import Asked
from infra.identity.bearer.settings import JwtSettings
from infra.identity.bearer.source import JwtSource
from infra.identity.principal import Scope
from infra.settings import Settings
from registry.domain.records import Act
from registry.tokens.service import LONGEST, open_tokens
from tests.support.issuer import AUDIENCE, Issuer, published
from tests.support.platform import write_constitution
from tests.support.replicas import replicas

CALLS, WARM_UPS = 600, 50
NAME = "credit-identity"
MOST = Target(1.0)
"""Milliseconds that a JWT may add to a call."""
_GROUPS = [f"group-{number}" for number in range(20)]
READ = f"/api/2.0/mlflow/registered-models/get?name={NAME}"
WRITE = "/api/2.0/mlflow/registered-models/set-tag"


@dataclass(frozen=True, slots=True)
class Site:
    """A server, and a client that proves who it is.

    Attributes:
        what: proves it, for people.
    """

    what: str
    client: httpx.Client


def run(folder: Path, effort: Effort) -> Sequence[Row]:
    """Ask an open server and servers that check, turn about, on connections that are kept."""
    count = effort.count(CALLS)
    rows: list[Row] = []
    with _sites(folder) as sites:
        for site in sites:
            made = site.client.post("/api/2.0/mlflow/registered-models/create", json={"name": NAME})
            # Two sources share a server.
            require(made.status_code in {200, 400}, "a model", made.text)
        for what, ask in (("read a model", _read), ("tag a model", _write)):
            taken = _turn_about(sites, ask, count)
            base = statistics.median(taken[0])
            for site, times in zip(sites, taken, strict=True):
                rows.append(Row(f"{what}, {site.what}", "ms", tuple(times)))
            for site, times in zip(sites[1:], taken[1:], strict=True):
                added = statistics.median(times) - base
                target = MOST if site.what == "JWT" else None
                said = f"{what}: {site.what} adds to the median"
                rows.append(Row(said, "ms", (added,), target, of=count))
    return [*rows, *_alone(folder, count)]


def _alone(folder: Path, count: int) -> Sequence[Row]:
    """Return what the check of a JWT takes of a processor, which other programs do not lengthen."""
    issuer, file = Issuer(), folder / "jwks.json"
    file.write_bytes(issuer.document())
    given = JwtSettings(issuer.url, AUDIENCE, str(file))
    source = JwtSource.of(Settings(storage_root=folder).having(given))
    new = [issuer.token(jti=str(number), groups=_GROUPS) for number in range(WARM_UPS + count)]
    return [
        Row(f"the check of a {what} JWT alone, processor time", "ms", _checked(source, tokens))
        for what, tokens in (("new", new), ("known", new[-1:] * len(new)))
    ]


def _checked(source: JwtSource, tokens: Sequence[str]) -> tuple[float, ...]:
    taken = []
    for token in tokens:
        asked = Asked([(b"authorization", f"Bearer {token}".encode())], "127.0.0.1")
        began = time.thread_time()
        who = source.authenticate(asked)
        taken.append((time.thread_time() - began) * 1000)
        require(who is not None, "a caller", who)
    return tuple(taken[WARM_UPS:])


def _turn_about(sites: Sequence[Site], ask: Any, count: int) -> list[list[float]]:
    taken: list[list[float]] = [[] for _ in sites]
    for number in range(WARM_UPS + count):
        for site, times in zip(sites, taken, strict=True):
            began = time.perf_counter()
            answer = ask(site.client, number)
            times.append((time.perf_counter() - began) * 1000)
            require(answer.status_code == 200, "status 200", answer.text)
    return [times[WARM_UPS:] for times in taken]


def _read(client: httpx.Client, _number: int) -> httpx.Response:
    return client.get(READ)


def _write(client: httpx.Client, number: int) -> httpx.Response:
    # Two clients share a server: a value that the other has set already would change nothing.
    value = f"{number} {id(client)}"
    return client.post(WRITE, json={"name": NAME, "key": "n", "value": value})


@contextlib.contextmanager
def _sites(folder: Path) -> Iterator[list[Site]]:
    issuer = Issuer()
    with contextlib.ExitStack() as stack:
        keys = stack.enter_context(published(issuer))
        jwt = {
            "ACGS_JWT_ISSUER": issuer.url,
            "ACGS_JWT_AUDIENCE": AUDIENCE,
            "ACGS_JWT_JWKS": keys,
        }
        open_url = _server(stack, folder / "open")
        proven = folder / "proven"
        url = _server(stack, proven, ACGS_IDENTITY="jwt,service-token", **jwt)
        users = folder / "users"
        users_url = _server(stack, users, ACGS_IDENTITY="basic-auth")
        tokens = open_tokens(Settings(storage_root=proven))
        _, token = tokens.create("ci", Scope(), LONGEST, Act("benchmark", to_millis(utc_now())))
        tokens.engine.dispose()
        password = (users / "secrets" / "mlflow-admin.password").read_text()
        until = int(time.time()) + 24 * 3600
        bearer = issuer.token(exp=until, groups=_GROUPS)
        headers = {"authorization": f"Bearer {bearer}"}, {"authorization": f"Bearer {token}"}
        yield [
            Site("open", _client(stack, open_url, auth=("alice", ""))),
            Site("JWT", _client(stack, url, headers=headers[0])),
            Site(
                "password, with MLflow's permissions",
                _client(stack, users_url, auth=("admin", password)),
            ),
            Site("service token", _client(stack, url, headers=headers[1])),
        ]


def _server(stack: contextlib.ExitStack, root: Path, **given: str) -> str:
    root.mkdir(parents=True)
    write_constitution(root)
    [url] = stack.enter_context(replicas(root, 1, **given))
    return url


def _client(stack: contextlib.ExitStack, url: str, **more: Any) -> httpx.Client:
    return stack.enter_context(httpx.Client(base_url=url, trust_env=False, timeout=60, **more))


BENCHMARK = Benchmark("identity", "what it costs to know who asks", run)
