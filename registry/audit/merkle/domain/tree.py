"""Hashes a Merkle tree that only grows.

Source: RFC 6962, section 2.1 (RFC 9162 has the same tree). SHA-256; a leaf and a node are hashed
with different prefixes, so that neither can be passed off as the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

Nodes = Callable[[int, int], bytes]
"""Returns the hash of a full subtree: of its level (0 for leaves) and its index in that level."""

_sha256 = hashlib.sha256


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of an entry."""
    return _sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of a node with two subtrees."""
    return _sha256(b"\1" + left + right).digest()


@dataclass(slots=True)
class Frontier:
    """The right edge of a growing tree: all that appending and the root need.

    Attributes:
        size: number of leaves.
        peaks: hashes of the full subtrees that the tree is made of, the largest first; one for
            each 1 in the binary form of `size`.
    """

    size: int = 0
    peaks: list[bytes] = field(default_factory=list)

    def append(self, leaf: bytes) -> list[bytes]:
        """Append a leaf's hash.

        Returns:
            The hashes of the subtrees that are full now, lowest first; the leaf is the first.
        """
        made = [leaf]
        peaks, rest = self.peaks, self.size
        while rest & 1:
            leaf = _sha256(b"\1" + peaks.pop() + leaf).digest()
            made.append(leaf)
            rest >>= 1
        peaks.append(leaf)
        self.size += 1
        return made

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Append the hashes of many leaves; much faster than one by one."""
        done = 0
        while done < len(leaves):
            # The largest full subtree that can begin here: hashed level by level.
            room = self.size & -self.size if self.size else 1 << (len(leaves) - done).bit_length()
            count = min(room, 1 << ((len(leaves) - done).bit_length() - 1))
            self._append_full(_full_root(leaves[done : done + count]), count)
            done += count

    def _append_full(self, root: bytes, count: int) -> None:
        """Append the root of a full subtree of `count` leaves, a power of two that divides size."""
        rest = self.size // count
        while rest & 1:
            root = _sha256(b"\1" + self.peaks.pop() + root).digest()
            rest >>= 1
        self.peaks.append(root)
        self.size += count

    def root(self) -> bytes:
        """Return the hash of the whole tree."""
        if not self.peaks:
            return EMPTY_ROOT
        *left, root = self.peaks
        for peak in reversed(left):
            root = node_hash(peak, root)
        return root


def _full_root(hashes: Sequence[bytes]) -> bytes:
    """Return the root over the hashes of leaves, whose number is a power of two."""
    while len(hashes) > 1:
        pairs = zip(hashes[::2], hashes[1::2], strict=True)
        hashes = [_sha256(b"\1" + left + right).digest() for left, right in pairs]
    return hashes[0]


def leaf_hashes(entries: Iterable[bytes]) -> list[bytes]:
    """Return the hashes of many entries."""
    return [_sha256(b"\0" + entry).digest() for entry in entries]


def peak_places(size: int) -> Sequence[tuple[int, int]]:
    """Return (level, index) of each full subtree that a tree of `size` is made of, largest first.

    Args:
        size: number of leaves, >= 0.
    """
    places = []
    start = 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            places.append((level, start >> level))
            start += 1 << level
    return places


def range_root(start: int, end: int, nodes: Nodes) -> bytes:
    """Return the root over the leaves `start` to `end` (exclusive), as RFC 6962 splits them.

    Args:
        start: first leaf; a multiple of the largest power of two in the range.
        end: > start.
        nodes: hashes of the full subtrees in the range.
    """
    count = end - start
    if count & (count - 1) == 0:
        level = count.bit_length() - 1
        return nodes(level, start >> level)
    split = largest_power_below(count)
    return node_hash(range_root(start, start + split, nodes), range_root(start + split, end, nodes))


def largest_power_below(count: int) -> int:
    """Return the largest power of two that is smaller than `count`, > 1."""
    return 1 << ((count - 1).bit_length() - 1)


def stored_place(level: int, index: int) -> int:
    """Return where a subtree's hash stands if hashes are stored as `Frontier.append` makes them."""
    last_leaf = ((index + 1) << level) - 1
    return stored_count(last_leaf) + level


def stored_count(size: int) -> int:
    """Return how many full subtrees, leaves among them, a tree of `size` leaves has."""
    return 2 * size - size.bit_count()
