"""Proves by a log's files that it has an event, and that it grew from an earlier size."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from infra.errors import NotFoundError
from registry.audit.merkle.adapters import log_files
from registry.audit.merkle.adapters.hash_file import HashFile
from registry.audit.merkle.domain import proofs
from registry.audit.merkle.domain.checkpoint import Checkpoint, Signed
from registry.audit.merkle.domain.entry import read_entry
from registry.audit.merkle.domain.note import VerifierKey
from registry.audit.merkle.domain.proof_file import ProofFile
from registry.audit.merkle.domain.tree import Frontier, Nodes, leaf_hash, stored_place
from registry.audit.merkle.errors import NotProvenError
from registry.audit.merkle.verification import signed_checkpoint


def prove_event(folder: Path, event_id: int, keys: Sequence[VerifierKey]) -> ProofFile:
    """Return the proof that an event is in a log: by the cosigned checkpoint if it covers it.

    Args:
        folder: of the log, or a copy of it.
        event_id: of the event, as `acgs audit log` shows it.
        keys: of the log.

    Raises:
        NotFoundError: the log has no such event.
        NotProvenError: no checkpoint covers it yet, or the entries are not what was signed.
    """
    number, entry = _find(folder, event_id)
    signed = _covering(folder, number, keys)
    size = signed.checkpoint.size
    with nodes_of(folder, signed) as nodes:
        hashes = tuple(proofs.inclusion_proof(number, size, nodes))
    proof = ProofFile(entry, number, hashes, str(signed.note))
    proof.require(keys)
    return proof


@contextmanager
def nodes_of(folder: Path, signed: Signed) -> Generator[Nodes]:
    """Yield the hashes of a log's tree: stored ones if they have the root, else made again.

    Raises:
        NotProvenError: the entries do not have the root either.
    """
    checkpoint = signed.checkpoint
    with ExitStack() as stack:
        stored = _stored(folder, stack)
        if stored is not None and _root(stored, checkpoint.size) == checkpoint.root:
            yield stored.node
            return
        made = _made(folder, checkpoint)
        yield lambda level, index: made[stored_place(level, index)]


def _stored(folder: Path, stack: ExitStack) -> HashFile | None:
    try:
        return stack.enter_context(HashFile.open(folder))
    except FileNotFoundError:
        return None


def _root(stored: HashFile, size: int) -> bytes:
    try:
        return stored.frontier(size).root()
    except LookupError:
        return b""


def _made(folder: Path, checkpoint: Checkpoint) -> list[bytes]:
    tree, made = Frontier(), list[bytes]()
    for entry in log_files.entries(folder):
        if tree.size == checkpoint.size:
            break
        made += tree.append(leaf_hash(entry))
    if tree.root() != checkpoint.root:
        raise NotProvenError(
            f"{folder}: expected entries with the root of the checkpoint of size "
            f"{checkpoint.size}, found others",
            hint="acgs audit verify FOLDER names the first that differs",
        )
    return made


def _find(folder: Path, event_id: int) -> tuple[int, bytes]:
    """Return the number and the entry of an event."""
    mark = b'"id":%d,' % event_id
    for number, entry in enumerate(log_files.entries(folder)):
        if mark in entry and read_entry(entry).get("id") == event_id:
            return number, entry
    raise NotFoundError(
        f"expected an event with the id {event_id} in the log, found none",
        hint="acgs audit log lists the events; the newest are in the log within a second",
    )


def _covering(folder: Path, number: int, keys: Sequence[VerifierKey]) -> Signed:
    """Return a checkpoint that covers an entry, the cosigned one if it does."""
    names = [log_files.CHECKPOINT]
    if log_files.note(folder, log_files.COSIGNED) is not None:
        names.insert(0, log_files.COSIGNED)
    for name in names:
        signed = signed_checkpoint(folder, name, keys)
        if number < signed.checkpoint.size:
            return signed
    raise NotProvenError(
        f"expected a checkpoint that covers event {number} of the log, found none",
        hint="it is signed within a second while the role manager runs; acgs health says more",
    )
