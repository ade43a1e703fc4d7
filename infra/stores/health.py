"""Checks that the database and the artifact store work."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlparse

from infra.component import Health, Probe
from infra.errors import PlatformError, UnavailableError

if TYPE_CHECKING:
    from infra.settings import Settings


def probes(settings: Settings) -> Iterator[Probe]:
    """Ask both stores and compare the schema with what the code expects."""
    from infra.stores import schema

    yield _probe("database", settings, require_database)
    yield _probe("artifact-store", settings, require_artifact_store)
    yield _probe("schema", settings, schema.require_no_drift)


def require_database(settings: Settings) -> str:
    """Query the database; return its kind and version.

    Raises:
        PlatformError: it cannot be reached, refuses the user or does not exist.
    """
    from sqlalchemy import text

    from infra.stores.db import open_engine, reading

    engine = open_engine(settings.sqlalchemy_url)
    try:
        with reading(engine) as connection:
            connection.execute(text("SELECT 1"))
            version = ".".join(str(part) for part in connection.dialect.server_version_info or ())
            return f"{engine.dialect.name} {version}"
    finally:
        engine.dispose()


def require_artifact_store(settings: Settings) -> str:
    """Prove that artifacts can be listed, written, read and deleted; return where.

    Raises:
        PlatformError: they cannot; says which of these, and what to do.
    """
    from infra.stores import object_store

    uri = settings.artifacts_destination
    if object_store.is_s3(uri):
        object_store.ObjectStore.of(settings, uri).check()
        return f"{uri} at {settings.s3_endpoint or 'Amazon S3'}"
    parsed = urlparse(uri)
    if parsed.scheme in {"", "file"}:
        folder = Path(unquote(parsed.path) if parsed.scheme else uri)
        _require_folder(folder)
        return str(folder)
    return f"{uri} (not checked)"


def _require_folder(folder: Path) -> None:
    if folder.exists() and not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise UnavailableError(
            f"artifact folder {folder}: expected one that may be read and written, found that "
            "it may not",
            hint="have its owner let you, or point ACGS_ARTIFACT_ROOT elsewhere",
        )


def _probe(name: str, settings: Settings, require: Callable[[Settings], str]) -> Probe:
    began = time.perf_counter()
    try:
        found = require(settings)
    except PlatformError as err:
        return Probe(name, Health.FAILED, err.message)
    return Probe(name, Health.OK, f"{found}, {(time.perf_counter() - began) * 1000:.0f} ms")
