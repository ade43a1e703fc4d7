"""Hostile model folders, all kinds in one table, and how to build one."""

from __future__ import annotations

import subprocess
from pathlib import Path
from shutil import copytree

from tests.support.honest_folders import HonestFolders
from tests.support.honest_pipelines import HONEST
from tests.support.hostile.archives import ARCHIVES
from tests.support.hostile.arrays import ARRAYS
from tests.support.hostile.bombs import BOMBS
from tests.support.hostile.changing import CHANGING
from tests.support.hostile.documents import DOCUMENTS
from tests.support.hostile.estimators import ESTIMATORS
from tests.support.hostile.indices import FORGED as INDICES
from tests.support.hostile.kit import Hostile, Site
from tests.support.hostile.layout import LAYOUTS
from tests.support.hostile.parts import PARTS
from tests.support.hostile.pickles import PICKLES
from tests.support.hostile.shared import SHARED
from tests.support.hostile.sizes import FORGED

HOSTILE: tuple[Hostile, ...] = (
    *PICKLES, *CHANGING, *ARRAYS, *ARCHIVES, *ESTIMATORS, *PARTS, *BOMBS, *SHARED, *FORGED,
    *INDICES, *LAYOUTS, *DOCUMENTS,
)  # fmt: skip


def build(hostile: Hostile, honest: HonestFolders, root: Path) -> Site:
    """Make the folder below an empty one of the test's own."""
    site = Site(root / "model", root / "marker", root / "secret")
    site.secret.write_text("hush\n")
    copytree(honest.of(HONEST[0], hostile.base), site.folder)
    hostile.build(site)
    return site


def remove(root: Path) -> None:
    """Remove what was built: deeper than Python's own way of removing goes."""
    subprocess.run(["chmod", "-Rf", "u+rwx", root], check=False)
    subprocess.run(["rm", "-rf", root], check=True)
