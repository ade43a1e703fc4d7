"""Says which statements of a dossier rest on trust in whom: what no signature can prove."""

from __future__ import annotations

from collections.abc import Sequence

from registry.domain.values import SYSTEM
from registry.dossier.domain.json_values import text
from registry.dossier.domain.logged_event import LoggedEvent

_VOUCHERS = {
    "claim": "nobody: the name was claimed and never checked",
    "basic-auth": "MLflow's users and their passwords",
    "jwt": "the issuer of the tokens",
    "proxy": "the authenticating proxy",
    "service-token": "whoever held the service token",
    "platform": "the platform",
}
"""Who vouches for a name, by the source that it is known from."""


def statements(origin: str, events: Sequence[LoggedEvent]) -> list[dict[str, object]]:
    """Return each kind of statement with whom one has to trust for it.

    Args:
        origin: the log's name.
        events: that the dossier is told from.
    """
    who_signs = f"who holds the secret key of {origin}"
    return [
        _rests("this file is the one that was signed", "nobody: it is computed"),
        _rests("each event stands in the log of this checkpoint", "nobody: it is computed"),
        _rests("the story follows from these events", "nobody: it is computed"),
        _rests(
            "the log says today what it said at the time",
            f"{who_signs}; with a cosignature, that the witness is somebody else's",
        ),
        _rests(
            "no event about the model is left out",
            f"{who_signs}; nobody, if you have the log: acgs verify --log FOLDER",
        ),
        _rests("everything that happened was recorded", "the platform"),
        _rests(
            "times", "the platform's clock; a cosignature proves that the record is not younger"
        ),
        *(
            _rests(f"names known by {source}", _VOUCHERS.get(source, source))
            for source in sorted({text(event.principal.get("source")) for event in events} - {""})
        ),
        *(
            [_rests("names without a source", "nobody: how they were known is not recorded")]
            if any(not event.principal and event.actor != SYSTEM for event in events)
            else []
        ),
        _rests(
            "the digests are those of the files that ran",
            "the platform, which hashed them; nobody, if you have the files: acgs artifact verify",
        ),
        _rests("run, commit and data", "the training code, which logged them"),
        _rests(
            "results of controls",
            "the platform's scorer; nobody, if you judge the files again on the data of the "
            "digest that is named",
        ),
        _rests("what was measured in rollouts", "the platform's gateway, which counted"),
    ]


def _rests(statement: str, on: str) -> dict[str, object]:
    return {"statement": statement, "rests_on": on}
