"""Finds every name of a folder of this machine, so that no other name leads around a rule.

A path is one name among many: symlinks (`/proc/self/root` is one to `/`), other capitals where the
file system does not distinguish them, and what is mounted at two places lead to the same files.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from registry.files.domain.storage_place import ancestors

_MOUNTS = Path("/proc/self/mountinfo")
_LOCAL = "file:/"


@dataclass(frozen=True, slots=True)
class Mount:
    """A part of a device, and where it is mounted."""

    device: str
    root: str
    point: str


def names(place: str) -> set[str]:
    """Return every location by which the files at a location can be reached, as `file:/PATH`.

    Locations that are not on this machine have the one name only. What does not exist yet is named
    after the folders that do.
    """
    return {place, *real_names(place)}


def real_names(place: str) -> Sequence[str]:
    """Return where the files at a location really are; then where they are mounted too.

    A location that cannot be followed to its end, and so not be written to, keeps its one name.
    """
    if not place.startswith(_LOCAL):
        return [place]
    try:
        real = _as_written(os.path.realpath("/" + place.removeprefix(_LOCAL)))
    except (OSError, ValueError):
        return [place]
    return [_LOCAL + name.strip("/") for name in (real, *elsewhere(real, _mounts()))]


def is_inside(place: str, folder: str) -> bool:
    """Return whether a location is a folder or lies in it."""
    return folder in ancestors(place)


def elsewhere(path: str, mounts: Iterable[Mount]) -> Iterator[str]:
    """Yield the other paths at which a real path's files are mounted too.

    Args:
        path: absolute, without symlinks.
        mounts: in the order in which they were made.
    """
    known = list(mounts)
    over = [mount for mount in known if _relative(path, mount.point) is not None]
    if not over:
        return
    # Of two mounts at one point, the later hides the earlier.
    mine = max(enumerate(over), key=lambda at: (len(at[1].point.strip("/")), at[0]))[1]
    on_device = _joined(mine.root, _relative(path, mine.point) or "")
    for mount in known:
        inside = _relative(on_device, mount.root)
        if mount.device == mine.device and inside is not None and mount != mine:
            yield _joined(mount.point, inside)


def read_mounts(text: str) -> Sequence[Mount]:
    """Read the table of mounts that Linux writes (`man 5 proc_pid_mountinfo`)."""
    rows = (line.split(" ") for line in text.splitlines())
    return [Mount(row[2], _plain(row[3]), _plain(row[4])) for row in rows if len(row) > 4]


def _mounts() -> Sequence[Mount]:
    try:
        return read_mounts(_MOUNTS.read_text(errors="surrogateescape"))
    except OSError:
        return ()  # no Linux: nothing is mounted twice there without a symlink


def _plain(escaped: str) -> str:
    for code, letter in ((r"\040", " "), (r"\011", "\t"), (r"\012", "\n"), (r"\134", "\\")):
        escaped = escaped.replace(code, letter)
    return escaped


def _relative(path: str, folder: str) -> str | None:
    """Return a path's part below a folder; None if it lies elsewhere."""
    folder = folder.rstrip("/")
    if path == folder or not folder or path.startswith(folder + "/"):
        return path[len(folder) :].strip("/")
    return None


def _joined(folder: str, inside: str) -> str:
    return f"{folder.rstrip('/')}/{inside}".rstrip("/") or "/"


def _as_written(path: str) -> str:
    """Return a path in the capitals in which its folders were made, as far as they exist."""
    written = "/"
    for part in path.strip("/").split("/"):
        written = os.path.join(written, _entry(written, part))
    return written


def _entry(folder: str, name: str) -> str:
    wanted, other = os.path.join(folder, name), os.path.join(folder, name.swapcase())
    try:
        if other == wanted or not os.path.samefile(wanted, other):
            return name
        alike = [entry for entry in os.listdir(folder) if entry.casefold() == name.casefold()]
    except OSError:
        return name
    # Several are files of their own, of which one is a link to another.
    return alike[0] if len(alike) == 1 else name
