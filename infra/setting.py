"""Defines one setting: its name, its meaning, its default, and how its text is read.

Every role and most commands read settings, so this loads no library: pydantic-settings costs a
process a tenth of a second and 11 MB.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from os.path import expanduser
from pathlib import Path
from typing import Any, Protocol

_TRUTHS = {
    **dict.fromkeys(("1", "true", "t", "yes", "y", "on"), True),
    **dict.fromkeys(("0", "false", "f", "no", "n", "off"), False),
}
DEFINITION = "definition"
"""Key of a setting's definition in the metadata of a group's field."""


class Kind(Protocol):
    """What values a setting takes."""

    @property
    def expected(self) -> str:
        """Say it in words that follow "expected"."""

    @property
    def shown(self) -> str:
        """Say it in short, for the reference page."""

    def read(self, text: str) -> object:
        """Return the value that a text means.

        Raises:
            ValueError: it means none.
        """


@dataclass(frozen=True, slots=True)
class Definition:
    """One setting, apart from the group that it belongs to.

    Attributes:
        name: in the environment.
        meaning: for people.
        is_secret: whether its value may hold a password, and is never shown.
    """

    name: str
    default: object
    meaning: str
    kind: Kind
    is_secret: bool = False


def setting(
    name: str, default: object, meaning: str, kind: Kind, *, is_secret: bool = False
) -> Any:
    """Return a field of a group of settings."""
    definition = Definition(name, default, meaning, kind, is_secret)
    return field(default=default, metadata={DEFINITION: definition})


@dataclass(frozen=True, slots=True)
class Text:
    """Any text, or one that a check lets pass by not raising ValueError."""

    expected: str = "a text"
    check: Callable[[str], object] = str
    shown: str = "text"

    def read(self, text: str) -> str:
        """Return the text."""
        self.check(text)
        return text


@dataclass(frozen=True, slots=True)
class Place:
    """A path; an empty text means another one, or none."""

    empty: Path | None = None
    expected: str = "a path"
    shown: str = "path"

    def read(self, text: str) -> Path | None:
        """Return the path."""
        # Of a user that nobody knows, `~NAME` stays as it is.
        if "\0" in text or (text.startswith("~") and expanduser(text).startswith("~")):
            raise ValueError(text)
        return Path(text) if text else self.empty


@dataclass(frozen=True, slots=True)
class Truth:
    """True or false."""

    expected: str = "true or false"
    shown: str = "true or false"

    def read(self, text: str) -> bool:
        """Return the truth value that a text means, in any capitals."""
        try:
            return _TRUTHS[text.strip().lower()]
        except KeyError:
            raise ValueError(text) from None


@dataclass(frozen=True, slots=True)
class Between:
    """A finite number between bounds, that `convert` makes of a text."""

    what: str
    convert: Callable[[str], float]
    at_least: float | None = None
    at_most: float | None = None
    more_than: float | None = None

    @property
    def expected(self) -> str:
        """Name the bounds."""
        bounds = (
            ("at least", self.at_least),
            ("more than", self.more_than),
            ("at most", self.at_most),
        )
        limits = [f"{words} {bound}" for words, bound in bounds if bound is not None]
        return f"a {self.what} of {' and '.join(limits)}" if limits else f"a {self.what}"

    @property
    def shown(self) -> str:
        """Name the bounds in short."""
        bounds = ((">=", self.at_least), (">", self.more_than), ("<=", self.at_most))
        limits = (f"{sign} {bound}" for sign, bound in bounds if bound is not None)
        return ", ".join((self.what, *limits))

    def read(self, text: str) -> float:
        """Return the number, written in digits that are ASCII."""
        if not text.isascii() or "_" in text:
            raise ValueError(text)
        found = self.convert(text)
        within = (
            (isinstance(found, int) or math.isfinite(found))
            and (self.at_least is None or found >= self.at_least)
            and (self.more_than is None or found > self.more_than)
            and (self.at_most is None or found <= self.at_most)
        )
        if not within:
            raise ValueError(text)
        return found


def whole(at_least: int | None = None, at_most: int | None = None) -> Between:
    """Return what a whole number between bounds is."""
    return Between("whole number", int, at_least, at_most)


def number(
    at_least: float | None = None, at_most: float | None = None, more_than: float | None = None
) -> Between:
    """Return what a finite number between bounds is."""
    return Between("number", float, at_least, at_most, more_than)


@dataclass(frozen=True, slots=True)
class OneOf:
    """One of some words, or the member of an enum that a word names.

    Attributes:
        fold: what makes another spelling of a word that word.
    """

    values: Sequence[str] | type[Enum]
    fold: Callable[[str], str] = str

    @property
    def _words(self) -> list[str]:
        return [str(value.value if isinstance(value, Enum) else value) for value in self.values]

    @property
    def expected(self) -> str:
        """Name the words."""
        *others, last = self._words
        return f"{', '.join(others)} or {last}"

    @property
    def shown(self) -> str:
        """Name the words in short."""
        return " or ".join(f"`{word}`" for word in self._words)

    def read(self, text: str) -> object:
        """Return the word, or the member of that value."""
        word = self.fold(text) if text.isascii() else text
        for value in self.values:
            if word == (value.value if isinstance(value, Enum) else value):
                return value
        raise ValueError(text)


PORT = whole(at_least=1, at_most=65535)
