"""Folders that hold what is no file of a model, under names and at depths that nobody uses."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.support.hostile.kit import Effect, Hostile, Kind, Site

SPARSE_BYTES = 10_000_000_000


def _row(name: str, build: Callable[[Site], object], effect: Effect = Effect.UNTRIED) -> Hostile:
    return Hostile(name, Kind.LAYOUT, build, effect=effect)


def _file(name: str, content: bytes = b"1") -> Callable[[Site], object]:
    def build(site: Site) -> None:
        path = os.path.join(os.fsencode(site.folder), os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)

    return build


def _instead(name: str, make: Callable[[Path, Site], object]) -> Callable[[Site], object]:
    """Put something else where a file of the model is."""

    def build(site: Site) -> None:
        path = site.folder / name
        path.unlink(missing_ok=True)
        make(path, site)

    return build


def _linked(path: Path, site: Site) -> None:
    path.symlink_to(site.secret)


def _hard_linked(path: Path, site: Site) -> None:
    os.link(site.secret, path)


def _listening(path: Path, _site: Site) -> None:
    # A socket's path may have some 100 characters only.
    here = os.open(path.parent, os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(f"/proc/self/fd/{here}/{path.name}")
    finally:
        os.close(here)


def _moved_out(site: Site) -> None:
    """Keep the model elsewhere, and link to it."""
    model = site.folder / "model.skops"
    elsewhere = site.secret.with_name("elsewhere.skops")
    model.rename(elsewhere)
    model.symlink_to(elsewhere)


def deep(folder: Path, levels: int, name: str = "d", file: str = "") -> None:
    """Make folders in folders, deeper than a path may be long."""
    at = os.open(folder, os.O_RDONLY)
    for _level in range(levels):
        os.mkdir(name, dir_fd=at)
        below = os.open(name, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    if file:
        os.close(os.open(file, os.O_CREAT | os.O_WRONLY, dir_fd=at))
    os.close(at)


def _deep(levels: int, name: str = "d", file: str = "") -> Callable[[Site], object]:
    return lambda site: deep(site.folder, levels, name, file)


def _many(count: int, make: Callable[[Path], object]) -> Callable[[Site], object]:
    def build(site: Site) -> None:
        for number in range(count):
            make(site.folder / f"{number}")

    return build


def _sparse(name: str, size_bytes: int = SPARSE_BYTES) -> Callable[[Site], object]:
    def build(site: Site) -> None:
        with (site.folder / name).open("r+b" if (site.folder / name).exists() else "wb") as file:
            file.truncate(size_bytes)

    return build


def _circle(site: Site) -> None:
    (site.folder / "code").mkdir()
    (site.folder / "code" / "again").symlink_to(site.folder)


def _below(site: Site) -> None:
    (site.folder / "data").mkdir()
    (site.folder / "MLmodel").rename(site.folder / "data" / "MLmodel")


def _closed(site: Site) -> None:
    """Hide a file in a folder that only root may enter."""
    inner = site.folder / "metadata"
    inner.mkdir()
    (inner / "evil.py").write_text("1")
    with suppress(PermissionError):
        inner.chmod(0o000)


LAYOUTS: tuple[Hostile, ...] = (
    _row("a link to a file", _instead("README.md", _linked)),
    _row("MLmodel as a link", _instead("MLmodel", _linked)),
    _row("the model as a link to itself elsewhere", _moved_out),
    _row("a link to nothing", _instead("README.md", lambda p, s: p.symlink_to(s.marker))),
    _row("a link to a folder", _instead("code", lambda p, s: p.symlink_to(s.folder.parent))),
    _row("a link in a circle", _circle),
    _row("a hard link to a file outside", _instead("README.md", _hard_linked)),
    _row("a pipe", _instead("input_example.json", lambda p, _s: os.mkfifo(p))),
    _row("MLmodel as a pipe", _instead("MLmodel", lambda p, _s: os.mkfifo(p))),
    _row("the model as a pipe", _instead("model.skops", lambda p, _s: os.mkfifo(p))),
    _row("a socket", _instead("README.md", _listening)),
    _row("MLmodel as a folder", _instead("MLmodel", lambda p, _s: p.mkdir())),
    _row("the model as a folder", _instead("model.skops", lambda p, _s: p.mkdir())),
    _row("no MLmodel", _instead("MLmodel", lambda _p, _s: None)),
    _row("no model", _instead("model.skops", lambda _p, _s: None)),
    _row("MLmodel in a folder below", _below),
    _row("code beside the model", _file("code/helper.py")),
    _row("a module that Python runs at its start", _file("sitecustomize.py")),
    _row("a path file", _file("evil.pth", b"import os")),
    _row("compiled code", _file("__pycache__/numpy.cpython-311.pyc")),
    _row("a library", _file("libscore.so", b"\x7fELF")),
    _row("a second model", _file("model.pkl", b"N.")),
    _row("a hidden file", _file(".netrc")),
    _row("a name in other letters", _file("MLMODEL")),
    _row("a name with a space at its end", _file("MLmodel ")),
    _row("a name with a line break", _file("README.md\nMLmodel")),
    _row("a name with a control sequence", _file("\x1b[2Jmodel.skops")),
    _row("a name that reads from the right", _file("model\u202eslppa.py")),
    _row("a name that is no text", _file("\udcff\udcfe")),
    _row("a name of 255 bytes", _file("m" * 255)),
    _row("a model's name in a folder below", _file("artifacts/model.skops")),
    _row("three hundred files", _many(300, lambda path: path.touch())),
    _row("three hundred folders", _many(300, lambda path: path.mkdir())),
    _row("a file a hundred levels deep", _deep(100, file="MLmodel")),
    _row("folders six hundred levels deep", _deep(600)),
    _row("a file six hundred levels deep", _deep(600, file="MLmodel")),
    _row("folders deeper than recursion goes", _deep(1100)),
    _row("folders deeper than a path is long", _deep(100, "d" * 200, "MLmodel")),
    _row("a folder that nobody may enter", _closed),
    _row("a model of ten gigabytes of nothing", _sparse("model.skops")),
    _row("a text of ten gigabytes of nothing", _sparse("README.md")),
    _row("an MLmodel of ten gigabytes of nothing", _sparse("MLmodel")),
    _row("a text of six megabytes of nothing", _sparse("requirements.txt", 6_000_000)),
)  # fmt: skip
