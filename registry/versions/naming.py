"""Reading NAME[@VERSION] as people and URLs write it."""

from __future__ import annotations

from infra.errors import UsageError
from registry.domain.values import Stage
from registry.versions.domain import semver


def split_name(text: str) -> tuple[str, str | None]:
    """Return (model, version) of `NAME`, `NAME@1.2.0`, `NAME@3`, `NAME@champion`, `NAME@Staging`.

    The version is None where none was named.

    Raises:
        UsageError: a part is empty.
    """
    name, at, spec = text.partition("@")
    if not name or (at and not spec):
        raise UsageError(
            f"expected NAME or NAME@VERSION, found {text!r}",
            hint="VERSION is 1.2.0, a number, an alias or a stage",
        )
    return name, version_spec(spec) if at else None


def version_spec(text: str) -> str:
    """Return a version as the registry takes it: an alias gets its `@`."""
    plain = semver.is_semver(text) or text.isdigit() or Stage.parse(text) is not None
    return text if plain or text.startswith("@") else f"@{text}"
