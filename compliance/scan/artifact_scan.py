"""Scans whether a model's folder holds only what a plain scikit-learn model needs.

Layout and documents by an allow-list (`folder_scan`); the model file itself is read into
values, and every value is judged (`registry.model_files`). Nothing in the folder is run.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from compliance.domain.facts import Scan
from compliance.scan import folder_scan
from registry.model_files.rebuilding import judge_file

# Known bad names are looked for in refused files alone, and only where that takes no time.
_MAX_SECOND_OPINION_BYTES = 100_000


def scan_folder(folder: Path) -> Scan:
    """Check every file; an error while checking is a violation."""
    return folder_scan.scan(folder, judge_model)


def judge_model(path: Path) -> Iterator[str]:
    """Yield why a model file is refused."""
    problems = judge_file(path).problems
    yield from problems
    found = path.lstat()
    # Other readers must not follow what this one refused to follow.
    small = stat.S_ISREG(found.st_mode) and found.st_size <= _MAX_SECOND_OPINION_BYTES
    if problems and small and path.suffix == ".pkl":
        yield from _second_opinion(path)


def _second_opinion(path: Path) -> Iterator[str]:
    """Ask picklescan, whose list of known bad names says more than "not allowed"."""
    from picklescan.scanner import SafetyLevel, scan_file_path

    for found in scan_file_path(str(path)).globals:
        if found.safety is SafetyLevel.Dangerous:
            yield f"known as dangerous: {found.module}.{found.name}"
