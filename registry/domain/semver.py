"""Which semantic version a new model version gets.

Source: semver.org 2.0.0; §4 for 0.y.z ("anything may change").
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from semver import Version

from registry.domain.signature import Bump, Signature, compare

_SEMVER = re.compile(r"^\d+\.\d+\.\d+(?:[-+].*)?$")


@dataclass(frozen=True, slots=True)
class Derived:
    """A semantic version, and why it is that one.

    Attributes:
        version: e.g. `1.2.0`.
        bump: `initial`, `major`, `minor` or `patch`.
        reason: one sentence for people.
    """

    version: str
    bump: str
    reason: str


@dataclass(frozen=True, slots=True)
class Predecessor:
    """The version before, as far as numbering cares."""

    version: str
    signature: Signature | None


def is_semver(text: str) -> bool:
    """Whether `text` is a full semantic version such as `1.2.0` or `2.0.0-rc.1`."""
    return bool(_SEMVER.match(text)) and Version.is_valid(text)


def derive(previous: Predecessor | None, signature: Signature | None) -> Derived:
    """Derive the next version from the signatures of the new and the previous one.

    A model that never had a signature stays in 0.N.0; its first version with one is 1.0.0.
    """
    if previous is None:
        if signature is None:
            return Derived("0.1.0", "initial", "first version, without a signature")
        return Derived("1.0.0", "initial", "first version with a signature")
    current = Version.parse(previous.version).replace(prerelease=None, build=None)
    if current.major == 0:
        if signature is None:
            return Derived(str(current.bump_minor()), "minor", "no signature yet")
        return Derived("1.0.0", "major", "first version with a signature")
    if signature is None:
        return Derived(
            str(current.bump_major()), "major", "the signature is gone: nothing to compare"
        )
    if previous.signature is None:
        return Derived(
            str(current.bump_major()), "major", "the version before had no signature to compare"
        )
    change = compare(previous.signature, signature)
    reason = "; ".join(change.reasons)
    match change.bump:
        case Bump.MAJOR:
            return Derived(str(current.bump_major()), "major", reason)
        case Bump.MINOR:
            return Derived(str(current.bump_minor()), "minor", reason)
        case Bump.PATCH:
            return Derived(str(current.bump_patch()), "patch", reason)
