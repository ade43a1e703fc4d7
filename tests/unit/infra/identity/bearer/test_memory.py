from __future__ import annotations

from infra.identity.bearer import memory
from infra.identity.bearer.keys import PublicKey
from infra.identity.bearer.memory import Memory, Proven
from infra.identity.principal import Principal, Source

ALICE = Principal("alice", source=Source.JWT)
KEY = PublicKey("key", frozenset({"RS256"}))


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def kept(clock: Clock, token: str = "a.b.c") -> Memory:
    made = Memory(clock)
    made.keep(token, Proven(ALICE, "first", KEY, ends=1100.0))
    return made


def test_a_proven_token_is_known_again() -> None:
    assert kept(Clock()).find("a.b.c", lambda kid: KEY if kid == "first" else None) is ALICE


def test_another_token_is_not() -> None:
    assert kept(Clock()).find("a.b.d", lambda _: KEY) is None


def test_a_token_is_forgotten_when_it_ends() -> None:
    clock = Clock()
    made = kept(clock)
    clock.now = 1100.0

    assert made.find("a.b.c", lambda _: KEY) is None


def test_a_token_is_proven_again_when_its_key_was_withdrawn_or_replaced() -> None:
    made = kept(Clock())

    assert made.find("a.b.c", lambda _: None) is None
    assert made.find("a.b.c", lambda _: PublicKey("other", KEY.algorithms)) is None


def test_no_token_is_kept_in_the_clear_and_there_is_an_end_to_their_number() -> None:
    made = Memory(Clock())
    for number in range(memory.MOST + 10):
        made.keep(f"secret-{number}", Proven(ALICE, "first", KEY, 1100.0))

    assert len(made._known) == memory.MOST
    assert "secret" not in repr(made)
    assert made.find("secret-0", lambda _: KEY) is None
