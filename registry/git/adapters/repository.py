"""Runs git on one repository, in few processes that never prompt and never hang.

The work tree and the index are never touched. The user's hooks do not run on what is written
here (`core.hooksPath`), the environment of a surrounding git command is not inherited, and no
process has a terminal or may wait for a person.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from registry.git.errors import (
    GitError,
    GitMissingError,
    GitTimeoutError,
    NotARepositoryError,
    RepositoryGoneError,
    error_of,
)

LOCAL_SECONDS = 30.0
"""Longest that a command without a network may take, for up to some hundred objects."""

TAGS = "refs/tags/"
_KEPT = frozenset(
    {
        "GIT_SSH",
        "GIT_SSH_COMMAND",
        "GIT_SSH_VARIANT",
        "GIT_EXEC_PATH",
        "GIT_CONFIG_GLOBAL",
        "GIT_CONFIG_SYSTEM",
        "GIT_CONFIG_NOSYSTEM",
        "GIT_SSL_CAINFO",
        "GIT_SSL_CAPATH",
        "GIT_SSL_NO_VERIFY",
        "GIT_PROXY_COMMAND",
    }
)
_OPTIONS = (
    ("core.hooksPath", os.devnull),
    ("core.fsmonitor", "false"),
    ("core.fsync", "committed,loose-object"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("push.followTags", "false"),
    ("push.gpgSign", "false"),
    ("push.recurseSubmodules", "no"),
    ("color.ui", "false"),
    ("advice.pushAlreadyExists", "false"),
)


@dataclass(frozen=True, slots=True)
class Ref:
    """A tag in the repository; `object_id` is the tag object's, if the tag is annotated."""

    name: str
    object_id: str
    annotated: bool


@dataclass(frozen=True, slots=True)
class CommandResult:
    """How a command ended: its status and output."""

    status: int
    output: bytes
    errors: str


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository by its path; nothing is opened until needed.

    Attributes:
        path: top folder of a clone, or a bare repository itself.
        timeout_seconds: for a command that talks to a remote.
    """

    path: Path
    timeout_seconds: float = 60.0

    def run(
        self,
        *arguments: str,
        text: bytes = b"",
        seconds: float | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> CommandResult:
        """Run one git command here and return its result, even for a failure.

        Raises:
            GitMissingError: there is no git.
            RepositoryGoneError: the folder is not there.
            GitTimeoutError: it took longer than `seconds`; it and its children were killed.
        """
        if not self.path.is_dir():
            raise RepositoryGoneError(f"expected a git repository in {self.path}, found nothing")
        options = [part for key, value in _OPTIONS for part in ("-c", f"{key}={value}")]
        command = ["git", *options, "-C", str(self.path), *arguments]
        return run_command(
            command,
            arguments[0],
            text=text,
            seconds=LOCAL_SECONDS if seconds is None else seconds,
            environment={**clean_environment(self.path), **(environment or {})},
        )

    def read(self, *arguments: str, text: bytes = b"", seconds: float | None = None) -> bytes:
        """Run one git command here and return its output.

        Raises:
            GitError: it failed; the class says why.
        """
        outcome = self.run(*arguments, text=text, seconds=seconds)
        if outcome.status != 0:
            raise error_of(arguments[0], outcome.errors)
        return outcome.output

    def identity(self) -> str:
        """Return the absolute path of the git directory; refuses a folder that is not a repository.

        Raises:
            NotARepositoryError: `path` is not a repository, though a folder above may be one.
        """
        outcome = self.run("rev-parse", "--absolute-git-dir")
        if outcome.status == 0:
            return os.fsdecode(outcome.output.rstrip(b"\n"))
        error = error_of("rev-parse", outcome.errors)
        if isinstance(error, NotARepositoryError):
            raise NotARepositoryError(f"expected a git repository in {self.path}, found none")
        raise error

    def trees(self, commits: Iterable[str]) -> dict[str, str]:
        """Return the tree of each commit that the repository has."""
        asked = [commit for commit in dict.fromkeys(commits) if _is_object_id(commit)]
        if not asked:
            return {}
        lines = "".join(f"{commit}^{{tree}}\n" for commit in asked)
        answers = self.read("cat-file", "--batch-check", text=lines.encode()).decode().splitlines()
        return {
            commit: answer.split()[0]
            for commit, answer in zip(asked, answers, strict=True)
            if answer.split()[1:2] == ["tree"]
        }

    def has_all(self, objects: Sequence[str]) -> bool:
        """Return whether the repository has every one of these objects."""
        lines = "".join(f"{one}\n" for one in objects).encode()
        answers = self.read("cat-file", "--batch-check", text=lines).decode().splitlines()
        return not any(answer.endswith(" missing") for answer in answers)

    def has_commit(self, commit: str) -> bool:
        """Return whether the repository has a commit of this full id."""
        answer = self.read("cat-file", "--batch-check", text=f"{commit}\n".encode()).decode()
        return answer.split()[:2] == [commit, "commit"]

    def empty_tree(self) -> str:
        """Write the empty tree and return its id."""
        return self.read("hash-object", "-t", "tree", "-w", "--stdin").decode().strip()

    def write(self, kind: str, contents: Sequence[bytes]) -> list[str]:
        """Write objects of a kind, checked by git, and return their ids in order."""
        if not contents:
            return []
        with tempfile.TemporaryDirectory(prefix="acgs-git-") as folder:
            paths = [Path(folder) / str(place) for place in range(len(contents))]
            for path, content in zip(paths, contents, strict=True):
                path.write_bytes(content)
            lines = "".join(f"{path}\n" for path in paths).encode()
            arguments = ("-t", kind, "-w", "--no-filters", "--stdin-paths")
            return self.read("hash-object", *arguments, text=lines).decode().split()

    def create(self, refs: Mapping[str, str]) -> None:
        """Create tags that do not exist yet, all or none.

        Raises:
            GitError: one is there already, or none can be made.
        """
        lines = [f"create {TAGS}{name}\0{target}\0" for name, target in refs.items()]
        self._update(lines)

    def replace(self, name: str, target: str, found: str) -> None:
        """Point a tag to `target` if it points to `found`; "" means that it does not exist.

        Raises:
            GitError: the tag points to something else.
        """
        if not found:
            self.create({name: target})
            return
        self._update([f"update {TAGS}{name}\0{target}\0{found}\0"])

    def _update(self, lines: Sequence[str]) -> None:
        self.read("update-ref", "--no-deref", "-z", "--stdin", text="".join(lines).encode())

    def tags(self) -> dict[str, Ref]:
        """Return every tag of the repository by its name."""
        shape = "--format=%(objectname) %(objecttype) %(refname)"
        lines = self.read("for-each-ref", shape, TAGS).decode("utf-8", "surrogateescape")
        found = (line.split(" ", 2) for line in lines.splitlines())
        return {
            name.removeprefix(TAGS): Ref(name.removeprefix(TAGS), object_id, kind == "tag")
            for object_id, kind, name in found
        }

    def target(self, name: str) -> str | None:
        """Return the object that one tag points to; None when there is no such tag."""
        outcome = self.run("rev-parse", "--verify", "--quiet", f"{TAGS}{name}")
        return outcome.output.decode().strip() if outcome.status == 0 else None

    def pack_refs(self) -> None:
        """Pack many small ref files into one, for repositories that just got hundreds."""
        self.read("pack-refs", "--all")

    def config(self, pattern: str) -> dict[str, str]:
        """Return git's settings whose lower-case names match a pattern; the last one wins."""
        outcome = self.run("config", "--null", "--get-regexp", pattern)
        if outcome.status not in (0, 1):
            raise error_of("config", outcome.errors)
        parts = (part.partition("\n") for part in outcome.output.decode().split("\0") if part)
        return {key: value if found else "true" for key, found, value in parts}

    def content(self, object_id: str) -> bytes | None:
        """Return a tag object's content; None when it is not a tag or does not exist."""
        outcome = self.run("cat-file", "tag", object_id)
        return outcome.output if outcome.status == 0 else None


def run_command(
    command: Sequence[str],
    called: str,
    *,
    text: bytes = b"",
    seconds: float,
    environment: Mapping[str, str],
) -> CommandResult:
    """Run a process without a terminal, and end it with its children when it takes too long.

    Raises:
        GitMissingError: the executable is not there.
        GitTimeoutError: it took longer than `seconds`.
    """
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=dict(environment),
            start_new_session=True,
        )
    except FileNotFoundError as err:
        raise GitMissingError(f"expected the program {command[0]}, found none") from err
    except OSError as err:
        raise GitError(f"{command[0]} cannot be run: {err.strerror}") from err
    try:
        output, errors = process.communicate(text, timeout=seconds)
    except subprocess.TimeoutExpired as err:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise GitTimeoutError(f"git {called} was ended after {seconds:g} s") from err
    return CommandResult(process.returncode, output, errors.decode("utf-8", "replace"))


def clean_environment(path: Path) -> dict[str, str]:
    """Return an environment in which git prompts nobody and reads no repository but `path`."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("GIT_") or key in _KEPT
    }
    return {
        **kept,
        "LC_ALL": "C",
        "LANGUAGE": "",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "SSH_ASKPASS": "true",
        "SSH_ASKPASS_REQUIRE": "never",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_LAZY_FETCH": "1",
        # A folder that is not a repository must not stand for the one around it.
        "GIT_CEILING_DIRECTORIES": str(path.absolute().parent),
    }


def _is_object_id(text: str) -> bool:
    return len(text) in (40, 64) and all(c in "0123456789abcdef" for c in text)
