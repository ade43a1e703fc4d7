"""Whether a candidate's model servers may be made: its stored files are proven first."""

from __future__ import annotations

from dataclasses import replace

from infra.errors import NoAccessError, UnavailableError
from registry.bootstrap import Registry
from registry.errors import GateClosedError
from serving.control.lanes import Lane
from serving.domain.state import Phase


def may_be_made(registry: Registry, lane: Lane) -> bool:
    """Prove the candidate's stored files, once per rollout; the lane says what came of it.

    The model servers' own copy was proven when it was made, maybe long ago: it says nothing of
    what lies in the store now.
    """
    assert lane.candidate is not None
    if lane.state.proven:
        return True
    match lane.state.phase:
        case Phase.PENDING:
            return _prove(registry, lane, lane.candidate.uid)
        case Phase.ROLLING_BACK:
            return False
        case Phase.PROGRESSING | Phase.PAUSED | Phase.PROMOTING:
            # Begun by a platform that did not prove: it takes traffic already.
            return True
        case Phase.SUCCEEDED | Phase.ROLLED_BACK:
            return False


def _prove(registry: Registry, lane: Lane, uid: str) -> bool:
    try:
        registry.files.prove(registry.versions.version(uid), "cannot be deployed")
    except GateClosedError as err:
        lane.refused = err.reasons
        return False
    except (UnavailableError, NoAccessError) as err:
        lane.waits_for = str(err)
        return False
    lane.state = replace(lane.state, proven=True)
    return True
