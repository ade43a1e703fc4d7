"""Refuses to run models when a folder they can read holds something they must not see."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from infra.configuration import groups
from infra.confinement.plan import Mount
from infra.errors import SettingsError
from infra.settings import NamesPrivatePlaces

if TYPE_CHECKING:
    from infra.settings import Settings


class ExposedError(SettingsError):
    """A folder of the platform lies below one that every model can read."""

    code = "infra.confinement_exposes"


def private_paths(settings: Settings) -> tuple[Path, ...]:
    """Return the files and folders of the platform that no model may see."""
    kinds = (kind for added in groups().values() for kind in added)
    chosen = (settings.of(kind) for kind in kinds)
    naming = (group for group in chosen if isinstance(group, NamesPrivatePlaces))
    found = (_local(place) for group in naming for place in group.private_places())
    return tuple(path.expanduser().absolute() for path in found if path is not None)


def refuse_exposed(private: Iterable[Path], mounts: Sequence[Mount]) -> None:
    """Refuse mounts that hold something private. Links are resolved.

    Raises:
        ExposedError: something private lies below a mount.
    """
    for path in private:
        real = path.resolve()
        for mount in mounts:
            shown = mount.source.resolve()
            if real.is_relative_to(shown):
                raise ExposedError(
                    f"expected {path} where no model can read it, found it below {shown}, which "
                    "every model is shown",
                    hint="move it, e.g. below a home, and set MLOPS_STORAGE_ROOT or the setting "
                    "that names it",
                )


def overlaps(path: Path, private: Iterable[Path]) -> bool:
    """Whether a folder holds something private or lies inside it, with links resolved."""
    real = path.resolve()
    hidden = [other.resolve() for other in private]
    return any(real.is_relative_to(other) or other.is_relative_to(real) for other in hidden)


def _local(place: Path | str) -> Path | None:
    if isinstance(place, Path):
        return place
    text = place.removeprefix("file://")
    return Path(text) if text and "://" not in text else None
