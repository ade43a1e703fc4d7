"""Proves a candidate's stored files before its model servers are made."""

from __future__ import annotations

from dataclasses import dataclass

from infra.errors import NoAccessError, UnavailableError
from registry.bootstrap import Registry
from registry.domain.reasons import Reason
from registry.errors import GateClosedError
from serving.domain.state import Phase, RolloutState


@dataclass(frozen=True, slots=True)
class Proof:
    """What is known about a candidate's stored files.

    Attributes:
        serves: its model servers may be made.
        proven: the files are those registered.
        refused: why they are not; empty when they are, or when nothing is known.
        waits_for: what keeps them from being read now, or "".
    """

    serves: bool
    proven: bool = False
    refused: tuple[Reason, ...] = ()
    waits_for: str = ""


def prove(registry: Registry, uid: str, state: RolloutState) -> Proof:
    """Prove a candidate's stored files, once per rollout.

    The model servers' own copy was proven when it was made, maybe long ago: the copy says nothing
    about what the store has now.
    """
    if state.proven:
        return Proof(serves=True, proven=True)
    match state.phase:
        case Phase.PENDING:
            return _look(registry, uid)
        case Phase.PROGRESSING | Phase.PAUSED | Phase.PROMOTING:
            # Begun by an older platform that did not prove files: the candidate takes traffic
            # already.
            return Proof(serves=True)
        case Phase.ROLLING_BACK | Phase.SUCCEEDED | Phase.ROLLED_BACK:
            return Proof(serves=False)


def _look(registry: Registry, uid: str) -> Proof:
    try:
        registry.files.prove(registry.versions.version(uid), "cannot be deployed")
    except GateClosedError as err:
        return Proof(serves=False, refused=err.reasons)
    except (UnavailableError, NoAccessError) as err:
        return Proof(serves=False, waits_for=str(err))
    return Proof(serves=True, proven=True)
