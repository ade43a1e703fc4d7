"""Chooses the demo's stores: SQLite and a folder, or real servers of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING

from infra.errors import UsageError

if TYPE_CHECKING:
    from infra.settings import Settings

CHOICES = ("sqlite,folder", "postgres,s3")
_CHOSEN_BY_HAND = ("ACGS_DATABASE_URL", "ACGS_ARTIFACT_ROOT")


class Stores(StrEnum):
    """A pair of stores."""

    EMBEDDED = CHOICES[0]
    SERVERS = CHOICES[1]


@contextmanager
def chosen(stores: Stores, settings: Settings, say: Callable[[str], None]) -> Generator[None]:
    """Put the pair's settings into the environment while the block runs.

    The servers are thrown away after the demo, with everything in them, so the storage root must
    be a new one too: an old one's endpoints would name models that are not there.

    Args:
        stores: the pair.
        settings: of the platform, as they would be without this choice.
        say: called with a line about each server.

    Raises:
        UsageError: settings name stores already, or the storage root was used before.
        ServerMissingError: a server is not on this machine and cannot be obtained.
    """
    if stores is Stores.EMBEDDED:
        yield
        return
    _require_nothing_chosen(settings)
    from infra.servers import minio_program, postgres, postgres_programs, s3

    if postgres_programs.find() is None:
        say("no PostgreSQL on this machine: installing it")
    if minio_program.find() is None:
        say("no MinIO on this machine: building it, which takes some three minutes, once")
    with ExitStack() as stack:
        database = stack.enter_context(postgres.started())
        objects = stack.enter_context(s3.started())
        say(f"database: {database.version}")
        say(f"artifacts: {objects.version}")
        given = {
            "ACGS_DATABASE_URL": database.new_database(),
            "ACGS_ARTIFACT_ROOT": f"s3://{objects.new_bucket()}/acgs",
            **objects.environment(),
        }
        before = {name: os.environ.get(name) for name in given}
        os.environ.update(given)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


def _require_nothing_chosen(settings: Settings) -> None:
    for name, given in zip(
        _CHOSEN_BY_HAND, (settings.database_url, settings.artifact_root), strict=True
    ):
        if given:
            raise UsageError(
                f"expected no {name} beside --stores, found one: the demo brings its own servers",
                hint=f"unset {name}, or leave --stores out to play on your own stores",
            )
    if (settings.storage_root / "registry.db").exists():
        raise UsageError(
            f"storage root {settings.storage_root}: expected a fresh one, since the servers are "
            "new and empty; found one with a database",
            hint="give it a root of its own: acgs --storage-root .acgs-servers demo --stores "
            "postgres,s3",
        )
