"""Writes what people say about a request as lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def people_lines(view: Mapping[str, Any]) -> list[str]:
    """Return seats, votes and comments of a request, a line each."""
    digest = view["shown"].get("digest")
    lines = [f"{'shown':<12} {digest}"] if digest else []
    if view["problem"]:
        lines.append(f"{'seat':<12} unknown: {view['problem']}")
    lines += [f"{'seat':<12} {_seat(seat)}" for seat in view["seats"]]
    lines += [f"{'vote':<12} {_vote(vote)}" for vote in view["votes"]]
    return lines + [
        f"{'comment':<12} {one['actor']} at {one['at']}: {one['comment']}"
        for one in view["comments"]
    ]


def _seat(seat: Mapping[str, Any]) -> str:
    if seat["by"] is not None:
        return f"{seat['role']}: {seat['by']}"
    # A group's name may hold a comma, so each stands in quotes.
    could: Sequence[str] = [repr(one) for one in seat["could"]]
    return f"{seat['role']}: missing; {', '.join(could) or 'nobody'} could give it"


def _vote(vote: Mapping[str, Any]) -> str:
    said = "approved" if vote["approved"] else "rejected"
    text = f"{vote['number']}: {vote['who']} {said} at {vote['at']}"
    if vote["comment"]:
        text += f": {vote['comment']}"
    if vote["ended"]:
        return f"{text} ({vote['ended']}: {vote['ended_because']})"
    return f"{text} (until {vote['expires_at']})" if vote["expires_at"] else text
