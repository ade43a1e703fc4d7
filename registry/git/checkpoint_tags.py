"""Tags checkpoints of the audit log, so that whoever fetches the repository keeps them.

An annotated tag `acgs-audit/000000000001204` points to a blob with the checkpoint. The repository
itself says which there are, so nothing else remembers them. A tag is made once and never moved: a
remote that has another one of its name shows that the log was forked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from registry.audit.merkle.adapters import log_files
from registry.audit.merkle.domain.checkpoint import Signed
from registry.audit.merkle.domain.note import VerifierKey
from registry.git.adapters import turns
from registry.git.adapters.remote import Remote, refusal
from registry.git.adapters.repository import TAGS, Repository
from registry.git.adapters.signing import signer
from registry.git.domain import objects
from registry.git.domain.names import CHECKPOINTS
from registry.git.settings import GitSettings

EVERY_SECONDS = 3600
"""Least time between two tags: each commits to all events before it."""
_FORMAT = "%(refname) %(taggerdate:unix)"


@dataclass(frozen=True, slots=True)
class CheckpointTags:
    """Tags the checkpoints of one log in one repository.

    Attributes:
        folder: of the log.
        log: its public key.
        remote: that the tags are pushed to; None for none.
    """

    repository: Repository
    remote: Remote | None
    folder: Path
    log: VerifierKey
    settings: GitSettings

    def write(self, now: datetime) -> str | None:
        """Tag the newest checkpoint: the cosigned one where there is one. Returns the tag's name.

        Returns:
            None if there is none to tag: the log has not grown, or an hour is not over.

        Raises:
            GitError: the repository cannot be used.
            NotProvenError: the checkpoint is not the log's.
        """
        signed = self._newest()
        if signed is None or signed.checkpoint.size == 0:
            return None
        seconds = int(now.timestamp())
        with turns.writing(self.repository):
            last = self._last()
            if last is not None:
                size, made = last
                if size >= signed.checkpoint.size or seconds - made < EVERY_SECONDS:
                    return None
            name = f"{CHECKPOINTS}{signed.checkpoint.size:015}"
            (blob,) = self.repository.write("blob", [str(signed.note).encode()])
            who = objects.person(objects.LEDGER_NAME, self.settings.email, seconds)
            text = objects.message(
                f"Audit log, {signed.checkpoint.size} events",
                {"Audit-Log": signed.checkpoint.origin, "Root": signed.checkpoint.root.hex()},
            )
            content = objects.tag(blob, name, who, text, "blob")
            signed_content = signer(self.repository, self.settings).sign([content])
            (made_tag,) = self.repository.write("tag", signed_content)
            self.repository.create({name: made_tag})
        return name

    def push(self) -> int:
        """Push the tags that the remote lacks, if there is a remote; return how many.

        Raises:
            GitError: the remote cannot be used, or has another tag of the name.
        """
        if self.remote is None:
            return 0
        here = [name for name in self.repository.tags() if name.startswith(CHECKPOINTS)]
        there = self.remote.tags() if here else {}
        missing = [name for name in here if name not in there]
        # Not forced: what the remote has under these names stays.
        refused = self.remote.push(missing) if missing else []
        if refused:
            raise refusal(refused)
        return len(missing)

    def _newest(self) -> Signed | None:
        for name in (log_files.COSIGNED, log_files.CHECKPOINT):
            written = log_files.note(self.folder, name)
            if written is not None:
                return Signed.open(written, [self.log])
        return None

    def _last(self) -> tuple[int, int] | None:
        """Return the size of the newest tag, and when it was made; None if there is none."""
        arguments = ("--sort=-refname", "--count=1", f"--format={_FORMAT}", f"{TAGS}{CHECKPOINTS}")
        line = self.repository.read("for-each-ref", *arguments).decode().strip()
        name, _, seconds = line.rpartition(" ")
        size = name.removeprefix(f"{TAGS}{CHECKPOINTS}")
        if not (size.isascii() and size.isdecimal()):
            return None
        return int(size), int(seconds) if seconds.isdecimal() else 0
