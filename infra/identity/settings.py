"""The settings that say where callers' names are known from."""

from __future__ import annotations

from dataclasses import dataclass

from infra.identity.errors import IdentitySettingsError
from infra.identity.principal import Source
from infra.setting import Text, setting
from infra.settings import listed

OPEN = "open"
_PROVEN = (
    Source.BASIC_AUTH.value,
    Source.JWT.value,
    Source.PROXY.value,
    Source.SERVICE_TOKEN.value,
)


def _sources(text: str) -> None:
    found = listed(text)
    allowed = {OPEN, *_PROVEN}
    if not found or len(set(found)) < len(found) or not set(found) <= allowed:
        raise ValueError(text)
    if OPEN in found and len(found) > 1:
        raise ValueError(text)


@dataclass(frozen=True)
class IdentitySettings:
    """Who may be believed."""

    identity: str = setting(
        "ACGS_IDENTITY",
        OPEN,
        "Where callers' names are known from: open (names are claims, for one person on one "
        f"machine), or one or more of {', '.join(_PROVEN)}, separated by commas.",
        Text(f"open, or some of {', '.join(_PROVEN)}, each once", _sources, "list"),
    )

    @property
    def sources(self) -> tuple[Source, ...]:
        """The sources in the order in which they count."""
        found = listed(self.identity)
        return (Source.CLAIM,) if found == [OPEN] else tuple(map(Source, found))

    @property
    def is_open(self) -> bool:
        """Whether names are claims."""
        return self.sources == (Source.CLAIM,)


def required(name: str, value: str, source: Source) -> str:
    """Return a setting's value that a source cannot do without.

    Raises:
        IdentitySettingsError: it is empty.
    """
    if not value:
        raise IdentitySettingsError(
            f"expected {name} beside {source} in ACGS_IDENTITY, found none",
            hint=f"set {name}, or take {source} out of ACGS_IDENTITY",
        )
    return value
