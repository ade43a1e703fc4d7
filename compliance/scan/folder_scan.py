"""Checks that a model's folder has the layout and documents of a plain scikit-learn model.

Everything but the model file itself, which the caller judges. Nothing in the folder is run, no link
is followed, and neither depth, nor number, nor size of its content costs more than the limits.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from compliance.domain.facts import Scan
from compliance.scan import document_scan
from registry.files.domain.manifest import is_shallow
from registry.model_files.rebuilding import MODEL_FILES

MAX_FILES = 64
MAX_FOLDERS = 64
TEXT_FILES = frozenset(
    {
        "MLmodel", "conda.yaml", "python_env.yaml", "requirements.txt", "input_example.json",
        "serving_input_example.json", "input_example.csv", "registered_model_meta", "README.md",
        "model_card.md", "estimator.html",
    }
)  # fmt: skip

Judge = Callable[[Path], Iterable[str]]


def scan(folder: Path, judge: Judge) -> Scan:
    """Check every file; an error while checking is a violation.

    Args:
        folder: of the model.
        judge: yields what is wrong with a model file.
    """
    found: list[str] = []
    files: list[str] = []
    for name, problem in _walk(folder):
        if problem:
            found.append(f"{name}: {problem}")
        else:
            files.append(name)
    if len(files) > MAX_FILES:
        return Scan((*found, f"more than {MAX_FILES} files"), len(files))
    for name in sorted(files):
        found += [f"{name}: {problem}" for problem in _file(folder / name, name, judge)]
    if "MLmodel" not in files:
        found.append("no MLmodel file")
    models = [name for name in MODEL_FILES if name in files]
    if len(models) != 1:
        found.append(f"expected one of {' and '.join(MODEL_FILES)}, found {len(models)}")
    return Scan(tuple(found), len(files))


def _walk(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield each plain file with "", and everything else with what is wrong."""
    waiting, folders, files = [""], 0, 0
    while waiting:
        below = waiting.pop()
        try:
            with os.scandir(folder / below) as items:
                for item in items:
                    name = below + item.name
                    kind = _kind(item)
                    if kind:
                        yield name, kind
                    elif not item.is_dir(follow_symlinks=False):
                        files += 1
                        yield name, ""
                    elif not is_shallow(f"{name}/"):
                        yield name[:80], "folders nested too deeply"
                    else:
                        folders += 1
                        waiting.append(f"{name}/")
                    if files > MAX_FILES or folders > MAX_FOLDERS:
                        yield "the folder", f"more than {MAX_FILES} files or {MAX_FOLDERS} folders"
                        return
        except OSError as err:
            yield below or "the folder", f"cannot be read ({err.strerror})"


def _kind(item: os.DirEntry[str]) -> str:
    if item.is_symlink():
        return "a symbolic link"
    if item.is_dir(follow_symlinks=False):
        return ""
    if not item.is_file(follow_symlinks=False):
        return "not a plain file"
    if item.stat(follow_symlinks=False).st_nlink > 1:
        return "a hard link: it is another file as well"
    return ""


def _file(path: Path, name: str, judge: Judge) -> Iterator[str]:
    if name in MODEL_FILES:
        try:
            yield from judge(path)
        except Exception as err:
            yield f"cannot be checked ({type(err).__name__}: {str(err)[:200]})"
    elif name in TEXT_FILES:
        yield from document_scan.check(path)
    else:
        yield "an unknown file" if "/" not in name else "an unknown file (code is not loaded)"
