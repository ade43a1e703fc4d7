"""A server that could not govern does not start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.platform import environment, write_constitution
from tests.support.stores import put_database

SITE = """
import importlib.metadata as metadata

_installed = metadata.entry_points


class Without:
    def __init__(self, points):
        self._points = points

    def __getattr__(self, name):
        return getattr(self._points, name)

    def __iter__(self):
        return iter(self._points)

    def select(self, **asked):
        found = self._points.select(**asked)
        hidden = [p for p in found if not p.name.startswith("acgs+")]
        return metadata.EntryPoints(hidden)


def entry_points(**asked):
    if asked.get("group") == "mlflow.model_registry_store":
        return metadata.EntryPoints(
            p for p in _installed(**asked) if not p.name.startswith("acgs+")
        )
    return _installed(**asked) if asked else Without(_installed())


metadata.entry_points = entry_points
"""


def run_registry(root: Path, **more: str) -> subprocess.CompletedProcess[str]:
    put_database(root)
    subprocess.run(
        [sys.executable, "-m", "infra", "prepare"],
        env=environment(root),
        capture_output=True,
        timeout=120,
        check=False,
    )
    return subprocess.run(
        [sys.executable, "-m", "infra", "run", "registry"],
        env=environment(root, **more),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_without_the_store_plugin(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(SITE)
    path = os.pathsep.join([str(site), str(Path(__file__).parents[4])])
    done = run_registry(tmp_path / "root", PYTHONPATH=path)
    assert done.returncode != 0
    assert "acgs+sqlite" in done.stderr


@pytest.mark.parametrize("broken", ["applies_to: [", "metadata: {}\n"])
def test_with_a_broken_constitution(tmp_path: Path, broken: str) -> None:
    write_constitution(tmp_path)
    (tmp_path / "constitution" / "constitution.yaml").write_text(broken)
    done = run_registry(tmp_path)
    assert done.returncode != 0
    assert "constitution" in done.stderr


def test_with_another_constitution_than_the_environment_names(tmp_path: Path) -> None:
    done = run_registry(tmp_path, CONSTITUTIONAL_HASH="0123456789abcdef")
    assert done.returncode != 0
    assert "expected constitution 0123456789abcdef" in done.stderr


def test_where_the_storage_root_cannot_be_made_and_says_so_once() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "infra", "run", "registry"],
        env=environment(Path("/proc/acgs")),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 3
    assert "error [infra.unavailable]: cannot use /proc/acgs" in done.stderr
    assert "Traceback" not in done.stderr
    assert "level=error" not in done.stderr
