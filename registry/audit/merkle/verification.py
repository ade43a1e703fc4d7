"""Verifies an audit log by its files and public keys: no database, no settings, no network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from itertools import islice
from pathlib import Path

from registry.audit.merkle.adapters import log_files
from registry.audit.merkle.adapters.hash_file import HashFile
from registry.audit.merkle.domain.checkpoint import Checkpoint, Signed
from registry.audit.merkle.domain.entry import first_misplaced, read_entry
from registry.audit.merkle.domain.note import VerifierKey
from registry.audit.merkle.domain.tree import Frontier, leaf_hash, leaf_hashes
from registry.audit.merkle.errors import MalformedError, NotProvenError

BLOCK = 4096
"""Entries that are hashed at a time."""

Report = Callable[[int, int], None]
"""Takes how many entries were verified, of how many."""


@dataclass(frozen=True, slots=True)
class Trust:
    """What somebody who verifies brings along.

    Attributes:
        logs: public keys of the log; at least one.
        witnesses: public keys of witnesses; if any, what one of them cosigned counts as proven.
        kept: checkpoints from elsewhere, by where each was: an e-mail, a git tag, a bucket.
    """

    logs: Sequence[VerifierKey]
    witnesses: Sequence[VerifierKey] = ()
    kept: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Verified:
    """What was proven.

    Attributes:
        proven: the checkpoint that counts: cosigned if witnesses are trusted, else signed.
        signed: the log's newest checkpoint.
        cosigned_seconds: when a witness cosigned, in seconds since the epoch; None without one.
        kept: sizes of the checkpoints from elsewhere that the log continues.
        unproven: entries after the checkpoint that counts.
    """

    proven: Checkpoint
    signed: Checkpoint
    cosigned_seconds: int | None
    kept: tuple[int, ...]
    unproven: int


class _Keeper(Enum):
    """Who keeps a checkpoint."""

    LOG = auto()
    WITNESS = auto()
    VERIFIER = auto()


@dataclass(frozen=True, slots=True)
class _Claim:
    """A root that the log signed, who keeps it, and whose it is in words."""

    checkpoint: Checkpoint
    whose: str
    keeper: _Keeper


def verify(folder: Path, trust: Trust, report: Report = lambda _done, _of: None) -> Verified:
    """Verify a log's files.

    Args:
        folder: of the log, or a copy of it.
        trust: whose signatures count.
        report: called now and then.

    Raises:
        NotProvenError: the files are not what was signed; names the first entry that differs.
        MalformedError: a file does not have its form.
    """
    signed = signed_checkpoint(folder, log_files.CHECKPOINT, trust.logs)
    claims = [_Claim(signed.checkpoint, "the log's checkpoint", _Keeper.LOG)]
    seconds = None
    if trust.witnesses:
        cosigned = signed_checkpoint(folder, log_files.COSIGNED, trust.logs)
        seconds = cosigned.witnessed(trust.witnesses)
        claims.append(_Claim(cosigned.checkpoint, "the cosigned checkpoint", _Keeper.WITNESS))
    for where, written in trust.kept:
        kept = Signed.open(written, trust.logs).checkpoint
        claims.append(_Claim(kept, f"the checkpoint {where}", _Keeper.VERIFIER))
    proven = claims[1].checkpoint if trust.witnesses else signed.checkpoint
    newest = max(claims, key=lambda claim: claim.checkpoint.size)
    if newest.checkpoint.size > signed.checkpoint.size:
        raise NotProvenError(
            f"expected at least the {newest.checkpoint.size} events of {newest.whose}, found a "
            f"log of {signed.checkpoint.size}: event {signed.checkpoint.size} is the first that "
            "is missing",
            hint="the log was truncated or restored from an old backup",
        )
    there = _require_roots(folder, claims, report)
    sizes = tuple(one.checkpoint.size for one in claims if one.keeper is _Keeper.VERIFIER)
    return Verified(proven, signed.checkpoint, seconds, sizes, there - proven.size)


def signed_checkpoint(folder: Path, name: str, keys: Sequence[VerifierKey]) -> Signed:
    """Return a checkpoint of a log's folder, whose signature is checked.

    Raises:
        NotProvenError: there is none, or none of the keys signed it.
    """
    written = log_files.note(folder, name)
    if written is None:
        raise NotProvenError(
            f"expected a checkpoint in {folder / name}, found no such file",
            hint="no witness has cosigned yet, or the file was lost; what nobody signed proves "
            "nothing"
            if name == log_files.COSIGNED
            else "give the folder of an audit log; one without its checkpoint proves nothing",
        )
    return Signed.open(written, keys)


def proven_entries(folder: Path, size: int) -> Iterator[bytes]:
    """Yield the first entries of a log that was verified."""
    found = log_files.entries(folder)
    for _ in range(size):
        yield next(found)


def _require_roots(folder: Path, claims: Sequence[_Claim], report: Report) -> int:
    """Check every claim in one pass over the entries; return how many entries there are."""
    waiting = sorted(claims, key=lambda claim: claim.checkpoint.size)
    size = waiting[-1].checkpoint.size
    tree, met = Frontier(), list[_Claim]()
    for claim in [one for one in waiting if one.checkpoint.size == 0]:
        _require_root(folder, claim, tree, met)
    pending = [one for one in waiting if one.checkpoint.size]
    found = log_files.entries(folder)
    while pending:
        missing = pending[0].checkpoint.size - tree.size
        entries = list(islice(found, min(BLOCK, missing)))
        if not entries:
            raise _missing(pending[0], tree.size)
        wrong = first_misplaced(entries, tree.size)
        if wrong is not None:
            entry = entries[wrong - tree.size]
            raise _wrong_entry(folder, pending[0], wrong, entry, met)
        tree.extend(leaf_hashes(entries))
        while pending and pending[0].checkpoint.size == tree.size:
            _require_root(folder, pending[0], tree, met)
            met.append(pending.pop(0))
        report(tree.size, size)
    return size + sum(1 for _ in found)


def _missing(claim: _Claim, count: int) -> NotProvenError:
    return NotProvenError(
        f"expected the {claim.checkpoint.size} events of {claim.whose}, found {count}: event "
        f"{count} is the first that is missing",
        hint="the entries were truncated, or not copied to their end",
    )


def _require_root(folder: Path, claim: _Claim, tree: Frontier, met: Sequence[_Claim]) -> None:
    if tree.root() != claim.checkpoint.root:
        raise _changed(folder, claim, met)


def _changed(folder: Path, claim: _Claim, met: Sequence[_Claim]) -> NotProvenError:
    """Name the first entry that is not the one that was signed, as far as that can be told."""
    number = _first_difference(folder, claim.checkpoint)
    if number is not None:
        entry = next(e for n, e in enumerate(log_files.entries(folder)) if n == number)
        return NotProvenError(
            f"event {number} of the log ({described(entry)}) is the first that differs from what "
            "was signed",
            hint="it was altered, replaced or moved after it was signed; get the files from "
            "elsewhere",
        )
    where = f"the first event that differs is one of {_range(met, claim)}"
    if claim.keeper is _Keeper.LOG:
        return NotProvenError(
            f"expected the events that {claim.whose} of size {claim.checkpoint.size} is about, "
            f"found others: {where}",
            hint="the file of hashes, which would tell which, is missing or was changed as well",
        )
    return NotProvenError(
        f"expected the log to continue {claim.whose} of size {claim.checkpoint.size}, found "
        f"another history: {where}",
        hint="the log was forked, and shows different people different histories; or its files "
        "were changed",
    )


def _wrong_entry(
    folder: Path, claim: _Claim, number: int, entry: bytes, met: Sequence[_Claim]
) -> NotProvenError:
    """Return what an entry with another number than its place means."""
    first = _first_difference(folder, claim.checkpoint)
    if first is not None and first < number:
        return _changed(folder, claim, met)
    return NotProvenError(
        f"event {number} of the log is the first that differs from what was signed: expected the "
        f"event with that number, found {described(entry)}",
        hint="events were deleted, inserted or moved after they were signed",
    )


def _first_difference(folder: Path, checkpoint: Checkpoint) -> int | None:
    """Return the first entry whose hash is not the one in the file of hashes.

    Returns:
        None if that file does not have the checkpoint's root itself, so that it proves nothing.
    """
    try:
        with HashFile.open(folder) as hashes:
            if hashes.frontier(checkpoint.size).root() != checkpoint.root:
                return None
            number = 0
            for entry in log_files.entries(folder):
                if number == checkpoint.size or leaf_hash(entry) != hashes.node(0, number):
                    return number
                number += 1
            return number
    except (OSError, LookupError):
        return None


def _range(met: Sequence[_Claim], claim: _Claim) -> str:
    """Return which events may differ: those after the largest checkpoint that was met.

    What the log alone keeps says nothing of where it left a history that others know.
    """
    any_counts = claim.keeper is _Keeper.LOG
    sizes = [one.checkpoint.size for one in met if any_counts or one.keeper is not _Keeper.LOG]
    return f"events {max(sizes, default=0)} to {claim.checkpoint.size - 1} of the log"


def described(entry: bytes) -> str:
    """Return an entry in a few words: its number, uid and type as it gives them."""
    try:
        found = read_entry(entry)
    except MalformedError:
        return f"no entry but {entry[:40]!r}"
    return f"number {found.get('sequence')}, uid {found.get('uid')}, {found.get('type')}"
