"""Limits the memory that reading one file takes, however often the file repeats its bytes."""

from __future__ import annotations

from registry.model_files import limits
from registry.model_files.errors import MalformedError

_POINTER_BYTES = 8


class Budget:
    """The bytes that reading may still copy, unpack or search."""

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
        """Spend what a call or a state may read of its parts: text, bytes and references."""
        parts = values if isinstance(values, tuple) else (values,)
        self.spend(_POINTER_BYTES * len(parts))
        for part in parts:
            if isinstance(part, str | bytes):
                self.spend(len(part))
            elif isinstance(part, list | tuple | dict | set | frozenset):
                self.spend(_POINTER_BYTES * len(part))
