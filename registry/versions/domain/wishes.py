"""Reads the version that an author asks for, from tags.

A tag on the version counts before one on its logged model, and that before one on its run:
`none` asks for nothing and so overrides what stands further away.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from infra.errors import RefusedError, UsageError
from registry.domain.signature import Bump

BUMP_TAG = "version.bump"
PRERELEASE_TAG = "version.prerelease"
TAGS = (BUMP_TAG, PRERELEASE_TAG)
_NOTHING = {"", "none"}
_LABEL = re.compile(r"[a-z](?:[a-z0-9-]{0,15})")
_SHOWN = 40


class WishRefusedError(RefusedError):
    """The author asked for a version that the change does not allow."""

    code = "registry.bump_too_low"


class WishInvalidError(UsageError):
    """A `version.*` tag has no valid meaning."""

    code = "registry.version_tag_invalid"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the author asks for; None where nothing is asked.

    Attributes:
        bump: at least this much.
        prerelease: label of a pre-release, e.g. `rc`; its number is the platform's.
    """

    bump: Bump | None = None
    prerelease: str | None = None

    def __str__(self) -> str:
        parts = [f"bump={self.bump.name.lower()}"] if self.bump else []
        return " ".join([*parts, *([f"prerelease={self.prerelease}"] if self.prerelease else [])])


NOTHING = Wish()


def read(layers: Sequence[Mapping[str, str]]) -> Wish:
    """Read the wish from tags.

    Args:
        layers: tags of the version, of its logged model, of its run; the first that has a tag
            counts.

    Raises:
        WishInvalidError: a tag's value is none of those that can be meant.
    """
    bump = _first(layers, BUMP_TAG)
    label = _first(layers, PRERELEASE_TAG)
    return Wish(_bump(bump) if bump else None, _label(label) if label else None)


def _first(layers: Sequence[Mapping[str, str]], key: str) -> str | None:
    for tags in layers:
        if key in tags:
            value = str(tags[key]).strip()
            return None if value.lower() in _NOTHING else value
    return None


def _bump(text: str) -> Bump:
    try:
        return Bump[text.upper()]
    except KeyError as err:
        raise WishInvalidError(
            f"expected {BUMP_TAG} to be major, minor, patch or none, found {text[:_SHOWN]!r}",
            hint="a number cannot be chosen: it is derived from what changed",
        ) from err


def _label(text: str) -> str:
    if not _LABEL.fullmatch(text):
        raise WishInvalidError(
            f"expected {PRERELEASE_TAG} to be a label of 1-16 letters a-z, digits or '-' that "
            f"begins with a letter, or none; found {text[:_SHOWN]!r}",
            hint="for example rc: the platform numbers the pre-releases (rc.1, rc.2, ...)",
        )
    return text
