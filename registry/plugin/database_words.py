"""Says in plain words why a database refused a statement, without the statement.

A driver's text names tables, constraints and the driver, and PostgreSQL's quotes the statement.
The client can do something about the kind of the mistake alone; the log has the rest.
"""

from __future__ import annotations

from sqlalchemy.exc import DataError, InterfaceError, ProgrammingError, StatementError

_TOO_LARGE = "22003"
_KINDS: tuple[tuple[frozenset[str], str], ...] = (
    (
        frozenset({"23505", "SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY"}),
        "expected a name or key that is not taken, found one that is",
    ),
    (
        frozenset({"23503", "SQLITE_CONSTRAINT_FOREIGNKEY"}),
        "expected what the call refers to, found nothing of that name or number",
    ),
    (
        frozenset({"23502", "SQLITE_CONSTRAINT_NOTNULL"}),
        "expected a value that is required, found none",
    ),
    (frozenset({"22001"}), "expected a shorter text, found one longer than the database holds"),
    (
        frozenset({_TOO_LARGE}),
        "expected a number that the database holds, found one that is too large",
    ),
)
"""By SQLSTATE, or by SQLite's name of the error."""
_WRONG_TYPE = "expected values of the types that the database holds, found another type"


def reason(error: BaseException) -> str:
    """Return what was expected and found, as one plain sentence.

    Args:
        error: of SQLAlchemy, or the OverflowError of SQLite's driver.
    """
    code = _TOO_LARGE if isinstance(error, OverflowError) else _code(error)
    for codes, said in _KINDS:
        if code in codes:
            return said
    is_type = isinstance(error, DataError | InterfaceError | ProgrammingError)
    # Of no driver: SQLAlchemy itself could not pack a value.
    if is_type or type(error) is StatementError:
        return _WRONG_TYPE
    return "expected values that the database accepts, found others"


def _code(error: BaseException) -> str | None:
    original = getattr(error, "orig", None)
    return getattr(original, "pgcode", None) or getattr(original, "sqlite_errorname", None)
