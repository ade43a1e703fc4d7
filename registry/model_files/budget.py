"""Bounds what reading one file makes, however often the file refers to the same bytes."""

from __future__ import annotations

from registry.model_files import limits
from registry.model_files.errors import MalformedError

_POINTER_BYTES = 8


class Budget:
    """Bytes that reading may still copy, unpack or look through."""

    def __init__(self, file_bytes: int) -> None:
        self._left = limits.FREE_WORK_BYTES + limits.WORK_PER_BYTE * file_bytes

    def spend(self, count: int) -> None:
        """Take bytes from the budget.

        Raises:
            MalformedError: none are left.
        """
        self._left -= count
        if self._left < 0:
            raise MalformedError("shared data that grows beyond measure when it is read")

    def spend_on(self, values: object) -> None:
        """Take what a call or a state may read of its parts: text, bytes and references."""
        parts = values if isinstance(values, tuple) else (values,)
        self.spend(_POINTER_BYTES * len(parts))
        for part in parts:
            if isinstance(part, str | bytes):
                self.spend(len(part))
            elif isinstance(part, list | tuple | dict | set | frozenset):
                self.spend(_POINTER_BYTES * len(part))
