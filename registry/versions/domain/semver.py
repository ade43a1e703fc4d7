"""Derives the semantic version of a new model version.

Source: semver.org 2.0.0; §4 for 0.y.z ("anything may change"), §9 and §11 for pre-releases.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from semver import Version

from registry.domain.signature import Bump, Signature, compare
from registry.versions.domain.wishes import (
    BUMP_TAG,
    NOTHING,
    PRERELEASE_TAG,
    Wish,
    WishRefusedError,
)

_SEMVER = re.compile(r"^\d+\.\d+\.\d+(?:[-+].*)?$")
_RANGE = re.compile(r"(latest)|(\d{1,9})(?:\.(\d{1,9}))?\.x", re.IGNORECASE)
_INITIAL = "initial"


@dataclass(frozen=True, slots=True)
class Derived:
    """A semantic version, and the reason for it.

    Attributes:
        version: e.g. `1.2.0` or `1.3.0-rc.1`.
        bump: `initial`, `major`, `minor` or `patch`, from the release before.
        reason: one sentence for people.
    """

    version: str
    bump: str
    reason: str


@dataclass(frozen=True, slots=True)
class Predecessor:
    """The previous release, as far as numbering needs it."""

    version: str
    signature: Signature | None


@dataclass(frozen=True, slots=True)
class Range:
    """The meaning of `latest`, `1.x` or `1.2.x`; None where any number will do."""

    major: int | None = None
    minor: int | None = None


def is_semver(text: str) -> bool:
    """Return whether `text` is a full semantic version such as `1.2.0` or `2.0.0-rc.1`."""
    return bool(_SEMVER.match(text)) and Version.is_valid(text)


def parse_range(text: str) -> Range | None:
    """Read `latest`, `1.x` or `1.2.x`; None for anything else."""
    found = _RANGE.fullmatch(text)
    if found is None:
        return None
    _latest, major, minor = found.groups()
    return Range(int(major) if major else None, int(minor) if minor else None)


def precedence(version: str) -> Version:
    """Return a key that orders versions as semver §11 does.

    Raises:
        ValueError: it is no semantic version.
    """
    return Version.parse(version)


def highest(versions: Iterable[str]) -> str | None:
    """Return the version of highest precedence; None for none."""
    return max(versions, key=Version.parse, default=None)


def derive(
    previous: Predecessor | None,
    signature: Signature | None,
    wish: Wish = NOTHING,
    ahead: Iterable[str] = (),
) -> Derived:
    """Derive the next version from the signatures of the new one and of the previous release.

    A model that never had a signature stays in 0.N.0; its first version with one is 1.0.0.
    A pre-release is compared with the release before it, not with the pre-release before it: it
    announces the version that its change asks for, and a release never falls behind what was
    announced.

    Args:
        previous: highest release so far, deleted ones too; None when there is none.
        signature: of the new version.
        wish: what the author asks for.
        ahead: every pre-release above `previous` so far, deleted ones too.

    Raises:
        WishRefusedError: the wish is lower than what the change asks for; never without a wish.
    """
    least = _least(previous, signature)
    raised = _raised(previous, signature, least, wish)
    core, reason = Version.parse(raised.version), raised.reason
    line = highest(ahead)
    if line is not None and (announced := Version.parse(line).finalize_version()) > core:
        core, reason = announced, f"{reason}; {line} has announced {announced}"
    if wish.prerelease is not None:
        version = _next_prerelease(core, wish.prerelease, line, ahead)
        reason = f"a pre-release of {core}: {reason}"
    else:
        version = str(core)
    return Derived(version, _bump_between(previous, core), reason)


def _least(previous: Predecessor | None, signature: Signature | None) -> Derived:
    """Return the lowest release that the change allows."""
    if previous is None:
        if signature is None:
            return Derived("0.1.0", _INITIAL, "first version, without a signature")
        return Derived("1.0.0", _INITIAL, "first version with a signature")
    current = Version.parse(previous.version).finalize_version()
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
    return Derived(
        str(_bumped(current, change.bump)), change.bump.name.lower(), "; ".join(change.reasons)
    )


def _raised(
    previous: Predecessor | None, signature: Signature | None, least: Derived, wish: Wish
) -> Derived:
    """Apply the bump that the author requested.

    Raises:
        WishRefusedError: it is lower than `least`, or leads to 1.0.0 without a signature.
    """
    if wish.bump is None:
        return least
    unsigned = signature is None and least.version.startswith("0.")
    if unsigned and wish.bump is Bump.MAJOR:
        raise WishRefusedError(
            f"expected a signature before 1.0.0, found none: {BUMP_TAG}=major cannot be granted",
            hint="log the model with a signature (mlflow.models.infer_signature)",
        )
    if previous is None:
        return least
    needed = Bump[least.bump.upper()]
    if wish.bump < needed:
        raise WishRefusedError(
            f"expected at least a {least.bump} bump ({least.version}) because {least.reason}; "
            f"found {BUMP_TAG}={wish.bump.name.lower()}",
            hint=f"leave {BUMP_TAG} out, or ask for a higher one",
        )
    if wish.bump == needed:
        return least
    version = _bumped(Version.parse(previous.version).finalize_version(), wish.bump)
    asked = f"the author asked for a {wish.bump.name.lower()} bump"
    return Derived(str(version), wish.bump.name.lower(), f"{asked}; {least.reason}")


def _bumped(version: Version, bump: Bump) -> Version:
    match bump:
        case Bump.MAJOR:
            return version.bump_major()
        case Bump.MINOR:
            return version.bump_minor()
        case Bump.PATCH:
            return version.bump_patch()


def _next_prerelease(core: Version, label: str, line: str | None, ahead: Iterable[str]) -> str:
    known = [Version.parse(text) for text in ahead]
    numbers = [0]
    for version in known:
        name, _, number = (version.prerelease or "").rpartition(".")
        if version.finalize_version() == core and name == label and number.isdigit():
            numbers.append(int(number))
    candidate = core.replace(prerelease=f"{label}.{max(numbers) + 1}")
    if line is not None and candidate <= Version.parse(line):
        raise WishRefusedError(
            f"expected a pre-release after {line}, found {PRERELEASE_TAG}={label}: "
            f"{candidate} comes before it",
            hint="labels are ordered as text (alpha, beta, rc): ask for the same or a later one",
        )
    return str(candidate)


def _bump_between(previous: Predecessor | None, core: Version) -> str:
    if previous is None:
        return _INITIAL
    before = Version.parse(previous.version)
    if core.major != before.major:
        return "major"
    return "minor" if core.minor != before.minor else "patch"
