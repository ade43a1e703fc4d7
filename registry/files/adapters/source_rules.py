"""Checks a registration's source: a folder of one model, in a store that the platform may read."""

from __future__ import annotations

from sqlalchemy import Connection, select

from infra.settings import Settings
from registry.adapters import mlflow_tables as mlflow
from registry.files.adapters.real_places import destination_place, real_place
from registry.files.domain.own_folder import is_own, shared_as
from registry.files.domain.storage_place import ancestors
from registry.files.errors import SourceRefusedError
from registry.settings import RegistrySettings


def shared(settings: Settings, connection: Connection, place: str) -> str:
    """Say why a folder is shared with others' files; "" for a model's own folder."""
    if is_own(place):
        return ""
    return shared_as(place, _landmarks(settings, connection))


def is_surely_own(settings: Settings, uri: str) -> bool:
    """Whether a folder is a model's own by its place alone; for others the database is asked."""
    place = real_place(settings, uri)
    return place is not None and is_own(place)


def require_own(settings: Settings, connection: Connection, uri: str) -> None:
    """Refuse a folder that is shared with others' files.

    Raises:
        SourceRefusedError: it is one.
    """
    place = real_place(settings, uri)
    what = shared(settings, connection, place) if place is not None else ""
    if what:
        raise SourceRefusedError(
            f"expected a folder with nothing but the model's files, found {uri}, which is {what}: "
            "what is registered does not change any more",
            hint="log the model to a folder of its own and register that: "
            "models:/<logged model>, or runs:/<run>/<folder>",
        )


def require_allowed(settings: Settings, uri: str) -> None:
    """Refuse a folder outside the artifact root and `ACGS_ARTIFACT_ROOTS`.

    Else a person who may register could make the server read anything that it has access to.

    Raises:
        SourceRefusedError: the folder is elsewhere, or is not a folder.
    """
    roots = [settings.artifacts_destination, *settings.of(RegistrySettings).further_artifact_roots]
    place = real_place(settings, uri)
    allowed = {at for at in (real_place(settings, root) for root in roots) if at}
    # A web address would be asked, whatever server is behind it, even if its path is allowed.
    asked = uri.startswith(("http:", "https:"))
    if place is not None and not asked and not allowed.isdisjoint(ancestors(place)):
        return
    raise SourceRefusedError(
        f"expected a source inside {' or '.join(roots)}, found {uri}",
        hint="log the model to this server, or have ACGS_ARTIFACT_ROOTS name the store",
    )


def _landmarks(settings: Settings, connection: Connection) -> list[str]:
    found = [destination_place(settings), real_place(settings, str(settings.storage_root))]
    further = settings.of(RegistrySettings).further_artifact_roots
    found += [real_place(settings, root) for root in further]
    for uri in connection.execute(select(mlflow.experiments.c.artifact_location)).scalars():
        place = real_place(settings, str(uri)) if uri else None
        found += [place, f"{place}/models"] if place else []
    return [place for place in found if place]
