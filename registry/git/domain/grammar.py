"""Parses and writes gto's tag names, as gto 1.10 reads them (gto/constants.py)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

_DIRNAME = r"[a-zA-Z0-9\-_./]+"
_NAME = r"[a-zA-Z0-9](?:[a-zA-Z0-9\-/_]*[a-zA-Z0-9])?"
_PRERELEASE = r"(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)"
_SEMVER = (
    r"(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)"
    rf"(?:-{_PRERELEASE}(?:\.{_PRERELEASE})*)?"
    r"(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?"
)
_TAG = re.compile(
    rf"(?P<artifact>(?:{_DIRNAME}=)?{_NAME})"
    rf"(?:(?:#(?P<stage>{_NAME})|@v(?P<version>{_SEMVER}))(?P<cancel>!?)|@(?P<deprecated>deprecated))"
    r"(?:#(?P<counter>[0-9]+))?"
)


class TagAction(StrEnum):
    """Says what a tag does to an artifact."""

    REGISTER = "register"
    DEREGISTER = "deregister"
    ASSIGN = "assign"
    UNASSIGN = "unassign"
    DEPRECATE = "deprecate"


@dataclass(frozen=True, slots=True)
class TagName:
    """One tag name, parsed.

    Attributes:
        action: what it says.
        artifact: gto's name of the model.
        version: semantic version without its `v`; "" where the action names none.
        stage: gto's name of the stage; "" where the action names none.
        counter: number behind the last `#`, > 0; 0 when there is none.
    """

    action: TagAction
    artifact: str
    version: str = ""
    stage: str = ""
    counter: int = 0

    def __str__(self) -> str:
        end = f"#{self.counter}" if self.counter else ""
        match self.action:
            case TagAction.REGISTER:
                return f"{self.artifact}@v{self.version}{end}"
            case TagAction.DEREGISTER:
                return f"{self.artifact}@v{self.version}!{end}"
            case TagAction.ASSIGN:
                return f"{self.artifact}#{self.stage}{end}"
            case TagAction.UNASSIGN:
                return f"{self.artifact}#{self.stage}!{end}"
            case TagAction.DEPRECATE:
                return f"{self.artifact}@deprecated{end}"
            case _:
                assert_never(self.action)


def parse(name: str) -> TagName | None:
    """Parse a tag name; None when it is not in gto's grammar."""
    found = _TAG.fullmatch(name)
    if found is None:
        return None
    counter = int(found["counter"] or 0)
    if found["deprecated"]:
        return TagName(TagAction.DEPRECATE, found["artifact"], counter=counter)
    if found["version"]:
        action = TagAction.DEREGISTER if found["cancel"] else TagAction.REGISTER
        return TagName(action, found["artifact"], version=found["version"], counter=counter)
    action = TagAction.UNASSIGN if found["cancel"] else TagAction.ASSIGN
    return TagName(action, found["artifact"], stage=found["stage"], counter=counter)
