"""Defines the errors of a repository, its remote and git itself, each with a hint."""

from __future__ import annotations

import re
from typing import ClassVar

from infra.errors import UnavailableError


class GitError(UnavailableError):
    """A git command failed; the tags wait, and nothing is lost."""

    code = "git.failed"
    advice: ClassVar[str] = "run the command by hand there, then: acgs git sync"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint or self.advice)


class GitMissingError(GitError):
    """No git executable is installed."""

    code = "git.missing"
    advice = "install git: apt-get install git"


class RepositoryGoneError(GitError):
    """The repository's folder does not exist."""

    code = "git.repository_gone"
    advice = "restore it or correct ACGS_GIT_REPOSITORY; a new one: acgs git init PATH"


class NotARepositoryError(GitError):
    """The folder is not a git repository."""

    code = "git.not_a_repository"
    advice = "name the top folder of a repository in ACGS_GIT_REPOSITORY, or: acgs git init PATH"


class UnsafeOwnerError(GitError):
    """Git does not trust a repository that another user owns."""

    code = "git.unsafe_owner"
    advice = "as the platform's user: git config --global --add safe.directory PATH"


class ReadOnlyError(GitError):
    """The repository is read-only."""

    code = "git.read_only"
    advice = "let the platform's user write to the repository's objects and refs"


class NoSpaceError(GitError):
    """The disk of the repository is full."""

    code = "git.no_space"
    advice = "free some space there; the tags are made by themselves then"


class LockedError(GitError):
    """Another git process holds a lock, or left it behind."""

    code = "git.locked"
    advice = "if no git process runs there, remove the .lock file that is named"


class BrokenConfigError(GitError):
    """Git's configuration cannot be read."""

    code = "git.config_broken"
    advice = "correct the file and line that git names"


class CorruptRepositoryError(GitError):
    """Git cannot read an object or a ref of the repository."""

    code = "git.corrupt"
    advice = "git fsck in the repository; fetch what it misses, then: acgs git sync --repair"


class SigningError(GitError):
    """A tag cannot be signed; it is not made unsigned instead."""

    code = "git.signing_failed"
    advice = "check ACGS_GIT_SIGNING_KEY, or git's user.signingKey and gpg.format"


class GitTimeoutError(GitError):
    """A git command took too long and was ended."""

    code = "git.timeout"
    advice = "is the disk or the remote slow? ACGS_GIT_TIMEOUT_SECONDS allows more"


class RemoteUnknownError(GitError):
    """The repository has no remote of that name."""

    code = "git.remote_unknown"
    advice = "git remote add NAME URL in the repository, or correct ACGS_GIT_REMOTE"


class RemoteGoneError(GitError):
    """The remote does not exist or does not answer."""

    code = "git.remote_gone"
    advice = "the tags are kept here and pushed when it answers again"


class RemoteDeniedError(GitError):
    """The remote denies access; the platform never asks for a password."""

    code = "git.remote_denied"
    advice = "give the platform's user a deploy key or a credential helper with push rights"


class RemoteRefusedError(GitError):
    """The remote accepted the connection and refused the tags."""

    code = "git.remote_refused"
    advice = "have its owner allow these tags; they are pushed by themselves then"


class ShallowError(GitError):
    """The remote needs history that this shallow clone does not have."""

    code = "git.shallow"
    advice = "in the repository: git fetch --unshallow"


_PATTERNS: tuple[tuple[str, type[GitError]], ...] = (
    (r"detected dubious ownership|unsafe repository", UnsafeOwnerError),
    (r"no space left on device|disk quota exceeded|file too large", NoSpaceError),
    (r"shallow update not allowed|shallow file has changed", ShallowError),
    (
        r"bad config|invalid value for|bad (?:numeric|boolean) config|expected format",
        BrokenConfigError,
    ),
    (
        r"pre-receive hook declined|hook declined|remote rejected|denied by|unpacker error",
        RemoteRefusedError,
    ),
    (
        r"authentication failed|could not read (?:username|password)|terminal prompts disabled"
        r"|permission denied \(|host key verification failed|returned error: 40[13]"
        r"|access denied|invalid credentials",
        RemoteDeniedError,
    ),
    (
        r"could not read from remote repository|could not resolve host|unable to access"
        r"|connection (?:refused|timed out|reset)|does not appear to be a git repository"
        r"|repository .* not found|unable to connect|early eof|the remote end hung up",
        RemoteGoneError,
    ),
    (r"unable to create '.*\.lock': file exists|another git process|cannot lock ref", LockedError),
    (
        r"read-only file system|permission denied|insufficient permission|unable to write"
        r"|operation not permitted|unable to create",
        ReadOnlyError,
    ),
    (r"not a git repository", NotARepositoryError),
    (
        r"bad object|missing (?:blob|tree|commit|object)|corrupt|bad tree"
        r"|unable to (?:read|unpack)",
        CorruptRepositoryError,
    ),
)
_SAYS_WHY = re.compile(r"fatal:|error:|remote:|ssh:|! ", re.IGNORECASE)
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")


def error_of(command: str, output: str) -> GitError:
    """Return the error for a failed command: the first whose pattern matches its output."""
    text = without_credentials(output.strip()) or "it said nothing"
    kinds = (kind for pattern, kind in _PATTERNS if re.search(pattern, text, re.IGNORECASE))
    kind = next(kinds, GitError)
    lines = [line for line in text.splitlines() if _SAYS_WHY.match(line)] or text.splitlines()
    return kind(f"git {command} failed: {' | '.join(lines[-4:])}"[:800])


def without_credentials(text: str) -> str:
    """Return a text without the user part of every URL."""
    return _CREDENTIALS.sub("", text)
