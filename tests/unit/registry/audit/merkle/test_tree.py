"""The tree is RFC 6962's, and its proofs prove what they say and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from registry.audit.merkle.domain import proofs
from registry.audit.merkle.domain.tree import (
    EMPTY_ROOT,
    Frontier,
    leaf_hash,
    leaf_hashes,
    node_hash,
    peak_places,
    range_root,
    stored_count,
    stored_place,
)

# Entries and roots of Certificate Transparency's own reference tests.
ENTRIES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
SIZES = st.integers(1, 70)


def leaves(count: int) -> list[bytes]:
    return [leaf_hash(b"%d" % number) for number in range(count)]


def root_by_the_book(hashes: Sequence[bytes]) -> bytes:
    """The definition of RFC 6962, without a thought for speed."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    if len(hashes) == 1:
        return hashes[0]
    split = 1
    while split * 2 < len(hashes):
        split *= 2
    return node_hash(root_by_the_book(hashes[:split]), root_by_the_book(hashes[split:]))


class Stored:
    """Hashes in the order in which the frontier makes them."""

    def __init__(self, hashes: Sequence[bytes]) -> None:
        self.frontier, self.made = Frontier(), list[bytes]()
        for one in hashes:
            self.made += self.frontier.append(one)

    def node(self, level: int, index: int) -> bytes:
        return self.made[stored_place(level, index)]


@pytest.mark.parametrize("size", range(9))
def test_roots_are_those_of_certificate_transparency(size: int) -> None:
    frontier = Frontier()
    frontier.extend(leaf_hashes(ENTRIES[:size]))
    assert frontier.root().hex() == ROOTS[size]
    assert frontier.size == size


def test_a_leaf_is_no_node() -> None:
    left, right = leaves(2)
    assert leaf_hash(left + right) != node_hash(left, right)
    assert Frontier().root() == EMPTY_ROOT


@given(st.integers(0, 70))
def test_a_frontier_has_the_root_that_the_definition_gives(size: int) -> None:
    stored = Stored(leaves(size))
    assert stored.frontier.root() == root_by_the_book(leaves(size))
    assert len(stored.made) == stored_count(size)
    assert [stored.node(*place) for place in peak_places(size)] == stored.frontier.peaks


@given(st.lists(st.integers(0, 40), max_size=4))
def test_many_leaves_at_a_time_make_the_same_tree_as_one_by_one(counts: list[int]) -> None:
    hashes = leaves(sum(counts))
    tree, start = Frontier(), 0
    for count in counts:
        tree.extend(hashes[start : start + count])
        start += count
    assert tree == Stored(hashes).frontier


@given(SIZES, st.data())
def test_every_leaf_is_proven_to_be_in_every_tree_that_has_it(
    size: int, data: st.DataObject
) -> None:
    stored = Stored(leaves(size))
    index = data.draw(st.integers(0, size - 1))
    proof = proofs.inclusion_proof(index, size, stored.node)
    root = stored.frontier.root()
    leaf = leaves(size)[index]
    assert proofs.proves_inclusion(leaf, index, size, proof, root)

    other = leaf_hash(b"another")
    assert not proofs.proves_inclusion(other, index, size, proof, root)
    assert not proofs.proves_inclusion(leaf, index, size, proof, other)
    assert not proofs.proves_inclusion(leaf, index, size, [*proof, other], root)
    assert not proofs.proves_inclusion(leaf, size, size, proof, root)
    for place in range(len(proof)):
        changed = [*proof[:place], other, *proof[place + 1 :]]
        assert not proofs.proves_inclusion(leaf, index, size, changed, root)
        assert not proofs.proves_inclusion(leaf, index, size, proof[:place], root)


@given(SIZES, SIZES, st.data())
def test_an_index_other_than_the_leafs_is_refused(
    first: int, size: int, data: st.DataObject
) -> None:
    assume(first < size)
    stored = Stored(leaves(size))
    proof = proofs.inclusion_proof(first, size, stored.node)
    index = data.draw(st.integers(0, size - 1).filter(lambda other: other != first))
    leaf = leaves(size)[first]
    assert not proofs.proves_inclusion(leaf, index, size, proof, stored.frontier.root())


@given(SIZES, SIZES)
def test_every_tree_is_proven_to_begin_with_every_smaller_one(old: int, new: int) -> None:
    assume(old <= new)
    stored = Stored(leaves(new))
    proof = proofs.consistency_proof(old, new, stored.node)
    was, now = root_by_the_book(leaves(old)), stored.frontier.root()
    assert len(proof) <= proofs.LONGEST
    assert proofs.proves_consistency(old, new, proof, was, now)

    other = leaf_hash(b"another")
    assert not proofs.proves_consistency(old, new, proof, other, now)
    assert not proofs.proves_consistency(old, new, proof, was, other)
    assert not proofs.proves_consistency(old, new, [*proof, other], was, now)
    assert not proofs.proves_consistency(new + 1, new, proof, was, now)
    for place in range(len(proof)):
        changed = [*proof[:place], other, *proof[place + 1 :]]
        assert not proofs.proves_consistency(old, new, changed, was, now)
        assert not proofs.proves_consistency(old, new, proof[:place], was, now)


@given(SIZES, SIZES, st.data())
def test_no_proof_joins_a_tree_to_one_that_changed_an_old_leaf(
    old: int, new: int, data: st.DataObject
) -> None:
    assume(old <= new)
    hashes = leaves(new)
    hashes[data.draw(st.integers(0, old - 1))] = leaf_hash(b"forged")
    forged = Stored(hashes)
    proof = proofs.consistency_proof(old, new, forged.node)
    was = root_by_the_book(leaves(old))
    assert not proofs.proves_consistency(old, new, proof, was, forged.frontier.root())


def test_every_tree_begins_with_the_empty_one() -> None:
    stored = Stored(leaves(5))
    assert proofs.consistency_proof(0, 5, stored.node) == []
    assert proofs.proves_consistency(0, 5, [], EMPTY_ROOT, stored.frontier.root())
    assert not proofs.proves_consistency(0, 5, leaves(1), EMPTY_ROOT, stored.frontier.root())


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_there_is_no_proof_for_a_leaf_that_the_tree_lacks(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="expected an index"):
        proofs.inclusion_proof(index, size, Stored(leaves(size)).node)


def test_there_is_no_proof_that_a_tree_begins_with_a_larger_one() -> None:
    with pytest.raises(ValueError, match="expected sizes"):
        proofs.consistency_proof(4, 3, Stored(leaves(4)).node)


@given(SIZES)
def test_the_whole_range_has_the_trees_root(size: int) -> None:
    stored = Stored(leaves(size))
    assert range_root(0, size, stored.node) == stored.frontier.root()
