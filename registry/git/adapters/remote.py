"""Reads and pushes to a repository's remote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from registry.git.adapters.repository import TAGS, Ref, Repository
from registry.git.errors import (
    GitError,
    RemoteRefusedError,
    RemoteUnknownError,
    ShallowError,
    error_of,
)

_REJECTED = "!"
_WITH_THE_REST = "atomic push fail"
"""Said of a ref that would have been taken, had not another one been refused."""


@dataclass(frozen=True, slots=True)
class RefusedTag:
    """A tag that the remote refused.

    Attributes:
        why: in the remote's words.
        differs: it has another tag of that name.
    """

    name: str
    why: str
    differs: bool


@dataclass(frozen=True, slots=True)
class Remote:
    """One remote, by its name in the repository or by its URL."""

    repository: Repository
    name: str

    def url(self) -> str:
        """Return the URL that pushes go to.

        Raises:
            RemoteUnknownError: the repository has no such remote.
        """
        if self.name.startswith("-"):
            raise RemoteUnknownError(f"expected a remote's name or URL, found {self.name!r}")
        if "/" in self.name or ":" in self.name:
            return self.name
        outcome = self.repository.run("remote", "get-url", "--push", self.name)
        if outcome.status != 0:
            known = self.repository.read("remote").decode().split()
            raise RemoteUnknownError(
                f"expected a remote {self.name!r} in {self.repository.path}, "
                f"found {', '.join(known) or 'none'}"
            )
        return outcome.output.decode().strip()

    def push(self, tags: Sequence[str]) -> list[RefusedTag]:
        """Push tags, all or none; return those that the remote refuses, none when it took all.

        Raises:
            GitError: the push as a whole failed.
        """
        specs = [f"{TAGS}{name}:{TAGS}{name}" for name in tags]
        arguments = ("push", "--atomic", "--porcelain", "--no-verify", "--no-signed")
        outcome = self.repository.run(
            *arguments, "--", self.name, *specs, seconds=self.repository.timeout_seconds
        )
        if outcome.status == 0:
            return []
        refused = _refused(outcome.output.decode("utf-8", "replace"))
        if not refused:
            raise error_of("push", outcome.errors)
        return refused

    def force(self, name: str, found: str) -> None:
        """Push one tag over what the remote has, if that is still `found`.

        Raises:
            GitError: the tag points to something else, or the remote refuses.
        """
        lease = f"--force-with-lease={TAGS}{name}:{found}"
        arguments = ("push", "--porcelain", "--no-verify", "--no-signed", lease)
        spec = f"{TAGS}{name}:{TAGS}{name}"
        outcome = self.repository.run(
            *arguments, "--", self.name, spec, seconds=self.repository.timeout_seconds
        )
        if outcome.status != 0:
            refused = _refused(outcome.output.decode("utf-8", "replace"))
            raise refusal(refused) if refused else error_of("push", outcome.errors)

    def tags(self) -> Mapping[str, Ref]:
        """Return every tag of the remote by its name; annotated ones have a peeled entry."""
        output = self.repository.read(
            "ls-remote", "--tags", "--", self.name, seconds=self.repository.timeout_seconds
        )
        ids: dict[str, str] = {}
        annotated = set()
        for line in output.decode("utf-8", "surrogateescape").splitlines():
            object_id, _, ref = line.partition("\t")
            name = ref.removeprefix(TAGS)
            if name.endswith("^{}"):
                annotated.add(name.removesuffix("^{}"))
            else:
                ids[name] = object_id
        return {name: Ref(name, one, name in annotated) for name, one in ids.items()}


def _refused(porcelain: str) -> list[RefusedTag]:
    refused = []
    for line in porcelain.splitlines():
        parts = line.split("\t")
        if len(parts) == 3 and parts[0] == _REJECTED and _WITH_THE_REST not in parts[2]:
            name = parts[1].partition(":")[2].removeprefix(TAGS)
            differs = any(w in parts[2] for w in ("already exists", "would clobber", "stale info"))
            refused.append(RefusedTag(name, parts[2], differs))
    return refused


def refusal(refused: Sequence[RefusedTag]) -> GitError:
    """Return the error for a push in which these tags were refused."""
    first = refused[0]
    more = f" and {len(refused) - 1} more" if len(refused) > 1 else ""
    kind = ShallowError if "shallow" in first.why else RemoteRefusedError
    return kind(f"the remote refused {first.name}{more}: {first.why}")
