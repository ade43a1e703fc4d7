"""Remembers what a pickle has used up, so that later changes to a value are refused.

Loading copies a state when it is set, and the arguments of a call when it is made; this package
keeps references. A stream may hold on to either and change it afterwards: then what is judged is
not what is loaded. No pickler writes that.
"""

from __future__ import annotations

from registry.model_files.errors import MalformedError
from registry.model_files.families import ATTRIBUTES, Family, family
from registry.model_files.nodes import Array, DType, Instance, Masked, children

_PARTS = (tuple, list, dict, set, Array, DType, Masked, Instance)
# Made empty and filled later, also by those that they lead to.
_OPEN = ATTRIBUTES | {Family.CF_NODE, Family.CF_SUBCLUSTER}


class Consumed:
    """The values that a state or a call was made of."""

    def __init__(self) -> None:
        # By identity, and held, so that no other value takes over an identity.
        self._values: dict[int, object] = {}

    def take(self, value: object) -> None:
        """Use up a value and everything in it, each part once, however often it is shared.

        Objects that are made empty and filled later stay open: they are held by reference on
        loading too, and parts that lead back to their owner are written before its state.
        """
        waiting = [value]
        while waiting:
            found = waiting.pop()
            if not isinstance(found, _PARTS) or id(found) in self._values:
                continue
            if isinstance(found, Instance) and family(found.cls) in _OPEN:
                continue
            self._values[id(found)] = found
            if not isinstance(found, DType):
                waiting.extend(part for part in children(found) if isinstance(part, _PARTS))

    def check(self, value: object) -> None:
        """Refuse a change of a value that was used up.

        Raises:
            MalformedError: it was.
        """
        if id(value) in self._values:
            kind = type(value).__name__.lower()
            raise MalformedError(f"a value that changes once it was used ({kind})")
