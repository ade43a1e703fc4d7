"""Lets the database remember why a work on the audit log fails, for `acgs health`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from infra.errors import PlatformError
from infra.stores.db import transaction
from registry.audit.merkle.adapters import leaves
from registry.audit.merkle.adapters.log_writer import disk_error


@dataclass(slots=True)
class Told:
    """The last error of a work, written when it changes.

    Attributes:
        engine: of the database.
        column: of `acgs_log`, which holds it.
        is_known: whether the database has what this process last told, or saw cleared.
    """

    engine: Engine
    column: str
    is_known: bool = False
    _last: str | None = None

    def tell(self, error: PlatformError) -> None:
        """Write an error, unless it is the one that was written last."""
        if self.is_known and self._last == str(error):
            return
        # The database may be away too, which its own probe reports.
        with suppress(PlatformError), transaction(self.engine) as connection:
            leaves.remember(connection, **{self.column: str(error)})
            self.is_known, self._last = True, str(error)

    @contextmanager
    def watching(self, folder: Path) -> Iterator[None]:
        """Write what fails in the block, and raise it.

        Args:
            folder: of the log, which a failing disk is said to be of.

        Raises:
            PlatformError: that, or what a failing disk means.
        """
        try:
            yield
        except OSError as err:
            self.tell(known := disk_error(err, folder))
            raise known from err
        except PlatformError as err:
            self.tell(err)
            raise

    def is_clear(self) -> bool:
        """Return whether the database is known to hold no error of this work."""
        return self.is_known and self._last is None

    def cleared(self) -> None:
        """Take note that the error was removed, with the result of a round that did its work."""
        self.is_known, self._last = True, None
