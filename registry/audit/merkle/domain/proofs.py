"""Makes and checks proofs: that a tree has a leaf, and that a tree grew from a smaller one.

Source: RFC 6962, sections 2.1.1 and 2.1.2, for making; RFC 9162, sections 2.1.3.2 and 2.1.4.2,
for checking.
"""

from __future__ import annotations

from collections.abc import Sequence

from registry.audit.merkle.domain.tree import Nodes, largest_power_below, node_hash, range_root

LONGEST = 63
"""Most hashes of a proof, as C2SP's tlog-witness limits them."""


def inclusion_proof(index: int, size: int, nodes: Nodes) -> list[bytes]:
    """Return the proof that a leaf is in a tree, the leaf's neighbour first.

    Args:
        index: of the leaf, 0 <= index < size.
        size: of the tree.
        nodes: hashes of its full subtrees.

    Raises:
        ValueError: the tree has no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"expected an index below {size}, found {index}")
    return _path(index, 0, size, nodes)


def _path(index: int, start: int, end: int, nodes: Nodes) -> list[bytes]:
    if end - start == 1:
        return []
    middle = start + largest_power_below(end - start)
    if index < middle:
        return [*_path(index, start, middle, nodes), range_root(middle, end, nodes)]
    return [*_path(index, middle, end, nodes), range_root(start, middle, nodes)]


def consistency_proof(old: int, new: int, nodes: Nodes) -> list[bytes]:
    """Return the proof that the tree of size `new` begins with the tree of size `old`.

    Empty if both are the same, or the old tree is empty.

    Raises:
        ValueError: the sizes are not 0 <= old <= new.
    """
    if not 0 <= old <= new:
        raise ValueError(f"expected sizes 0 <= old <= new, found {old} and {new}")
    if old in {0, new}:
        return []
    return _subproof(old, 0, new, nodes, is_whole=True)


def _subproof(old: int, start: int, end: int, nodes: Nodes, *, is_whole: bool) -> list[bytes]:
    if old == end:
        return [] if is_whole else [range_root(start, end, nodes)]
    middle = start + largest_power_below(end - start)
    if old <= middle:
        return [
            *_subproof(old, start, middle, nodes, is_whole=is_whole),
            range_root(middle, end, nodes),
        ]
    return [
        *_subproof(old, middle, end, nodes, is_whole=False),
        range_root(start, middle, nodes),
    ]


def proves_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Return whether a proof shows that a leaf's hash stands at an index of a tree."""
    if not 0 <= index < size:
        return False
    place, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            found = node_hash(sibling, found)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and found == root


def proves_consistency(
    old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes
) -> bool:
    """Return whether a proof shows that the newer tree begins with the older one.

    Every tree begins with the empty one: the proof must be empty then, as for equal sizes.
    """
    if not 0 <= old <= new:
        return False
    if old == new:
        return not proof and old_root == new_root
    if old == 0:
        return not proof
    hashes = list(proof) if old & (old - 1) else [old_root, *proof]
    if not hashes:
        return False
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    was = now = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            was, now = node_hash(sibling, was), node_hash(sibling, now)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            now = node_hash(now, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and was == old_root and now == new_root
