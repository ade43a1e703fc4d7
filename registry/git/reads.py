"""Reads the state of the tags for the command line and for HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from infra.clock import utc_now
from infra.component import View
from infra.stores.db import open_engine
from registry.git.errors import without_credentials
from registry.git.service import overview

if TYPE_CHECKING:
    from infra.settings import Settings


def views(settings: Settings) -> Mapping[str, View]:
    """Return the views of the tags; nothing is opened until the first is read."""

    def status(_asked: Mapping[str, str]) -> dict[str, Any]:
        engine = open_engine(settings.sqlalchemy_url)
        try:
            now = asdict(overview(engine, settings, utc_now()))
        finally:
            engine.dispose()
        return {**now, "remote": without_credentials(now["remote"])}

    return {"status": status}
