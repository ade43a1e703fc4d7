"""Writes a dossier as a page for people, which has the signed JSON in it, and takes it out again.

The page is a function of what is signed: its verifier writes it again and compares every
byte. It is of the format `acgs.dossier/v1`; another page is another format.
"""

from __future__ import annotations

import base64
import json
from functools import cache
from itertools import zip_longest
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from infra.clock import moment
from registry.dossier.errors import NotProvenError

_TEMPLATE = "dossier-v1.html"
_BEFORE = b'\n<script type="application/json" id="dossier">\n'
_AFTER = b"\n</script>\n</body>\n</html>\n"
_FIRST = (
    "what", "rule", "point", "statement", "document", "vote", "request", "rollout", "name", "asked",
    "version", "number", "stage", "aliases", "standing", "endpoint", "traffic", "at", "event",
    "actor", "known_by", "role", "kind", "from_stage", "target", "alias", "principle", "check",
    "verdict", "data", "rules", "verdicts", "votes", "outcome", "holds", "because", "passed",
    "score", "min_score", "observed", "expected", "path", "size_bytes", "sha256", "digest",
    "manifest_digest",
)  # fmt: skip
_LAST = (
    "follows", "reason", "comment", "measured", "details", "interval", "n", "said", "in_full",
    "fix",
)  # fmt: skip
_FOLDED = frozenset(
    {"in_full", "said", "plan", "measured", "details", "parameters", "binding", "interval"}
)
"""Keys whose values are shown as JSON, folded away."""
_MOST_COLUMNS = 12
_ORDER = {key: place for place, key in enumerate(_FIRST)}
_ORDER |= {key: 1000 + place for place, key in enumerate(_LAST)}


def render(payload: bytes, envelope: bytes) -> bytes:
    """Return the page of a dossier.

    Args:
        payload: that is signed, in canonical JSON.
        envelope: with its signature; it has no `<`, so nothing in it can end the script.
    """
    found = json.loads(payload)
    values: dict[str, Any] = {
        **found,
        "at": moment(found["at_ms"]),
        "made_at": moment(found["made_ms"]),
        "events": [json.loads(one["entry"]) for one in found["entries"]],
        "envelope": Markup(envelope.decode()),  # noqa: S704 - base64 and fixed names
    }
    text = _environment().get_template(_TEMPLATE).render(values)
    return text.encode()


def of_envelope(envelope: bytes) -> bytes:
    """Return the page of a signed dossier, whose signature is not checked."""
    return render(base64.b64decode(json.loads(envelope)["payload"]), envelope)


def contained(written: bytes) -> bytes:
    """Return the signed JSON of a dossier, which is the file itself or stands in a page.

    Raises:
        NotProvenError: there is none.
    """
    if written.startswith(b"{"):
        return written
    _, before, rest = written.rpartition(_BEFORE)
    envelope, after, end = rest.partition(_AFTER)
    if not before or not after or end:
        raise NotProvenError(
            "expected a dossier, as a page or as JSON, found something else",
            hint="acgs dossier NAME@VERSION writes one; a page that a browser saved is not the "
            "same any more",
        )
    return envelope


def require_same(written: bytes, rendered: bytes) -> None:
    """Require that a page shows what is signed, and nothing else.

    Raises:
        NotProvenError: it does not; names the first line that differs.
    """
    if written == rendered:
        return
    lines = zip_longest(written.split(b"\n"), rendered.split(b"\n"), fillvalue=b"")
    number, there = next(
        (number, one) for number, (one, other) in enumerate(lines, 1) if one != other
    )
    raise NotProvenError(
        f"line {number} of the page: expected what the signed content says, found "
        f"{there[:80].decode('utf-8', 'backslashreplace')!r}",
        hint="the page was changed after it was signed",
    )


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {
        "words": lambda key: str(key).replace("_", " "),
        "ordered": _ordered,
        "columns": _columns,
        "plain": _plain,
        "is_flat": _is_flat,
        "is_folded": lambda key: key in _FOLDED,
        "moment": moment,
        "pretty": lambda value: json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True),
        "compact": lambda value: json.dumps(value, ensure_ascii=False, sort_keys=True),
    }
    return made


def _ordered(value: dict[str, Any]) -> list[tuple[str, Any]]:
    return sorted(value.items(), key=lambda item: _place(item[0]))


def _columns(rows: list[dict[str, Any]]) -> list[str]:
    return sorted({key for row in rows for key in row}, key=_place)


def _is_flat(rows: list[dict[str, Any]]) -> bool:
    """Return whether objects fit into the rows of a table."""
    return len(_columns(rows)) <= _MOST_COLUMNS and not any(
        _has_objects(value) and key not in _FOLDED for row in rows for key, value in row.items()
    )


def _has_objects(value: object) -> bool:
    inner = value if isinstance(value, list) else [value]
    return any(isinstance(one, dict) for one in inner)


def _place(key: str) -> tuple[int, str]:
    return _ORDER.get(key, 500), key


def _plain(value: object) -> str:
    """Return a value that holds no others as people read it."""
    match value:
        case bool():
            return "yes" if value else "no"
        case None:
            return "none"
        case float():
            return repr(value)
        case _:
            return str(value)
