"""Decides whether a folder can be one model's own or is shared.

What is registered does not change any more, and goes as a whole when nothing needs it. So it must
be a folder that nobody else writes to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

from registry.files.domain.storage_place import ancestors, root_of

_RUN = re.compile(r"[0-9a-f]{32}")
_LOGGED_MODEL = re.compile(r"m-[0-9a-f]{32}")
_ARTIFACTS = "artifacts"


def is_own(place: str) -> bool:
    """Return whether a folder is, by its name, a logged model's or part of a run's artifacts."""
    parts = _parts(place)
    for at, (one, other) in enumerate(pairwise(parts)):
        if other == _ARTIFACTS:
            if _LOGGED_MODEL.fullmatch(one):
                return True
            if _RUN.fullmatch(one) and len(parts) > at + 2:
                return True
    return False


def shared_as(place: str, landmarks: Iterable[str]) -> str:
    """Say why a folder is shared with others' files; "" for a model's own folder.

    Args:
        place: where it really is.
        landmarks: places whose surrounding folders are shared: stores, experiments.
    """
    parts = _parts(place)
    if not parts:
        return "a whole store"
    if is_own(place):
        return ""
    if _RUN.fullmatch(parts[-1]):
        return "a run's whole folder"
    if len(parts) > 1 and parts[-1] == _ARTIFACTS and _RUN.fullmatch(parts[-2]):
        return "the folder of all artifacts of a run"
    if _LOGGED_MODEL.fullmatch(parts[-1]):
        return "what is around a logged model's folder"
    if any(place in ancestors(mark) for mark in landmarks):
        return "a folder in which others keep their files"
    return ""


def _parts(place: str) -> list[str]:
    return [part for part in place[len(root_of(place)) :].split("/") if part]
