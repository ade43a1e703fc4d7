"""A witness cosigns what continues what it cosigned, and answers as tlog-witness says."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from registry.audit.merkle.domain.checkpoint import Checkpoint
from registry.audit.merkle.domain.note import KeyKind, Note, SigningKey
from registry.audit.merkle.domain.proofs import consistency_proof
from registry.audit.merkle.domain.submission import Refusal, Submission
from registry.audit.merkle.domain.tree import Frontier, leaf_hash, stored_place
from registry.audit.merkle.errors import MalformedError

LOG = SigningKey.of("log", KeyKind.LOG, Ed25519PrivateKey.from_private_bytes(b"l" * 32))
LOGS = {"log": [LOG.public]}


class Tree:
    """A log in memory; a fork has other entries from a number on."""

    def __init__(self, size: int, forked_from: int = 1000) -> None:
        self.size = size
        self.frontier, self.made = Frontier(), list[bytes]()
        for number in range(size):
            entry = b"%d" % number if number < forked_from else b"forged %d" % number
            self.made += self.frontier.append(leaf_hash(entry))

    @property
    def checkpoint(self) -> Checkpoint:
        return Checkpoint("log", self.size, self.frontier.root())

    def proof(self, old: int) -> tuple[bytes, ...]:
        def node(level: int, index: int) -> bytes:
            return self.made[stored_place(level, index)]

        return tuple(consistency_proof(old, self.size, node))

    def submission(self, old: int, key: SigningKey = LOG) -> Submission:
        text = self.checkpoint.text
        return Submission(old, self.proof(old), Note(text).adding(key.sign(text)))


def status(outcome: Checkpoint | Refusal) -> int:
    return outcome.status if isinstance(outcome, Refusal) else 200


@given(st.integers(0, 20), st.integers(0, 20))
def test_a_log_that_grew_is_cosigned(old: int, more: int) -> None:
    grown = Tree(old + more)
    submission = Submission.parse(str(grown.submission(old)))
    known = Tree(old).checkpoint if old else None
    assert submission.judged(known, LOGS) == grown.checkpoint


@given(st.integers(1, 20), st.integers(0, 20), st.integers(0, 19))
def test_a_fork_is_never_cosigned(old: int, more: int, place: int) -> None:
    fork = Tree(old + more, forked_from=min(place, old - 1))
    judged = fork.submission(old).judged(Tree(old).checkpoint, LOGS)
    assert status(judged) == (422 if more else 409)


STRANGER = SigningKey.of("log", KeyKind.LOG, Ed25519PrivateKey.from_private_bytes(b"s" * 32))


@pytest.mark.parametrize(
    ("submission", "known", "expected", "size"),
    [
        (Tree(5).submission(3), None, 409, 0),
        (Tree(5).submission(0), Tree(3).checkpoint, 409, 3),
        (Tree(3).submission(3), Tree(5).checkpoint, 409, 5),
        (Tree(0).submission(0), Tree(5).checkpoint, 409, 5),
        (Submission(6, (), Tree(5).submission(5).note), Tree(6).checkpoint, 400, None),
        (Tree(5).submission(0, STRANGER), None, 403, None),
        (Submission(3, (), Tree(5).submission(3).note), Tree(3).checkpoint, 422, None),
        (Submission(0, (bytes(32),), Tree(5).submission(0).note), None, 422, None),
    ],
)
def test_each_refusal_has_the_status_of_the_protocol(
    submission: Submission, known: Checkpoint | None, expected: int, size: int | None
) -> None:
    judged = submission.judged(known, LOGS)
    assert isinstance(judged, Refusal)
    assert (judged.status, judged.known_size) == (expected, size)


def test_a_log_that_nobody_named_is_not_watched() -> None:
    assert status(Tree(1).submission(0).judged(None, {})) == 404


GOOD = str(Tree(5).submission(3))


def bodies() -> Sequence[str]:
    first, rest = GOOD.split("\n", 1)
    return [
        "",
        "old 3",
        rest,
        GOOD.replace("old 3", "old 03"),
        GOOD.replace("old 3", "old -3"),
        GOOD.replace("old 3", "new 3"),
        f"{first}\nAAAA\n{rest}",
        f"{first}\nno base64\n{rest}",
        f"{first}\n" + "".join(f"{'A' * 43}=\n" for _ in range(64)) + rest,
        GOOD.replace("—", "-"),
        GOOD.replace("\n5\n", "\n05\n"),
    ]


@pytest.mark.parametrize("body", bodies())
def test_a_body_of_another_form_is_refused(body: str) -> None:
    with pytest.raises(MalformedError):
        Submission.parse(body).judged(None, LOGS)
