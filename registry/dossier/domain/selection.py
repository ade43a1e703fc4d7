"""Says which events of the audit log a dossier is told from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from registry.dossier.domain.logged_event import LoggedEvent

RENAMED = "model.renamed"
OF_THE_PLATFORM = frozenset(
    {
        "constitution.changed",
        "evidence.changed",
        "access.changed",
        "audit.log_replaced",
        "confinement.waived",
    }
)
"""Types that are about every model, whatever the event's name is."""
_OF_OTHERS = frozenset({"webhook", "service_token"})
"""First words of types whose name is not a model's."""


@dataclass(frozen=True, slots=True)
class Span:
    """A name that the model bore, from one number of the log (included) to another.

    Attributes:
        until: the first number that no longer counts; None while the model bears it.
    """

    name: str
    since: int
    until: int | None


def spans_of(name: str, renames: Sequence[LoggedEvent]) -> tuple[Span, ...]:
    """Return the names that a model bore, newest first.

    Args:
        name: at the time of the dossier.
        renames: events of the type `model.renamed`, of any model, in the order of the log.
    """
    found, until = list[Span](), None
    for event in reversed(renames):
        if event.data.get("to_name") == name and (until is None or event.sequence < until):
            found.append(Span(name, event.sequence, until))
            name, until = str(event.data.get("from_name")), event.sequence
    return (*found, Span(name, 0, until))


def is_about(event: LoggedEvent, spans: Sequence[Span]) -> bool:
    """Return whether an event belongs in the dossier of the model that bore these names."""
    if event.type in OF_THE_PLATFORM:
        return True
    if event.type.partition(".")[0] in _OF_OTHERS:
        return False
    names = {event.name}
    if event.type == RENAMED:
        names.add(str(event.data.get("from_name")))
    return any(
        span.name in names
        and span.since <= event.sequence
        and (span.until is None or event.sequence < span.until)
        for span in spans
    )
