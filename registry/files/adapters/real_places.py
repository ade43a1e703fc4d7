"""Resolves a URI to the location that the platform reads and deletes; one spelling for each.

Other than `domain/storage_place.py`, which reads a URI as it is written, this follows the artifact
proxy to its destination and a path through its symlinks. Escapes are undone as often as the
platform undoes them when it opens files, so that equal places are the very same objects.
"""

from __future__ import annotations

import os
from urllib.parse import quote

from infra.errors import PlatformError
from infra.settings import Settings
from infra.stores.object_store import Location, is_s3
from registry.files.adapters import locations
from registry.files.domain.storage_place import PROXY, storage_place


def real_place(settings: Settings, uri: str) -> str | None:
    """Return the location of a folder; None when the URI names none that can be read."""
    try:
        place = storage_place(uri)
        if place.startswith(PROXY) and not uri.startswith("mlflow-artifacts:"):
            # The proxy's own address: the same files as behind the scheme.
            uri = f"mlflow-artifacts:/{quote(place.removeprefix(PROXY))}"
        folder = locations.local_folder(settings, uri)
        if folder is not None:
            return "file:/" + os.path.realpath(folder).strip("/")
        at = locations.behind_proxy(settings, uri)
        if not is_s3(at):
            return storage_place(at)
        location = Location.parse(at)
        return f"s3://{location.bucket}/{location.prefix}"
    except (PlatformError, ValueError, OSError):
        return None


def destination_place(settings: Settings) -> str | None:
    """Return the location of the server's own artifacts."""
    return real_place(settings, settings.artifacts_destination)


def object_key(place: str, file: str) -> str:
    """Return the location of one file of a folder."""
    return f"{place.rstrip('/')}/{file}"
