"""Says where the server lets experiments, runs and logged models keep their files.

A client names the location of an experiment, and the server writes there as its own user: in plain
MLflow, anywhere. Here it is the artifact root or a folder of `ACGS_ARTIFACT_ROOTS`, and never one
of the platform's own folders: not even if that lies in such a root.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote

from infra.settings import Settings
from registry.files.adapters.folder_names import is_inside, real_names
from registry.files.adapters.real_places import real_place
from registry.files.errors import LocationRefusedError
from registry.settings import RegistrySettings

_FORM = re.compile(r"(?:/|(?:file|mlflow-artifacts):(?://)?/)(?!/)|s3://(?!/)")
"""How a location begins. What begins otherwise is relative, another server's, or has a slash more
than MLflow's clients understand."""
_CODE = Path(__file__).parents[3]


def require_location(settings: Settings, uri: str) -> None:
    """Refuse a location for an experiment's files that is not inside a root.

    Raises:
        LocationRefusedError: it is elsewhere, is relative, or can be read in two ways.
    """
    readings = list(_readings(uri))
    if not _FORM.match(uri) or any(map(_is_odd, readings)):
        raise _refused(settings, uri)
    for reading in readings:
        place = real_place(settings, reading)
        if place is None or not _is_in_a_root(settings, place):
            raise _refused(settings, uri)


def require_writable(settings: Settings, place: str) -> None:
    """Refuse a local location that is the platform's own, or outside each root.

    Raises:
        LocationRefusedError: it is one.
    """
    if place.startswith("file:/") and not _is_in_a_root(settings, place):
        raise _refused(settings, place.removeprefix("file:"))


def _readings(uri: str) -> Iterator[str]:
    """Yield a location with its percent escapes undone not at all, once, twice..."""
    yield uri
    while (plain := unquote(uri)) != uri:
        uri = plain
        yield uri


def _is_odd(reading: str) -> bool:
    """Return whether parts of the platform and of MLflow would take it for different places."""
    return (
        ".." in reading.split("/") or not reading.isprintable() or bool(set(reading) & set("?#;\\"))
    )


def _is_in_a_root(settings: Settings, place: str) -> bool:
    roots = [settings.artifacts_destination, *settings.of(RegistrySettings).further_artifact_roots]
    allowed = [at for at in (real_place(settings, root) for root in roots) if at]
    own = [at for at in (real_place(settings, str(at)) for at in _own(settings)) if at]
    real, *also = real_names(place)
    return _deepest(real, allowed) > _deepest(real, own) and not any(
        _deepest(name, own) >= max(_deepest(name, allowed), 0) for name in also
    )


def _deepest(place: str, folders: Sequence[str]) -> int:
    """Return how deep the deepest of the folders is that hold a place; -1 if none does."""
    return max((len(each) for each in folders if is_inside(place, each)), default=-1)


def _own(settings: Settings) -> Iterator[Path]:
    chosen = settings.of(RegistrySettings)
    yield from (settings.storage_root, _CODE, Path(sys.prefix))
    if chosen.constitution is not None:
        yield chosen.constitution
    if chosen.evidence is not None:
        yield chosen.evidence.parent  # the datasets lie beside the catalogue
    if settings.sqlalchemy_url.startswith("sqlite:///"):
        yield Path(settings.sqlalchemy_url.removeprefix("sqlite:///")).absolute()


def _refused(settings: Settings, uri: str) -> LocationRefusedError:
    further = settings.of(RegistrySettings).further_artifact_roots
    roots = " or ".join(["mlflow-artifacts:/", *further])
    return LocationRefusedError(
        f"expected a location inside {roots}, and not among the platform's own files, "
        f"found {uri[:200]!r}",
        hint="leave it out, so that the server chooses one, or name the store in "
        "ACGS_ARTIFACT_ROOTS",
    )
