"""Adds two things to a wheel: the locks that it installs from, and the commit of its code."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

HERE = Path(__file__).parent
LOCKS = ("serving.txt", "servers.txt")
COMMIT = "commit.txt"


def commit() -> str:
    """Return the commit that is packaged; nothing where nobody knows.

    A source distribution brings its own: it has no repository, or lies in somebody else's.
    """
    kept = HERE / COMMIT
    if kept.is_file():
        return kept.read_text().strip()
    if not (HERE / ".git").exists():
        return ""
    try:
        return subprocess.run(
            ["git", "rev-parse", "--verify", "HEAD"],
            cwd=HERE,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


class BuildPackages(build_py):
    """Puts the locks and the commit into `infra`, where `infra.origin` finds them."""

    def run(self) -> None:
        """Build the packages; an editable install reads the clone itself."""
        super().run()
        if self.editable_mode:
            return
        folder = Path(self.build_lib) / "infra"
        (folder / "requirements").mkdir(parents=True, exist_ok=True)
        for name in LOCKS:
            shutil.copyfile(HERE / "requirements" / name, folder / "requirements" / name)
        (folder / COMMIT).write_text(commit() + "\n")


class MakeSource(sdist):
    """Keeps the commit in the source distribution, from which a wheel may be built."""

    def make_release_tree(self, base_dir: str, files: list[str]) -> None:
        """Copy the files and add the commit."""
        super().make_release_tree(base_dir, files)
        (Path(base_dir) / COMMIT).write_text(commit() + "\n")


setup(cmdclass={"build_py": BuildPackages, "sdist": MakeSource})
