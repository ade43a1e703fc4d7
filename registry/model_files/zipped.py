"""Reads the entries of a zip and numpy's own file formats, within limits."""

from __future__ import annotations

import io
import re
import stat
import zipfile
from typing import Any

import numpy as np

from registry.model_files import limits, numpy_values
from registry.model_files.errors import MalformedError

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_NAME = re.compile(r"^[A-Za-z0-9_-]{1,64}\.(json|npy|npz|bin)$")
_HEADER_CHARACTERS = 10_000


class Archive:
    """A zip whose entries are read once each and unpack to no more than a limit.

    Attributes:
        unpacked_bytes: size of all entries together.
    """

    def __init__(self, data: memoryview) -> None:
        if bytes(data[:4]) != b"PK\x03\x04":
            raise MalformedError("a zip behind something else")
        self._zip = zipfile.ZipFile(_File(data))
        self._entries: dict[str, bytes] = {}
        infos = self._zip.infolist()
        if len(infos) > limits.MAX_ZIP_ENTRIES:
            raise MalformedError(f"more than {limits.MAX_ZIP_ENTRIES} entries")
        if len({info.filename for info in infos}) != len(infos):
            raise MalformedError("two entries of one name")
        self.unpacked_bytes = sum(info.file_size for info in infos)
        allowed = max(limits.FREE_UNZIPPED_BYTES, limits.MAX_UNZIP_RATIO * len(data))
        if self.unpacked_bytes > min(allowed, limits.MAX_UNZIPPED_BYTES):
            raise MalformedError(f"unpacks to {self.unpacked_bytes} bytes")
        for info in infos:
            is_link = stat.S_ISLNK(info.external_attr >> 16)
            if is_link or not _NAME.match(info.filename):
                raise MalformedError(f"an entry named {info.filename[:40]!r}")
            if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                raise MalformedError("an entry in a compression that is not expected")

    def read(self, name: object, limit: int = limits.MAX_UNZIPPED_BYTES) -> bytes:
        """Return an entry.

        Raises:
            MalformedError: there is none, or it is larger than `limit` bytes.
        """
        if not isinstance(name, str) or name not in self._zip.NameToInfo:
            raise MalformedError("an entry that is not there")
        if self._zip.getinfo(name).file_size > limit:
            raise MalformedError(f"an entry larger than {limit} bytes")
        if name not in self._entries:
            # Never more than the entry says, whatever its data unpacks to; then its checksum.
            with self._zip.open(name) as file:
                self._entries[name] = file.read(self._zip.getinfo(name).file_size)
                if file.read(1):
                    raise MalformedError("an entry that lies about its size")
        return self._entries[name]

    def names(self) -> list[str]:
        """Return the names of all entries."""
        return self._zip.namelist()

    def was_read(self) -> int:
        """Return how many entries have been read."""
        return len(self._entries)

    def unread(self) -> int:
        """Return how many entries have not been read."""
        return len(self._zip.namelist()) - len(self._entries)


class _File(io.RawIOBase):
    """Presents a view as a file, so that the zip is not copied."""

    def __init__(self, data: memoryview) -> None:
        self._data, self._at = data, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = max(0, offset + (0, self._at, len(self._data))[whence])
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        end = len(self._data) if size is None or size < 0 else self._at + size
        found = bytes(self._data[self._at : end])
        self._at += len(found)
        return found


def npy(data: bytes) -> Any:
    """Return the array of an .npy file, over the file's own bytes; never an array of objects."""
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    read_header = _HEADERS.get(version)
    if read_header is None:
        raise MalformedError("an array file of a foreign version")
    shape, fortran, dtype = read_header(file, max_header_size=_HEADER_CHARACTERS)
    body = memoryview(data)[file.tell() :]
    return numpy_values.array_from_bytes(body, dtype, shape, fortran=fortran)


def npz(archive: Archive) -> dict[str, Any]:
    """Return the arrays of an .npz file, by name."""
    return {name.removesuffix(".npy"): npy(archive.read(name)) for name in archive.names()}
