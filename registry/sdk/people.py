"""Defines what the client returns of people: seats, votes and comments of a request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Seat:
    """An approval that is needed.

    Attributes:
        role: in which it must be given; `any` for every role that may approve.
        by: who gave it; None while it is missing.
        could: who could give a missing one, as the roles in force say.
    """

    role: str
    by: str | None
    could: tuple[str, ...]

    @classmethod
    def of(cls, view: Mapping[str, Any]) -> Seat:
        """Read the server's JSON."""
        return cls(view["role"], view["by"], tuple(view["could"]))

    def __str__(self) -> str:
        return f"{self.role}: {self.by or 'missing'}"


@dataclass(frozen=True, slots=True)
class Vote:
    """What somebody voted.

    Attributes:
        who: `bob`, or `bob for alice` where alice lent the vote.
        expires_at: when an approval will count no more; None for never.
        ended: `withdrawn`, `void` or `expired`, and `ended_because` says why; None while it counts.
    """

    who: str
    approved: bool
    comment: str
    at: datetime
    expires_at: datetime | None
    ended: str | None
    ended_because: str | None

    @classmethod
    def of(cls, view: Mapping[str, Any]) -> Vote:
        """Read the server's JSON."""
        expires = view["expires_at"]
        return cls(
            view["who"],
            view["approved"],
            view["comment"],
            datetime.fromisoformat(view["at"]),
            datetime.fromisoformat(expires) if expires else None,
            view["ended"],
            view["ended_because"],
        )

    def __str__(self) -> str:
        said = f"{self.who} {'approved' if self.approved else 'rejected'}"
        return f"{said} ({self.ended}: {self.ended_because})" if self.ended else said


@dataclass(frozen=True, slots=True)
class Comment:
    """What somebody said of a request without a vote."""

    actor: str
    at: datetime
    text: str

    @classmethod
    def of(cls, view: Mapping[str, Any]) -> Comment:
        """Read the server's JSON."""
        return cls(view["actor"], datetime.fromisoformat(view["at"]), view["comment"])

    def __str__(self) -> str:
        return f"{self.actor}: {self.text}"
