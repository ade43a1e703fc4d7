"""Cuts long work into calls that end in time: a caller who waits for an answer asks for the next.

A server that worked for minutes on one request would be given up by its client.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeVar

BATCH_SECONDS = 20.0
"""How long one call may work before it returns what it has done."""

_Item = TypeVar("_Item")


@dataclass(slots=True)
class Batch:
    """One call's share of some items, in their order.

    Attributes:
        next: key after which the next call goes on; None once all is done.
    """

    seconds: float = BATCH_SECONDS
    now: Callable[[], float] = time.monotonic
    next: str | None = None

    def of(
        self, items: Sequence[_Item], key: Callable[[_Item], str], after: str = ""
    ) -> Iterator[_Item]:
        """Yield the items whose keys come after one, at least one of them, while there is time.

        Args:
            items: in any order.
            key: orders them, and is unique.
            after: key of the item that was done last.
        """
        left = sorted((one for one in items if key(one) > after), key=key)
        began = self.now()
        for one in left:
            yield one
            if one is not left[-1] and self.now() - began > self.seconds:
                self.next = key(one)
                return
        self.next = None

    def arriving(self, items: Generator[_Item, None, None]) -> Iterator[_Item]:
        """Yield items as they are made, at least one, while there is time; close what makes them.

        Where it stops early the next call makes the others; `next` only says that there is one.
        """
        began = self.now()
        with closing(items) as made:
            for one in made:
                yield one
                if self.now() - began > self.seconds:
                    self.next = "more"
                    return
        self.next = None


def every(ask: Callable[[str | None], Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield the results of one call after another, until one says that it was the last.

    Args:
        ask: makes one call, given the `next` of the one before.
    """
    after = None
    while True:
        found = ask(after)
        yield found
        after = found["next"]
        if after is None:
            return
