"""The real gto, as a person runs it on a repository."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

_RUN = "import sys; from gto.cli import app; sys.exit(app())"


def gto(
    repository: Path,
    *arguments: str,
    check: bool = True,
    environment: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Run one gto command and return what it wrote."""
    outcome = subprocess.run(
        [sys.executable, "-c", _RUN, *arguments, "--repo", str(repository)],
        cwd=repository,
        env={**os.environ, "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if check and outcome.returncode:
        raise AssertionError(f"gto {' '.join(arguments)}: {outcome.stderr or outcome.stdout}")
    return outcome.stdout


def shown(repository: Path, name: str) -> dict[str, list[str]]:
    """Return gto's stages of each version of an artifact."""
    found = json.loads(gto(repository, "show", name, "--versions-per-stage", "-1", "--json"))
    return {each["version"]: sorted(s["stage"] for s in each["stages"]) for each in found}


def overview(repository: Path) -> dict[str, Any]:
    """Return gto's newest version and stages of every artifact."""
    return dict(json.loads(gto(repository, "show", "--json")))
