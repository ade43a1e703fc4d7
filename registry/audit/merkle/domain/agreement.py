"""Decides whether the log's files and the database may go on together.

Each remembers how far the other was. So a database that was restored from an old backup, and
files that were lost or exchanged, are seen before anything is signed that contradicts an earlier
signature.
"""

from __future__ import annotations

from dataclasses import dataclass

from registry.audit.merkle.domain.checkpoint import Checkpoint
from registry.audit.merkle.errors import LogBrokenError


@dataclass(frozen=True, slots=True)
class DatabaseSide:
    """What the database says.

    Attributes:
        leaves: number of leaves.
        size, root: of the last checkpoint that it remembers; 0 and empty before the first.
        last_leaf: hash of the leaf that is the last of the files' checkpoint; None if it is not
            there.
    """

    leaves: int
    size: int
    root: str
    last_leaf: bytes | None


def require_agreement(
    files: Checkpoint | None, files_last_leaf: bytes | None, database: DatabaseSide
) -> None:
    """Check that the database continues the files and the files the database.

    Args:
        files: the last checkpoint in the folder; None if there is none.
        files_last_leaf: hash of the last entry that it covers; None for an empty log.
        database: what the database says.

    Raises:
        LogBrokenError: they contradict each other. Nothing may be signed.
    """
    size = 0 if files is None else files.size
    if size < database.size:
        raise LogBrokenError(
            f"expected the checkpoint of size {database.size} that the database remembers, found "
            + ("no checkpoint file" if files is None else f"one of size {size}"),
            hint="restore the log's folder (ACGS_AUDIT_LOG) from its mirror or a backup; until "
            "then nothing is signed. If it is lost for good: acgs audit new-log",
        )
    if size > database.leaves:
        raise LogBrokenError(
            f"expected a database with the {size} events of the signed log, found {database.leaves}"
            ": an older backup may have been restored over it",
            hint="acgs audit verify names the first event that is missing; restore a newer backup, "
            "or acgs audit new-log",
        )
    forked = files is not None and size == database.size and files.root.hex() != database.root
    if forked or files_last_leaf != database.last_leaf:
        raise LogBrokenError(
            f"expected the database's event {size - 1} of the log to be the one that was signed, "
            "found another: one of them was replaced",
            hint="acgs audit verify names the first event that differs",
        )
