"""Signs tags as git does, many at a time; `git verify-tag` checks them.

Source: git's gpg-interface.c: `ssh-keygen -Y sign -n git` for SSH, `gpg -bsau KEY` for OpenPGP,
over the tag object's content; the signature follows the content.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from registry.git.adapters.repository import (
    LOCAL_SECONDS,
    Repository,
    clean_environment,
    run_command,
)
from registry.git.errors import GitMissingError, SigningError
from registry.git.settings import GitSettings

_CONFIG = r"^(tag\.gpgsign|user\.signingkey|gpg\..*)$"
_TRUE = frozenset({"true", "yes", "on", "1"})


class Signer(Protocol):
    """Signs tags, or leaves them unsigned."""

    def sign(self, contents: Sequence[bytes]) -> list[bytes]:
        """Return each content with its signature.

        Raises:
            SigningError: one cannot be signed; none is returned then.
        """


@dataclass(frozen=True, slots=True)
class Unsigned:
    """Leaves tags unsigned."""

    def sign(self, contents: Sequence[bytes]) -> list[bytes]:
        """Return the contents unchanged."""
        return list(contents)


@dataclass(frozen=True, slots=True)
class Ssh:
    """Signs with an SSH key: a private key, or a public one whose private half an agent holds."""

    key: str
    program: str = "ssh-keygen"

    def sign(self, contents: Sequence[bytes]) -> list[bytes]:
        """Return each content with its signature; one process for all."""
        with tempfile.TemporaryDirectory(prefix="acgs-git-") as name:
            folder = Path(name)
            key, more = self._key(folder)
            paths = [folder / str(place) for place in range(len(contents))]
            for path, content in zip(paths, contents, strict=True):
                path.write_bytes(content)
            command = [self.program, "-Y", "sign", "-n", "git", "-f", key, *more]
            _run([*command, *map(str, paths)], b"", folder)
            try:
                signatures = [Path(f"{path}.sig").read_bytes() for path in paths]
            except OSError as err:
                raise SigningError(f"{self.program} wrote no signature") from err
        return [c + s for c, s in zip(contents, signatures, strict=True)]

    def _key(self, folder: Path) -> tuple[str, tuple[str, ...]]:
        literal = self.key.removeprefix("key::")
        if literal != self.key or literal.startswith("ssh-"):
            path = folder / "key.pub"
            path.write_text(literal + "\n")
            return str(path), ("-U",)
        return str(Path(self.key).expanduser()), ()


@dataclass(frozen=True, slots=True)
class OpenPgp:
    """Signs with an OpenPGP key; the passphrase comes from the agent or not at all."""

    key: str
    program: str = "gpg"

    def sign(self, contents: Sequence[bytes]) -> list[bytes]:
        """Return each content with its signature; one process each."""
        base = [self.program, "--batch", "--no-tty", "--pinentry-mode", "error", "-bsau", self.key]
        return [content + _run(base, content, Path("/")) for content in contents]


def _run(command: Sequence[str], text: bytes, folder: Path) -> bytes:
    try:
        outcome = run_command(
            command,
            "signing",
            text=text,
            seconds=LOCAL_SECONDS,
            environment=clean_environment(folder),
        )
    except GitMissingError as err:
        raise SigningError(f"expected the program {command[0]}, found none") from err
    if outcome.status != 0:
        said = " | ".join(outcome.errors.strip().splitlines()[-3:])
        raise SigningError(f"{command[0]} could not sign a tag: {said}"[:800])
    return outcome.output


def signer(repository: Repository, settings: GitSettings) -> Signer:
    """Return the signer that a repository's git settings ask for.

    Raises:
        SigningError: the settings ask for signatures, and there is no key.
    """
    if settings.sign == "never":
        return Unsigned()
    config = repository.config(_CONFIG)
    if settings.sign == "auto" and config.get("tag.gpgsign", "").lower() not in _TRUE:
        return Unsigned()
    key = settings.signing_key or config.get("user.signingkey", "")
    if not key:
        raise SigningError("expected a signing key for the tags, found none")
    if settings.signing_key:
        is_ssh = Path(key).expanduser().exists() or key.startswith(("ssh-", "key::"))
    else:
        is_ssh = config.get("gpg.format", "openpgp").lower() == "ssh"
    if is_ssh:
        return Ssh(key, config.get("gpg.ssh.program", "ssh-keygen"))
    program = config.get("gpg.openpgp.program") or config.get("gpg.program") or "gpg"
    return OpenPgp(key, program)
