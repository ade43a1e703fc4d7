"""Returns what somebody was shown when they voted."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine

from infra.stores.db import reading
from registry.domain.records import Request
from registry.gate.adapters import ballots, screens
from registry.gate.domain.votes import Ballot, Screen
from registry.gate.errors import NoScreenError, ScreenDamagedError


@dataclass(frozen=True, slots=True)
class KeptScreens:
    """Reads kept screens. Each is proven by its digest, and the digest by the vote's event."""

    engine: Engine

    def of_vote(self, request: Request, number: int) -> tuple[Ballot, Screen]:
        """Return a vote on a request with its screen.

        Args:
            request: that was voted on.
            number: of the vote among all on the request, from 1.

        Raises:
            NoScreenError: there is no such vote, or an earlier release took it.
            ScreenDamagedError: somebody changed what was kept.
        """
        with reading(self.engine) as connection:
            votes = ballots.ballots(connection, request.id)
            if not 1 <= number <= len(votes):
                raise NoScreenError(
                    f"expected one of {len(votes)} votes on request {request.id}, found vote "
                    f"{number}",
                    hint=f"acgs request show {request.id}",
                )
            ballot = votes[number - 1]
            digests = ballot.screen
            if digests is None:
                raise NoScreenError(
                    f"expected what {ballot.who} was shown, found that the release which took "
                    "the vote kept none",
                    hint=f"acgs request show {request.id}",
                )
            if not screens.is_told(connection, request.id, digests):
                raise ScreenDamagedError(
                    f"expected an event of the vote by {ballot.who} that names {digests.page}, "
                    "found none",
                    hint="somebody changed the table acgs_approval: acgs audit verify",
                )
            facts = screens.read(connection, digests.facts)
            page = screens.read(connection, digests.page)
        return ballot, Screen(facts, page, digests.confirmed)
