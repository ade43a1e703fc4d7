"""One MLflow server that checks names, and what stands in for the identity provider."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support import roles
from tests.support.credit import bind_evidence
from tests.support.issuer import AUDIENCE, Issuer, published
from tests.support.platform import Platform, environment, write_constitution
from tests.support.replicas import replicas
from tests.support.stores import put_database


@dataclass(frozen=True)
class Site:
    """A server that checks names."""

    platform: Platform
    issuer: Issuer

    @property
    def url(self) -> str:
        return self.platform.url


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    root: Path = tmp_path_factory.mktemp("identified")
    issuer = Issuer()
    write_constitution(root)
    put_database(root)
    with published(issuer) as keys:
        given = {
            "ACGS_IDENTITY": "jwt,proxy,service-token",
            "ACGS_PROXY_PEERS": "127.0.0.1",
            "ACGS_JWT_ISSUER": issuer.url,
            "ACGS_JWT_AUDIENCE": AUDIENCE,
            "ACGS_JWT_JWKS": keys,
            # Nothing scores here: a request is answered at once, as pending.
            "ACGS_GATE_WAIT_SECONDS": "0",
        }
        with replicas(root, 1, **given) as [url]:
            port = str(urlsplit(url).port)
            platform = Platform(root, environment(root) | given | {"ACGS_REGISTRY_PORT": port})
            bind_evidence(platform.settings)
            file = roles.written(root, roles.EVERYTHING_TO_EVERYBODY)
            platform.acgs("access", "adopt", str(file), check=True)
            yield Site(platform, issuer)
