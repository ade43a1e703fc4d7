"""Writes logs as one line per record: UTC time, then key=value."""

from __future__ import annotations

import json
import logging
import re
import sys
import time
import traceback
from pathlib import Path

from infra.identity.current import current_principal
from infra.identity.principal import Kind, Principal

QUIET = ("alembic", "mlflow.store.db", "httpx", "httpcore", "urllib3", "uvicorn.error")
"""Libraries whose INFO records say nothing about the platform."""

_WORD = re.compile(r"[\w.@:+-]+")


class KeyValueFormatter(logging.Formatter):
    """Formats `2026-01-31T12:00:00.000Z level=info role=x caller=alice logger=y msg="..."`.

    A record that belongs to nobody's request, or to no request, names no caller.
    """

    def __init__(self, role: str = "") -> None:
        super().__init__()
        self._role = role

    def format(self, record: logging.LogRecord) -> str:
        """Write one record in one line, with its traceback escaped at the end."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        parts = [f"{stamp}.{int(record.msecs):03d}Z", f"level={record.levelname.lower()}"]
        if self._role:
            parts.append(f"role={self._role}")
        # Records are formatted in the thread and task that log: there the request has its caller.
        caller = current_principal()
        if caller is not None:
            parts.append(f"caller={_plain(caller)}")
        parts += [f"logger={record.name}", f"msg={_quoted(record.getMessage())}"]
        if record.exc_info and record.exc_info[0] is not None:
            parts.append(f"trace={_quoted(''.join(traceback.format_exception(*record.exc_info)))}")
        return " ".join(parts)


def _plain(caller: Principal) -> str:
    """Return a caller's name; in quotes where it could pass for another part of the line."""
    name = caller.name if caller.kind is Kind.PERSON else f"{caller.kind}:{caller.name}"
    return name if _WORD.fullmatch(name) else _quoted(name)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def configure(level: str, role: str = "") -> None:
    """Send this process's records to stderr; replaces what was configured before.

    Args:
        level: name of a level, e.g. `INFO`.
        role: named in every record when given.
    """
    _install(logging.StreamHandler(sys.stderr), level, role)


def configure_file(level: str, path: Path, role: str) -> None:
    """Do as `configure`, but write to a file, for when the terminal shows something else."""
    handler = logging.FileHandler(path)
    _install(handler, level, role)


def _install(handler: logging.Handler, level: str, role: str) -> None:
    handler.setFormatter(KeyValueFormatter(role))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(True)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
