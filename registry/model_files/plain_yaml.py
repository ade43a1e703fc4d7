"""Reads a model's `MLmodel` as YAML, within a bounded time and depth for any content.

The document is looked at event by event first, which takes no recursion, and no more memory than
one event: aliases that multiply, numbers whose parsing takes for ever and nesting that would
exhaust the stack end it before a value is made. A key that comes twice is refused, since readers
differ in which of its values they take.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

from registry.domain.plain_json import MAX_LEVELS
from registry.errors import ArtifactError, NestingError

MAX_BYTES = 1 << 20
"""MLflow's own files have some 2 KB; one with a signature of ten thousand columns has 600 KB."""
MAX_VALUES = 20_000
"""Scalars, lists and mappings, each counted as often as an alias repeats it."""
MAX_NUMBER_LENGTH = 128
"""Characters. A number in base 60, which YAML knows, takes quadratic time to read."""

_NUMBER = re.compile(r"[-+]?[0-9][0-9a-fA-F_:.,xo]*")
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read(data: bytes, what: str) -> object:
    """Parse one YAML document without running anything named in it.

    Args:
        data: of the document.
        what: name of the document, for the errors.

    Raises:
        NestingError: it is larger, deeper or denser than any that MLflow writes.
        ArtifactError: a key comes twice.
        yaml.YAMLError: it is no YAML.
        UnicodeDecodeError: it is no text.
    """
    if len(data) > MAX_BYTES:
        raise _unusual(what, f"up to {MAX_BYTES} bytes", f"{len(data)}")
    text = data.decode("utf-8")
    try:
        _Measure(what).all_of(text)
    except yaml.YAMLError as err:
        # libyaml reads ahead, and ends at a thousand levels by itself.
        if "maximum nesting depth" in str(err):
            raise _unusual(what, f"up to {MAX_LEVELS} levels", "more") from None
        raise
    value: object = yaml.load(text, Loader=_Loader)  # noqa: S506 (a SafeLoader)
    return value


@dataclass(slots=True)
class _Open:
    """A list or mapping that is still open."""

    anchor: str | None
    before: int
    """Values that were counted before it."""
    keys: set[str] | None
    """Of a mapping, so far."""
    at_key: bool = True


class _Measure:
    """Counts the values of a document as if each alias were written out."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._sizes: dict[str, int] = {}
        self._open: list[_Open] = []
        self._count = 0

    def all_of(self, text: str) -> None:
        for event in yaml.parse(text, Loader=_Loader):
            match event:
                case yaml.events.CollectionStartEvent():
                    self._child(None)
                    keys = set[str]() if isinstance(event, yaml.events.MappingStartEvent) else None
                    self._open.append(_Open(event.anchor, self._count, keys))
                    self._add(1)
                    if len(self._open) > MAX_LEVELS:
                        raise _unusual(self._what, f"up to {MAX_LEVELS} levels", "more")
                case yaml.events.CollectionEndEvent():
                    ended = self._open.pop()
                    self._name(ended.anchor, self._count - ended.before)
                case yaml.events.AliasEvent():
                    self._child(None)
                    # One that is not known yet holds itself.
                    self._add(self._sizes.get(event.anchor or "", MAX_VALUES + 1))
                case yaml.events.ScalarEvent():
                    self._scalar(event)

    def _scalar(self, event: Any) -> None:
        if len(event.value) > MAX_NUMBER_LENGTH and _NUMBER.fullmatch(event.value):
            limit = f"numbers of up to {MAX_NUMBER_LENGTH} characters"
            raise _unusual(self._what, limit, f"{len(event.value)}")
        self._child(event.value)
        self._add(1)
        self._name(event.anchor, 1)

    def _child(self, scalar: str | None) -> None:
        """Record a child of the innermost mapping: keys and values take turns."""
        if not self._open or self._open[-1].keys is None:
            return
        parent, keys = self._open[-1], self._open[-1].keys
        if parent.at_key and scalar is not None:
            if scalar in keys:
                raise ArtifactError(
                    f"{self._what}: expected each key once, found {scalar[:60]!r} twice"
                )
            keys.add(scalar)
        parent.at_key = not parent.at_key

    def _name(self, anchor: str | None, size: int) -> None:
        if anchor is not None:
            self._sizes[anchor] = size

    def _add(self, count: int) -> None:
        self._count += count
        if self._count > MAX_VALUES:
            raise _unusual(self._what, f"up to {MAX_VALUES} values", "more")


def _unusual(what: str, expected: str, found: str) -> NestingError:
    return NestingError(f"{what}: expected {expected}, found {found}")
